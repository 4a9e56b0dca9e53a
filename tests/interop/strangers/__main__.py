"""The command line behind tests/interop/run."""

import argparse
import importlib
import sys
import time
from pathlib import Path

from .case import SUITE
from .world import World

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


def main():
    arguments = argparse.ArgumentParser()
    for name in ("--binary", "--cache", "--scratch", "--root"):
        arguments.add_argument(name, type=Path, required=True)
    arguments.add_argument("wanted", nargs="*")
    chosen = arguments.parse_args()
    for name in CASES:
        importlib.import_module(f"cases.{name}")
    began = time.monotonic()
    world = World(chosen.binary.resolve(), chosen.cache, chosen.scratch, chosen.root)
    try:
        counts = SUITE.run(world, chosen.wanted, sys.stdout)
    finally:
        world.stop()
    print(f"{time.monotonic() - began:.0f} s; the houses, logs and bundles were under {chosen.scratch}", file=sys.stderr)
    print(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
