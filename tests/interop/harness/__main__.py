"""The command line behind tests/interop/run."""

import argparse
import importlib
import sys
import time
from pathlib import Path

from .case import SUITE
from .environment import Environment

# In the order in which a newcomer meets them.
CASES = (
    "pages",
    "trust",
    "matrix",
    "strict",
    "login",
    "raw",
    "timestamps",
    "stamping",
    "differences",
    "clock",
    "refusals",
    "tokens",
    "units",
    "upstream",
    "profiles",
    "owners",
    "spiffe",
    "bundles",
    "workloads",
    "assertions",
    "identity",
    "change",
    "tls",
    "logs",
)
# In the order in which trust is set up, used and withdrawn (tests/interop/spire).
SPIRE_CASES = ("bundles", "ways_in", "refusals", "federation", "rotation", "polling")


def main():
    arguments = argparse.ArgumentParser()
    for name in ("--binary", "--cache", "--scratch", "--root"):
        arguments.add_argument(name, type=Path, required=True)
    arguments.add_argument("--spire", action="store_true", help="only the cases of tests/interop/spire")
    arguments.add_argument("wanted", nargs="*")
    chosen = arguments.parse_args()
    modules = [] if chosen.spire else [f"cases.{name}" for name in CASES]
    for name in [*modules, *(f"spire.cases.{name}" for name in SPIRE_CASES)]:
        importlib.import_module(name)
    began = time.monotonic()
    env = Environment(chosen.binary.resolve(), chosen.cache, chosen.scratch, chosen.root)
    try:
        counts = SUITE.run(env, chosen.wanted, sys.stdout)
    finally:
        env.stop()
    print(
        f"{time.monotonic() - began:.0f} s; the instances, logs and bundles were under {chosen.scratch}",
        file=sys.stderr,
    )
    print(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))
    # A mistyped word runs nothing, and must not look like success; a machine that lacks a program has said so.
    return 1 if counts["failed"] or not (counts["passed"] or SUITE.lacking) else 0


if __name__ == "__main__":
    sys.exit(main())
