"""What is mirrored is read back with the trackers' own libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from service.settings import read_settings
from worker.sinks import sinks_of
from worker.sinks.base import End, Point, Run
from worker.sinks.mlflow import EXPERIMENT, mlflow_sink
from worker.sinks.tensorboard import tensorboard_sink

RUN = Run("job_1", "streets", {"train.steps": "600", "student.arch": "x" * 2000})
POINTS = [Point("training_student/loss", value, step, 1_700_000_000.0 + step) for step, value in ((0, 2.0), (10, 1.0))]
END = End("succeeded", {"files": "report.html, student.onnx", "model": "street@3"}, {"result/student.miou": 0.7})


@pytest.mark.filterwarnings("ignore")  # MLflow's own: it talks to its database in a style that SQLAlchemy phases out
def test_mlflow_gets_params_metrics_and_the_end(tmp_path: Path) -> None:
    # in a database as it stands behind a tracking server; the second attempt goes on in the same run
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    first = mlflow_sink(uri)(RUN)
    first.log(POINTS[:1])
    first.close(None)
    second = mlflow_sink(uri)(RUN)
    second.log(POINTS[1:])
    second.close(END)
    client = MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    assert (run.info.run_name, run.info.status) == ("streets", "FINISHED")
    assert run.data.params["train.steps"] == "600"
    assert run.data.metrics == {"training_student/loss": 1.0, "result/student.miou": 0.7}
    history = client.get_metric_history(run.info.run_id, "training_student/loss")
    assert [(each.step, each.value, each.timestamp) for each in history] == [
        (0, 2.0, 1_700_000_000_000),
        (10, 1.0, 1_700_000_010_000),
    ]
    assert run.data.tags["bpkd.job_id"] == "job_1"
    assert run.data.tags["bpkd.files"] == "report.html, student.onnx"
    assert run.data.tags["bpkd.model"] == "street@3"


def test_tensorboard_draws_both_attempts_as_one_run(tmp_path: Path) -> None:
    # the folder is the job's
    for points, end in ((POINTS[:1], None), (POINTS[1:], END)):
        sink = tensorboard_sink(tmp_path)(RUN)
        sink.log(points)
        sink.close(end)
    seen = EventAccumulator(str(tmp_path / "job_1"))
    seen.Reload()
    scalars = seen.Scalars("training_student/loss")
    assert [(each.step, each.value, each.wall_time) for each in scalars] == [
        (0, 2.0, 1_700_000_000.0),
        (10, 1.0, 1_700_000_010.0),
    ]
    assert seen.Scalars("result/student.miou")[0].value == pytest.approx(0.7)
    texts = {tag: seen.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in seen.Tags()["tensors"]}
    assert "| train.steps | 600 |" in texts["params"]
    assert "| files | report.html, student.onnx |" in texts["end"]


def test_what_is_set_is_opened_and_nothing_else(tmp_path: Path) -> None:
    # most workers mirror to nobody
    assert sinks_of(read_settings(home=tmp_path)) == {}
    both = read_settings(home=tmp_path, mlflow_tracking_uri="sqlite:///x", tensorboard_dir=tmp_path)
    assert set(sinks_of(both)) == {"MLflow", "TensorBoard"}


def test_the_libraries_are_not_imported_before_a_job_needs_them() -> None:
    # MLflow takes a second, and may not be installed
    code = (
        "import sys; from pathlib import Path; from service.settings import read_settings; import worker.runner;"
        "from worker.sinks import sinks_of;"
        "sinks_of(read_settings(mlflow_tracking_uri='sqlite:///x', tensorboard_dir=Path('x')));"
        "sys.exit(bool({'mlflow', 'tensorboard'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("missing", "sink"), [("mlflow", mlflow_sink("x")), ("tensorboard", tensorboard_sink(Path("x")))]
)
def test_a_library_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, missing: str, sink: object
) -> None:
    # the sentence ends up in the job's warnings, where its owner reads it
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(Exception, match="is not installed") as caught:
        sink(RUN)
    assert caught.value.hint == f"pip install 'bpkd[{missing}]'"
