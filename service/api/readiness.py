"""Whether requests are welcome: each question in turn, the cheapest first."""

from __future__ import annotations

from bpkd_core.errors import ProviderRefused
from service.api.context import Context
from service.domain.errors import Unavailable

MARK = b"bpkd can write here\n"


def require_ready(here: Context) -> None:
    """Raise Unavailable, or StorageFull, with the first reason why not."""
    if here.stopping.is_set():
        raise Unavailable("The server is stopping; requests that were accepted will finish")
    if not here.warm.is_set():
        raise Unavailable("The served models are still being loaded")
    try:
        here.runtime.require_provider()
    except ProviderRefused as error:
        raise Unavailable(error.message, hint="BPKD_INFER_PROVIDER says what networks run on.") from error
    here.service.ping()
    here.service.artifacts.keep_bytes(MARK)
