from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.records import TRAINER, add_job, event_types
from fakes.teachers import add_teacher
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bpkd_core.errors import Diverged, InvalidDataset, InvalidModel, MissingExtra, OutOfMemory, ParityFailed
from service.domain import submission
from service.domain.jobs import Job
from service.domain.lifecycle import Change
from service.wiring import Service
from worker.sinks.base import Run, Sink
from worker.sinks.tensorboard import tensorboard_sink
from worker.supervision import Limits
from worker.training import Training

LIMITS = Limits(heartbeat_s=0.05, news_s=0, tick_s=0.02)


def training(service: Service, *options: str, limits: Limits = LIMITS) -> Training:
    root = service.settings.home / "jobs"
    command: Sequence[str] = (*TRAINER, *options)
    stores = service.jobs, service.datasets, service.teachers, service.artifacts, service.hints
    return Training(*stores, root, command, limits)


def never() -> bool:
    return False


def run(lane: Training, service: Service, job: Job, draining: Callable[[], bool] = never) -> Job:
    """One attempt."""
    held = lane.claim("worker-1")
    assert held is not None
    assert held.id == job.id
    lane.work(held, draining)
    return service.jobs.get(job.id)


def at_step(service: Service, job: Job, step: int) -> bool:
    """Whether the store has heard of this step."""
    progress = service.jobs.get(job.id).progress
    return progress is not None and progress.step == step


def steps_done(trace: Path) -> list[int]:
    return [int(line.split()[0]) for line in trace.read_text().splitlines()]


def test_a_registered_teacher_is_lent_to_its_job_and_named_in_what_comes_of_it(service: Service) -> None:
    """The trainer knows files and no ids; the result knows where it comes from."""
    teacher = add_teacher(service, b"weights")
    job = run(
        training(service, "--error", "diverged"),
        service,
        add_job(service, teacher={"type": "registered", "id": teacher.id}),
    )
    spec = json.loads((service.settings.home / "jobs" / job.id / "run-000001" / "spec.json").read_text())
    assert spec["teacher"].keys() == {"type", "path", "input", "output", "classes"}
    assert Path(spec["teacher"]["path"]).read_bytes() == b"weights"
    assert spec["provenance"]["teacher_id"] == teacher.id


def test_a_job_goes_from_the_queue_to_the_registry(service: Service) -> None:
    """The hop that this package exists for."""
    job = add_job(service, register={"model": "street", "alias_on_success": "live"})
    job = run(training(service), service, job)
    assert (job.status, job.error, job.model, job.version) == ("succeeded", None, "street", 1)
    assert job.result is not None
    version = service.models.version("street", 1)
    assert service.models.alias("street", "live").version == 1
    assert service.artifacts.path(version.onnx_sha256).read_bytes() == b"student.onnx of streets"
    assert event_types(service, job)[-2:] == ["status", "done"]
    assert [stage.name for stage in job.stages] == ["training_student", "registering"]


def test_nothing_is_left_of_a_finished_run_but_its_artifacts(service: Service) -> None:
    """Checkpoints are large, and there is nothing more to go on from."""
    job = run(training(service), service, add_job(service))
    assert not (service.settings.home / "jobs" / job.id).exists()
    assert {"student.onnx", "teacher.onnx", "picture.png", "manifest.json", "bundle.json"} <= job.files.keys()


def test_a_job_that_registers_nothing_makes_no_version(service: Service) -> None:
    """Its files are with the job."""
    job = run(training(service), service, add_job(service))
    assert (job.status, job.model, job.version) == ("succeeded", None, None)


def test_the_trainer_is_told_what_was_asked_and_nothing_more(service: Service, tmp_path: Path) -> None:
    """The request minus what only the service understands, plus where the data lies and who asks."""
    request: dict[str, Any] = {"control": "none", "metadata": {"k": "v"}, "dataset": "ds_1", "register": None}
    job = add_job(service, **request)
    lane = training(service, "--error", "diverged")
    run(lane, service, job)
    spec = json.loads((lane.root / job.id / "run-000001" / "spec.json").read_text())
    assert spec == {
        "name": "streets",
        "student": {"type": "arch", "arch": "ddrnet_23_nano"},
        "control": "none",
        "dataset": "/data/streets",
        "layout": "auto",
        "dataset_sha256": "d" * 64,
        "provenance": {"job_id": job.id, "dataset_id": job.dataset_id},
    }


