"""The API over a real socket: events as they happen, masks, restarts, the stop in good order."""

from __future__ import annotations

import io
import json
import os
import signal
from functools import partial
from pathlib import Path
from threading import Event as ThreadEvent
from threading import Thread
from time import monotonic

import httpx
import numpy as np
import pytest
from fakes.networks import threshold_onnx
from fakes.records import add_job
from fakes.servers import free_port, process, serving
from fakes.services import memory_service, publish
from PIL import Image

from bpkd_core.events import Event
from service.api import sse
from service.api.server import FINISH_S
from service.client import Client, Patience, RequestFailed, Unreachable
from service.domain import lifecycle
from service.domain.jobs import Job
from service.schemas import JobRequest
from service.wiring import Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path / "home", import_roots=(tmp_path,))


def client_of(port: int) -> Client:
    """One that waits for the server to come up."""
    return Client(f"http://127.0.0.1:{port}", patience=Patience(tries=300, longest_s=0.2))


def claimed(service: Service) -> Job:
    add_job(service)
    job = service.jobs.claim("worker-1", lease_s=60)
    assert job is not None
    return job


def say(service: Service, job: Job, message: str) -> None:
    beat = partial(lifecycle.beat, lease_s=60, events=(Event("log", {"message": message}),))
    service.jobs.change(job.id, beat, fence=job.lease.fence)


def end(service: Service, job: Job) -> None:
    service.jobs.change(job.id, partial(lifecycle.succeed, result={}, files={}, release=None), fence=job.lease.fence)


def test_events_arrive_while_they_happen_and_the_stream_ends_with_the_job(service: Service) -> None:
    # what `bpkd jobs follow` shows for hours
    job = claimed(service)
    with serving(service) as url, Client(url) as client:
        seen = []
        for event in client.jobs.follow(job.id):
            seen.append(event.type)
            if event.seq == 2:  # claimed: now the trainer speaks, while the stream is open
                say(service, job, "hello")
            if event.type == "log":
                end(service, job)
        assert seen == ["status", "status", "log", "status", "done"]
        assert client.jobs.wait(job.id).status == "succeeded"


def test_a_reader_that_comes_back_misses_nothing_and_sees_nothing_twice(service: Service) -> None:
    # browsers send Last-Event-ID by themselves
    job = claimed(service)
    for number in range(5):
        say(service, job, str(number))
    end(service, job)
    headers = {"Accept": "text/event-stream"}
    with serving(service) as url, httpx.Client(base_url=url, headers=headers) as http:
        whole = ids_of(http.get(f"/v1/jobs/{job.id}/events").text)
        for index, last in enumerate(whole):
            rest = http.get(f"/v1/jobs/{job.id}/events", headers={"Last-Event-ID": last})
            assert rest.headers["content-type"].startswith("text/event-stream")
            assert ids_of(rest.text) == whole[index + 1 :]
        with Client(url) as client:
            assert list(client.jobs.follow(job.id, after=whole[-1])) == []


def ids_of(stream: str) -> list[str]:
    return [line.removeprefix("id: ") for line in stream.splitlines() if line.startswith("id: ")]


