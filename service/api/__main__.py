"""`python -m service.api` serves; `python -m service.api --openapi` prints the OpenAPI document."""

from __future__ import annotations

import argparse
import json
import sys

from bpkd_core.errors import BpkdError
from service import logs, telemetry
from service.api import create_app
from service.api.server import serve
from service.settings import MEMORY_URL, read_settings
from service.wiring import wire


def main() -> int:
    """Run one of the two; an error becomes one sentence and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m service.api", description=__doc__)
    parser.add_argument("--openapi", action="store_true", help="print the OpenAPI document and exit")
    arguments = parser.parse_args()
    try:
        if arguments.openapi:
            sys.stdout.write(openapi_text())
        else:
            run()
    except BpkdError as error:
        sys.stderr.write(f"{error.message}\n{error.hint or ''}\n")
        return 1
    return 0


def run() -> None:
    """Wire the service from the environment's settings and serve."""
    settings = read_settings()
    logs.configure(settings.log_level)
    telemetry.start(settings.otlp_endpoint, "bpkd-api")
    service = wire(settings)
    try:
        serve(service)
    finally:
        service.close()
        telemetry.stop()


def openapi_text() -> str:
    """The OpenAPI document, in the form in which it is kept in tests/golden."""
    app = create_app(wire(read_settings(database_url=MEMORY_URL)))
    return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