def test_a_trainer_that_is_killed_goes_on_from_its_checkpoint(service: Service, tmp_path: Path) -> None:
    """F4: the kernel takes the trainer (out of memory, say); at most one checkpoint interval is done again."""
    trace = tmp_path / "trace"
    lane = training(service, "--steps", "8", "--die-at", "5", "--trace", str(trace))
    job = run(lane, service, add_job(service))
    assert (job.status, job.attempt) == ("queued", 2)
    assert run(lane, service, job).status == "succeeded"
    assert steps_done(trace) == [1, 2, 3, 4, 5, 5, 6, 7, 8]


def test_a_lost_attempt_is_told_with_its_reason(service: Service) -> None:
    """Somebody who watches sees why the job is in the queue again."""
    job = run(training(service, "--die-at", "3"), service, add_job(service))
    warnings = service.events.after(job.id, types=("warning",))
    assert [event.data["code"] for event in warnings] == ["attempt_lost"]
    assert "SIGKILL" in warnings[0].data["message"]


def test_three_attempts_without_a_checkpoint_end_the_job(service: Service) -> None:
    """F52: a job that kills its trainer must not come back for ever."""
    lane = training(service, "--die-at", "1", "--die-always")
    job = add_job(service)
    for expected in ("queued", "queued", "failed"):
        job = run(lane, service, job)
        assert job.status == expected
    assert job.error is not None
    assert job.error["code"] == "poison"


def test_progress_between_crashes_keeps_a_job_alive(service: Service) -> None:
    """Three crashes on a two-day job are bad luck as long as it gets on in between."""
    job = add_job(service)
    for step in (2, 4, 6, 8):
        job = run(training(service, "--steps", "9", "--die-at", str(step), "--die-always"), service, job)
        assert (job.status, job.attempts_without_progress) == ("queued", 1)
    assert run(training(service, "--steps", "9"), service, job).status == "succeeded"


