"""What a refusal says where its own error knows no better: what in the request is to blame, and what would work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from service.schemas import Blame

BODY = "#"
PATH = "/"  # the last name in it


@dataclass(frozen=True)
class Remedy:
    """hint: what would work. place: a header by its name, `BODY`, `PATH`, or None where the request is not to blame."""

    hint: str
    place: str | None = None

    def blames(self, request: Request, detail: str) -> list[Blame]:
        """The place and what is wrong there; nothing where it is in no part of the request."""
        if self.place == PATH:
            return [Blame(pointer=f"/{name}", detail=detail) for name in list(request.path_params)[-1:]]
        return [Blame(pointer=self.place, detail=detail)] if self.place else []


_AGAIN = Remedy("Send the same request again after `Retry-After` seconds.")
_FIELDS = Remedy(
    "/openapi.json has each field with its type, its bounds and an example; /docs lists the requests.", BODY
)
_IMAGE = Remedy(
    "Send the file's bytes as they are: `curl --data-binary @photo.jpg`. PNG, JPEG and WebP are read.", BODY
)
_MODEL = Remedy("`bpkd_core.export` writes files that keep the contract; `bpkd evaluate FILE DATASET` tries one.", BODY)
_OPERATOR = Remedy("The server's log tells more under this `request_id`; its operator can mend it.")
_RUN = Remedy("The job's `error` and /v1/jobs/{job_id}/logs tell more.")

REMEDIES: Mapping[str, Remedy] = {
    "busy": _AGAIN,
    "conflict": Remedy("Read the record again: its state says what is possible.", PATH),
    "deadline_exceeded": Remedy("Allow more seconds in `Request-Timeout`, or leave it out.", "Request-Timeout"),
    "diverged": _RUN,
    "fence_lost": _RUN,
    "forbidden": Remedy("`bpkd keys create NAME --scope SCOPE` makes a key that may.", "Authorization"),
    "gate_failed": _RUN,
    "idempotency_in_flight": Remedy(
        "Send the same request again in a second: it gets the same answer.", "Idempotency-Key"
    ),
    "idempotency_mismatch": Remedy("Send the body of then, or another key.", "Idempotency-Key"),
    "internal": _OPERATOR,
    "invalid_checkpoint": _FIELDS,
    "invalid_dataset": Remedy("`bpkd dataset check FOLDER` names the files and how to mend them.", BODY),
    "invalid_image": _IMAGE,
    "invalid_input": _FIELDS,
    "invalid_model": _MODEL,
    "invalid_request": _FIELDS,
    "invalid_spec": _FIELDS,
    "malformed": Remedy("Send one JSON object in UTF-8, such as the examples in /openapi.json.", BODY),
    "method_not_allowed": Remedy("/docs lists every address with its methods."),
    "misdirected": Remedy("Ask under a name that BPKD_ALLOWED_HOSTS holds, or add this one to it.", "Host"),
    "missing_extra": _OPERATOR,
    "not_acceptable": Remedy("Leave `Accept` out for the usual form.", "Accept"),
    "not_found": Remedy("The address without its last part lists what there is; /docs lists every address.", PATH),
    "out_of_memory": _OPERATOR,
    "parity_failed": _RUN,
    "poison": _RUN,
    "precondition_failed": Remedy("GET it again, decide, and send the new `ETag` in `If-Match`.", "If-Match"),
    "provider_refused": _OPERATOR,
    "quota_exceeded": _AGAIN,
    "range_not_satisfiable": Remedy("Leave `Range` out for the whole file.", "Range"),
    "stopped": _RUN,
    "storage_full": Remedy("Once there is room, the same request succeeds; what came of an upload is kept."),
    "too_large": Remedy("BPKD_MAX_BODY_BYTES and BPKD_MAX_UPLOAD_BYTES are the limits; JSON has 1 MiB.", BODY),
    "too_slow": Remedy("Send the whole body at once; an upload goes on where it stopped.", BODY),
    "unauthorized": Remedy(
        "`bpkd keys create NAME` makes a key, to be sent as `Authorization: Bearer bpkd_...`.", "Authorization"
    ),
    "unavailable": _AGAIN,
    "unknown_name": _FIELDS,
    "unsafe_archive": Remedy("Pack plain files only, under relative names: `zip -r data.zip images masks`.", BODY),
    "unsupported_image": _IMAGE,
    "unsupported_media_type": Remedy("/openapi.json has the types that each request takes and gives.", "Content-Type"),
    "wrong_offset": Remedy("`Upload-Offset` says where to go on.", "Content-Range"),
}
"""For every code that the server may answer with; a test holds the two lists together."""
