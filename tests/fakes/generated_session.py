"""What a stranger does with a client that a public generator made of openapi.json; run by the generator's Python.

python generated_session.py FOLDER_OF_CLIENT URL FOLDER_OF_IMAGES READY_DATASET IMAGE
"""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path


def main(client_folder: str, url: str, data: str, dataset_id: str, image: str) -> None:
    """Walk through the service and print what came back as one JSON object."""
    sys.path.insert(0, client_folder)
    from bpkd_client import Client, models
    from bpkd_client.api.datasets import datasets_create, datasets_get
    from bpkd_client.api.inference import models_infer
    from bpkd_client.api.jobs import jobs_cancel, jobs_create, jobs_events, jobs_get, jobs_list
    from bpkd_client.api.models import models_list
    from bpkd_client.api.operations import healthz
    from bpkd_client.types import File

    client = Client(url)
    made = datasets_create.sync(client=client, body=models.DatasetRequest(name="streets", path=data))
    wish = models.JobRequest(
        dataset=dataset_id,
        student=models.Student(arch="ddrnet_23_nano"),
        teacher=models.TrainedTeacher(arch="pspnet_r18"),
        method=models.BoundaryPrivilegedKD(lambda_edge=30.0),
    )
    plan = jobs_create.sync(client=client, body=wish, dry_run=True)
    job = jobs_create.sync(client=client, body=wish, idempotency_key="generated")
    again = jobs_create.sync(client=client, body=wish, idempotency_key="generated")
    wrong = jobs_create.sync(
        client=client, body=models.JobRequest(dataset=dataset_id, student=models.Student(arch="segformer_b00"))
    )
    cancelled = jobs_cancel.sync(job.id, client=client)
    mask = models_infer.sync(
        "street",
        client=client.with_headers({"Accept": "application/json"}),
        body=File(BytesIO(Path(image).read_bytes())),
    )
    told = {
        "health": healthz.sync(client=client).status,
        "dataset": datasets_get.sync(made.id, client=client).name,
        "planned": [network.arch for network in plan.networks],
        "once": job.id == again.id,
        "lambda_edge": job.request["method"]["lambda_edge"],
        "status": [job.status.value, cancelled.status.value, jobs_get.sync(job.id, client=client).status.value],
        "listed": jobs_list.sync(client=client, status=models.JobsListStatus.CANCELLED, limit=1).data[0].id == job.id,
        "events": [event.type_.value for event in jobs_events.sync(job.id, client=client).data],
        "problem": [type(wrong).__name__, wrong.code, wrong.errors[0].pointer],
        "models": [each.name for each in models_list.sync(client=client).data],
        "mask": [mask.model, mask.classes[0].name],
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