def test_a_quiet_stream_shows_that_it_lives_and_closes_after_done(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a proxy closes what says nothing for a minute; a reader that waits for the end must not wait for ever
    monkeypatch.setattr(sse, "POLL_S", 0.01)
    monkeypatch.setattr(sse, "KEEP_ALIVE_S", 0.02)
    job = claimed(service)
    headers, seen = {"Accept": "text/event-stream"}, list[str]()
    with serving(service) as url, httpx.stream("GET", f"{url}/v1/jobs/{job.id}/events", headers=headers) as stream:
        for line in stream.iter_lines():
            if line.startswith(":") and "ended" not in seen:
                end(service, job)
                seen.append("ended")
            if line.startswith("event:"):
                seen.append(line.removeprefix("event: "))
    assert seen == ["status", "status", "ended", "status", "done"]


def test_an_open_stream_does_not_keep_the_server_from_stopping(service: Service) -> None:
    # a job may run for two days; a restart must not wait for it
    job, first, broken = claimed(service), ThreadEvent(), []

    def follow(url: str) -> None:
        with Client(url, patience=Patience(tries=1)) as client:
            try:
                for _ in client.jobs.follow(job.id):
                    first.set()
            except Unreachable as error:
                broken.append(error)

    with serving(service) as url:
        reader = Thread(target=follow, args=(url,))
        reader.start()
        assert first.wait(timeout=30)
        stopping = monotonic()
    assert monotonic() - stopping < FINISH_S / 2
    reader.join(timeout=30)
    assert len(broken) == 1


def test_the_client_walks_the_whole_way(service: Service, tmp_path: Path) -> None:
    # the names that outside programs rely on
    version = publish(service, threshold_onnx(128), alias=None)
    picture = tmp_path / "picture.png"
    Image.fromarray(np.array([[[0] * 3, [200] * 3]], np.uint8)).save(picture)
    with serving(service) as url, Client(url) as client:
        dataset = client.datasets.create("streets", str(tmp_path))
        assert client.datasets.list().data[0] == client.datasets.get(dataset.id) == dataset
        ready = service.jobs.get(version.job_id).dataset_id
        request = JobRequest.model_validate({"dataset": ready, "student": {"arch": "ddrnet_23_nano"}})
        assert client.jobs.plan(request).dataset.id == ready
        job = client.jobs.create(request)
        assert client.jobs.get(job.id) == job
        assert client.jobs.cancel(job.id).status == "cancelled"
        assert client.jobs.wait(job.id).status == "cancelled"
        assert client.jobs.artifacts(job.id).data == []

        assert client.models.promote("street", 1, expected_revision=0).revision == 1
        with pytest.raises(RequestFailed):
            client.models.promote("street", 1, expected_revision=0)
        assert client.models.list().data == [client.models.get("street")]
        assert client.models.versions("street").data == [client.models.version("street", 1)]
        assert client.models.alias("street").version == 1
        mask = client.models.infer("street", picture)
        assert mask.ids.tolist() == [[0, 1]]
        assert mask.model == "street@1"
        drawn = Image.open(io.BytesIO(client.models.draw("street", picture.read_bytes(), version=1)))
        assert np.asarray(drawn).tolist() == [[0, 1]]
        assert [each.pixels for each in client.models.describe("street", picture, alias="production").classes] == [1, 1]
        file = client.models.download("street", 1, tmp_path / "street.onnx")
        assert file.read_bytes() == threshold_onnx(128)
        publish(service, threshold_onnx(250))
        assert client.models.rollback("street", reason="test").version == 1
        assert len(client.models.history("street").data) == 3


def test_a_restart_in_the_middle_is_not_noticed(tmp_path: Path) -> None:
    # kill -9 of the API: the client tries again until the next one answers
    port = free_port()
    with client_of(port) as client:
        with process(tmp_path, port) as first:
            assert client.jobs.list().data == []
            first.kill()
            first.wait(timeout=30)
        with process(tmp_path, port):
            assert client.models.list().data == []


def test_sigterm_ends_the_server_in_good_order(tmp_path: Path) -> None:
    # exit code 0 tells the supervisor that nothing was cut off
    port = free_port()
    with client_of(port) as client, process(tmp_path, port) as child:
        client.jobs.list()
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=60) == 0


def test_the_first_answer_costs_less_than_two_seconds(tmp_path: Path) -> None:
    # processor time, database and migration included: what a clock would say on an idle machine
    port = free_port()
    with client_of(port) as client, process(tmp_path, port) as child:
        client.jobs.list()
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = sum(map(int, fields[11:13]))  # user and system time
        assert ticks / os.sysconf("SC_CLK_TCK") < 2.0


def test_log_lines_are_json_and_hold_no_secret(tmp_path: Path) -> None:
    # logs travel further than the people who may read keys, and a line break must not forge a second line
    port = free_port()
    with client_of(port) as client, process(tmp_path, port) as child:
        client.jobs.list()
        secrets = {"Authorization": "Bearer bpkd_canary", "X-Request-Id": "canary\tcanary"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            answer = http.get("/v1/jobs/canary%0A?key=canary", headers=secrets)
            for path in ("/v1/jobs", "/v1/webhooks", "/v1/models/canary/infer"):
                told = http.post(
                    path, json={"url": "https://me:canary@127.0.0.1/"}, headers={"Idempotency-Key": "canary"}
                )
                assert 400 <= told.status_code < 500
        child.send_signal(signal.SIGTERM)
        _, said = child.communicate(timeout=60)
    lines = [json.loads(line) for line in said.splitlines()]
    (line,) = (each for each in lines if each.get("request_id") == answer.headers["x-request-id"])
    assert (line["route"], line["status"], line["level"]) == ("/v1/jobs/{job_id}", 401, "info")
    assert "canary" not in said


def test_an_open_address_without_a_key_is_refused_in_one_sentence(tmp_path: Path) -> None:
    # and not with a traceback
    with process(tmp_path, free_port(), BPKD_HOST="0.0.0.0") as child:
        _, said = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "no API key" in said
    assert "Traceback" not in said


def test_a_taken_port_is_refused_in_one_sentence(tmp_path: Path) -> None:
    # the most common mistake of all
    with serving(memory_service(tmp_path)) as url:
        port = int(url.rpartition(":")[2])
        with process(tmp_path, port) as child:
            _, said = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "cannot listen" in said
    assert "Traceback" not in said