def test_an_error_that_trying_again_cannot_mend_ends_the_job_at_once(service: Service) -> None:
    """A loss that diverges, or a broken dataset, would only burn the same hours again."""
    job = run(training(service, "--error", "diverged", "--stderr-bytes", "10"), service, add_job(service))
    assert (job.status, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert (job.error["code"], job.error["message"]) == ("diverged", "the trainer gave up")
    assert service.artifacts.path(job.files["stderr.log"].sha256).read_bytes() == b"e" * 10


def test_a_cancelled_job_stops_with_its_checkpoint(service: Service, tmp_path: Path) -> None:
    """Cancelling is a wish that reaches the trainer with a heartbeat; what it has learnt is kept."""
    job = add_job(service)
    lane = training(service, "--pause-at", "3")

    def cancel_when_training() -> bool:
        if at_step(service, job, 3):
            submission.cancel(service.jobs, job.id)
        return False

    job = run(lane, service, job, cancel_when_training)
    assert (job.status, job.checkpoint and job.checkpoint.step) == ("cancelled", 3)
    assert (lane.root / job.id / "run-000001" / "checkpoints" / "student" / "step-00000003.pt").exists()
    best = service.artifacts.path(job.files["student-best.safetensors"].sha256)
    assert best.read_bytes() == b"weights of step 3"
    assert "trainer.log" in job.files


def test_a_retry_goes_on_from_the_newest_checkpoint_of_the_job_before(service: Service, tmp_path: Path) -> None:
    """What was paid for is not paid again; and the new job's files do not carry the old one's name."""
    trace = tmp_path / "trace"
    lane = training(service, "--steps", "6", "--pause-at", "4", "--trace", str(trace))
    first = add_job(service)
    first = run(lane, service, first, lambda: bool(at_step(service, first, 4) and cancelled(service, first)))
    again = submission.draft_retry(first, job_id=service.new_id("job"), now=service.now())
    again = run(training(service, "--steps", "6", "--trace", str(trace)), service, service.jobs.add(again))
    assert (again.status, again.attempt) == ("succeeded", 1)
    assert steps_done(trace) == [1, 2, 3, 4, 5, 6]
    bundle = service.artifacts.path(again.files["bundle.json"].sha256).read_text()
    assert again.id in bundle
    assert first.id not in bundle


def cancelled(service: Service, job: Job) -> bool:
    """Wish the job to stop; False, for the worker itself goes on."""
    submission.cancel(service.jobs, job.id)
    return False


def test_a_retry_whose_checkpoints_are_gone_says_so_and_begins_at_the_first_step(service: Service) -> None:
    """Folders are removed after some days, and another machine has its own; neither is a reason to fail."""
    first = submission.cancel(service.jobs, add_job(service).id)
    again = submission.draft_retry(first, job_id=service.new_id("job"), now=service.now())
    again = run(training(service), service, service.jobs.add(again))
    assert again.status == "succeeded"
    (warning,) = service.events.after(again.id, types=("warning",))
    assert warning.data["code"] == "nothing_to_resume"
    assert first.id in warning.data["message"]


FAILURES: dict[str, tuple[str, ...]] = {
    **{
        kind.code: ("--error", kind.code)
        for kind in (InvalidDataset, Diverged, OutOfMemory, ParityFailed, MissingExtra)
    },
    "gate_failed": ("--miou", "0.1"),
    "poison": ("--die-at", "1", "--die-always", "--stderr-bytes", "40"),
}


@pytest.mark.parametrize("code", FAILURES)
def test_every_failure_carries_what_to_do_and_the_end_of_the_log(service: Service, code: str) -> None:
    """Whoever finds a failed job in the morning should not have to look for the machine that it ran on."""
    job = add_job(service, register={"model": "street", "alias_on_success": None, "gates": {"miou_min": 0.9}})
    lane = training(service, *FAILURES[code])
    while job.status == "queued":
        job = run(lane, service, job)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.keys() >= {"code", "message", "param", "hint", "retryable", "log_tail"}
    assert (job.error["code"], job.error["retryable"]) == (code, False)
    log = service.artifacts.path(job.files["trainer.log"].sha256).read_text()
    assert job.error["log_tail"]
    assert log.endswith(job.error["log_tail"])
    assert log.count("the attempt ended") == job.attempt


def test_a_draining_worker_hands_its_job_on_without_counting_an_attempt(service: Service, tmp_path: Path) -> None:
    """F42: a rolling restart is nobody's fault, and costs no finished step."""
    job, trace = add_job(service), tmp_path / "trace"
    lane = training(service, "--pause-at", "3", "--trace", str(trace))
    job = run(lane, service, job, lambda: at_step(service, job, 3))
    assert (job.status, job.attempt, job.attempts_without_progress) == ("queued", 1, 0)
    assert job.lease.owner is None
    assert run(lane, service, job).status == "succeeded"
    assert steps_done(trace) == [1, 2, 3, 4, 5, 6]


def test_a_hung_trainer_is_killed_and_the_job_tried_again(service: Service) -> None:
    """F22: a deadlock in a loader would hold the GPU until somebody looks."""
    limits = Limits(heartbeat_s=0.05, news_s=0, stall_s=0.5, grace_s=0.05, tick_s=0.02)
    job = run(training(service, "--pause-at", "3", "--deaf", limits=limits), service, add_job(service))
    assert (job.status, job.attempt) == ("queued", 2)
    (warning,) = service.events.after(job.id, types=("warning",))
    assert "said nothing" in warning.data["message"]


def test_a_zombie_writes_nothing(service: Service, tmp_path: Path) -> None:
    """F6: a worker that lost its lease finds out with its next heartbeat, and its trainer dies at once."""
    job = add_job(service)
    lane = training(service, "--pause-at", "3", "--deaf")
    held = lane.claim("worker-1")
    assert held is not None
    seen: list[list[str]] = []

    def lose_the_lease() -> bool:
        if not seen and at_step(service, job, 3):
            service.jobs.change(job.id, lambda record, _: taken(record), fence=None)
            seen.append(event_types(service, job))
        return False

    lane.work(held, lose_the_lease)
    now = service.jobs.get(job.id)
    assert (now.status, now.lease.owner, now.lease.fence) == ("running", "worker-2", 2)
    assert event_types(service, job) == seen[0]


def taken(job: Job) -> Change:
    """As the reaper and the next worker leave a job behind."""
    lease = replace(job.lease, owner="worker-2", fence=job.lease.fence + 1)
    return Change(job.evolve(worker="worker-2", lease=lease))


def test_noise_on_every_channel_changes_nothing(service: Service) -> None:
    """Garbage, a line of two megabytes, and a flood on standard error: the events in between count."""
    noise = ["", "{", "\udcff", '{"type": "metrics"}', '{"type": "sudo"}']
    options = [part for line in noise for part in ("--say", line)]
    job = run(
        training(service, *options, "--long-line", str(1 << 21), "--stderr-bytes", str(1 << 21)),
        service,
        add_job(service),
    )
    assert (job.status, job.progress and job.progress.step) == ("succeeded", 6)


@pytest.mark.parametrize(
    ("gates", "param"),
    [
        ({"miou_min": 0.7}, "register.gates.miou_min"),
        ({"miou_min": 0.4, "boundary_iou_min": 0.6}, "register.gates.boundary_iou_min"),
    ],
)
def test_a_student_below_a_gate_is_not_registered(service: Service, gates: dict[str, float], param: str) -> None:
    """Nobody serves what did not reach what was asked; the files stay for whoever wants to look."""
    job = add_job(service, register={"model": "street", "alias_on_success": "live", "gates": gates})
    job = run(training(service, "--miou", "0.5"), service, job)
    assert (job.status, job.version) == ("failed", None)
    assert job.error is not None
    assert (job.error["code"], job.error["param"]) == ("gate_failed", param)
    assert "0.5000" in job.error["message"]
    assert "student.onnx" in job.files


def test_a_bundle_that_is_damaged_is_made_again(service: Service) -> None:
    """A file that changed on the disk after it was measured must not be served."""
    job = add_job(service)
    lane = training(service)
    damaged = training(service, "--damage")
    held = damaged.claim("worker-1")
    assert held is not None
    with pytest.raises(InvalidModel):
        damaged.work(held, never)
    damaged.give_back(held, "damaged")
    assert run(lane, service, service.jobs.get(job.id)).status == "succeeded"


def test_a_full_disk_costs_the_job_no_attempt(service: Service, tmp_path: Path) -> None:
    """The machine is to blame; the job waits for another, or for somebody who makes room."""
    job = add_job(service)
    (tmp_path / "file").touch()
    lane = replace(training(service), root=tmp_path / "file")
    held = lane.claim("worker-1")
    assert held is not None
    with pytest.raises(OSError, match="file"):
        lane.work(held, never)
    lane.hand_on(held)
    job = service.jobs.get(job.id)
    assert (job.status, job.attempt, job.attempts_without_progress) == ("queued", 1, 0)


def test_a_jobs_curves_are_mirrored_to_the_trackers_that_are_set(service: Service, tmp_path: Path) -> None:
    """Teams look at their runs where they have always looked."""
    lane = replace(training(service), sinks={"TensorBoard": tensorboard_sink(tmp_path)})
    job = run(lane, service, add_job(service))
    curves = EventAccumulator(str(tmp_path / job.id))
    curves.Reload()
    assert len(curves.Scalars("training_student/loss")) >= 2
    assert any(tag.startswith("result/") for tag in curves.Tags()["scalars"])
    assert (job.status, "end" in curves.Tags()["tensors"]) == ("succeeded", True)


def test_a_tracker_that_fails_costs_its_job_one_warning(service: Service) -> None:
    """Nobody loses a training because a tracking server was restarted."""

    def refuse(run: Run) -> Sink:
        raise OSError("no tracking server")

    job = run(replace(training(service), sinks={"MLflow": refuse}), service, add_job(service))
    warnings = [event.data for event in service.events.after(job.id, limit=1000) if event.type == "warning"]
    assert job.status == "succeeded"
    assert [warning["code"] for warning in warnings].count("sink_failed") == 1
    assert "no tracking server" in str(warnings)
