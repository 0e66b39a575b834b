"""What the examples have in common."""

DATASET_ID = "ds_01kaf5v3m0q8r9s2t3v4w5x6y7"
JOB_ID = "job_01kaf60c1nz2p3q4r5s6t7v8w9"
EVENT_ID = f"evt_{JOB_ID[4:]}_00000042"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
AT = "2026-11-20T20:19:00Z"
FILE = {"sha256": SHA256, "size": 1_912_400}
CLASSES = [{"id": 0, "name": "road", "color": [128, 64, 128]}, {"id": 1, "name": "pole", "color": [220, 190, 40]}]

PROBLEM = {
    "type": "/problems/unknown_name",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": 'Unknown student "segformer_b00". Did you mean "segformer_b0"?',
    "code": "unknown_name",
    "errors": [{"pointer": "#/student/arch", "detail": 'Unknown student "segformer_b00".'}],
    "hint": "Known: ddrnet_23_nano, segformer_b0.",
    "request_id": "req_9a1c0de5b2f34817a6d3e0c4",
}
