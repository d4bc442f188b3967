"""`./do bench [NAME…] [--smoke] [--full]`: ratios against floors measured in the same run.

Machines are shared and noisy: each ratio is the median of slices that alternate with their floor. Nothing here
fails on a figure; a row says ok or SHORT.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from importlib import import_module

from tests.bench.report import Row, show
from tests.bench.servers import client_core

MODULES = {
    "reads": "tests.bench.http_reads",
    "registering": "tests.bench.registering",
    "stored": "tests.bench.stored",
    "starting": "tests.bench.starting",
    "checking": "tests.bench.checking",
    "deploying": "tests.bench.deploying",
    "upcasting": "tests.bench.upcasting",
    "impact": "tests.bench.impact",
    "authenticated": "tests.bench.authenticated",
    "hostile": "tests.bench.hostile",
    "client": "tests.bench.client",
    "commanding": "tests.bench.commanding",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./do bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *MODULES], metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--smoke", action="store_true", help="seconds instead of minutes: does it run at all?")
    parser.add_argument("--full", action="store_true", help="also a million versions")
    arguments = parser.parse_args()
    if (core := client_core()) is not None:
        os.sched_setaffinity(0, {core})
    for name in arguments.names or MODULES:
        began = time.perf_counter()
        measure: Callable[..., list[Row]] = import_module(MODULES[name]).measure
        options = {"full": arguments.full} if name in ("stored", "deploying") else {}
        print(f"\n{name}", flush=True)
        print(show(measure(smoke=arguments.smoke, **options)), flush=True)
        print(f"({time.perf_counter() - began:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
