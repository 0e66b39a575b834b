"""`python -m worker`: a worker that polls. With `--celery` it also takes hints from the broker."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable
from types import FrameType

from bpkd_core.errors import BpkdError, InvalidInput
from service import logs, telemetry
from service.settings import Settings, read_settings
from service.wiring import wire
from worker import meters
from worker.runner import TRAINER, Runner, build_runner


def main(arguments: list[str] | None = None) -> int:
    """Work until SIGTERM or SIGINT. Exit code 0 after an orderly end, 1 if it could not go on, 2 for wrong settings."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings()
        logs.configure(settings.log_level)
        telemetry.start(settings.otlp_endpoint, "bpkd-worker")
        return _run(settings, shlex.split(options.trainer), celery=options.celery)
    except BpkdError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _run(settings: Settings, trainer: list[str], *, celery: bool) -> int:
    if celery and not settings.redis_url:
        raise InvalidInput("--celery needs a broker; expected BPKD_REDIS_URL, such as redis://localhost:6379/0")
    service = wire(settings)
    if settings.metrics_port:
        meters.serve(settings.host, settings.metrics_port)
    runner = build_runner(
        service,
        trainer=trainer,
        waiting=_queue(settings) if celery else lambda: 0,
        on_failure=lambda: os.kill(os.getpid(), signal.SIGTERM),
    )
    try:
        if celery and settings.redis_url:
            from worker.app import work_with_hints  # Celery costs 0.2 s that a polling worker need not pay

            work_with_hints(settings.redis_url, runner)
        else:
            _work(runner)
        return 0 if runner.join() else 1
    finally:
        service.close()
        telemetry.stop()


def _queue(settings: Settings) -> Callable[[], int | None]:
    from service.adapters.celery_hints import HintQueue

    return HintQueue(settings.redis_url or "").count


def _work(runner: Runner) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        runner.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)  # before there is anything that a signal could cut short
    runner.start()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    parser.add_argument("--celery", action="store_true", help="also take hints from the broker at BPKD_REDIS_URL")
    parser.add_argument(
        "--trainer", default=shlex.join(TRAINER), metavar="COMMAND", help="what trains and validates (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
