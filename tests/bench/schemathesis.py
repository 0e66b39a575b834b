"""Ten thousand and more requests that a fuzzer makes up from openapi.json, each answer judged by every check.

    PYTHONPATH=tests python tests/bench/schemathesis.py [--cases 10000] [--workers 2]

Rounds with a new seed each, until there were enough; ends with the count, and with status 1 where anything was found.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from fakes.fuzzing import Fuzzed, fuzz

EXAMPLES = 40
HOUR_S = 3600.0


def main() -> int:
    """Run rounds, print what each found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    cases, failed, seed = 0, False, 0
    while cases < arguments.cases:
        seed += 1
        found = round_of(seed, arguments.workers)
        cases, failed = cases + found.cases, failed or found.failed
        print(f"seed {seed}: {found.cases} cases, {json.dumps(found.report['failures'])}", flush=True)
        if found.failed:
            print(found.text)
    print(f"{cases} cases: {'see above' if failed else 'no 5xx, no schema break, nothing found'}")
    return int(failed)


def round_of(seed: int, workers: int) -> Fuzzed:
    """All phases once, over a fresh server."""
    options = ("-n", str(EXAMPLES), "--seed", str(seed), "--workers", str(workers), "--continue-on-failure")
    with tempfile.TemporaryDirectory() as folder:
        return fuzz(Path(folder), *options, timeout_s=HOUR_S)


if __name__ == "__main__":
    sys.exit(main())
