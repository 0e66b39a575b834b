"""Runs in MLflow, in the experiment `bpkd`; the tag `bpkd.job_id` finds the run of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bpkd_core.errors import MissingExtra
from worker.sinks.base import End, OpenSink, Outcome, Point, Run, Sink

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "bpkd"
JOB = "bpkd.job_id"
STATUS: Mapping[Outcome, str] = {"succeeded": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
_MAX_VALUE, _PARAMS_A_CALL = 500, 100


class MlflowSink:
    """One run, by the client that names the server in each call: nothing of MLflow's is global here."""

    def __init__(self, client: MlflowClient, run: Run) -> None:
        self._client = client
        experiment = _experiment(client)
        found = client.search_runs([experiment], filter_string=f"tags.`{JOB}` = '{run.job_id}'", max_results=1)
        self._run_id: str = found[0].info.run_id if found else self._create(experiment, run)

    def log(self, points: Sequence[Point]) -> None:
        """Add metrics."""
        from mlflow.entities import Metric

        metrics = [Metric(point.name, point.value, int(point.at * 1000), point.step) for point in points]
        self._client.log_batch(self._run_id, metrics=metrics)

    def close(self, end: End | None) -> None:
        """Tag the run with what the job left, and end it."""
        if end is None:
            return
        for name, fact in end.facts.items():
            self._client.set_tag(self._run_id, f"bpkd.{name}", fact)
        for name, score in end.scores.items():
            self._client.log_metric(self._run_id, name, score)
        self._client.set_terminated(self._run_id, STATUS[end.outcome])

    def _create(self, experiment: str, run: Run) -> str:
        from mlflow.entities import Param

        run_id = self._client.create_run(experiment, tags={JOB: run.job_id}, run_name=run.name).info.run_id
        params = [Param(name, value[:_MAX_VALUE]) for name, value in run.params.items()]
        for start in range(0, len(params), _PARAMS_A_CALL):
            self._client.log_batch(run_id, params=params[start : start + _PARAMS_A_CALL])
        return run_id


def mlflow_sink(tracking_uri: str) -> OpenSink:
    """What opens a job's run at a tracking server or database. It raises MissingExtra and whatever MLflow does."""

    def open_run(run: Run) -> Sink:
        return MlflowSink(_client(tracking_uri), run)

    return open_run


def _client(tracking_uri: str) -> MlflowClient:
    try:
        from mlflow import MlflowClient
        from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY
        from mlflow.telemetry import set_telemetry_client
    except ImportError as error:
        raise MissingExtra("MLflow is not installed", hint="pip install 'bpkd[mlflow]'") from error
    MLFLOW_DISABLE_TELEMETRY.set(True)  # what runs here is told to the tracking server, and to nobody else
    set_telemetry_client()
    return MlflowClient(tracking_uri=tracking_uri)


def _experiment(client: MlflowClient) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    return found.experiment_id if found is not None else client.create_experiment(EXPERIMENT)
