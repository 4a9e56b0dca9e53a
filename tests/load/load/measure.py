"""One measurement: `wrk` in a closed loop against one path, with the server's CPU read before and after."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .server import cpu_seconds, resident_mib

SCRIPT = Path(__file__).resolve().parent.parent / "post.lua"
WARM_SECONDS = 1


@dataclass
class Job:
    """What is posted: the same body each time, or the lines of the file one after the other, each once. With `fresh`, each over a
    connection of its own."""

    operation: str
    path: str
    body: Path
    kind: str
    lines: int = 0
    fresh: bool = False
    posted: int = 0


@dataclass
class Measured:
    operation: str
    who: str
    connections: int
    per_second: float
    cpu_us: float
    per_cpu_second: float
    p50_ms: float
    p99_ms: float
    resident_mib: float
    bad: int


def wrk(job, origin, connections, seconds, folder):
    result = folder / "wrk.json"
    result.unlink(missing_ok=True)
    env = {
        **os.environ,
        "LOAD_BODY": str(job.body),
        "LOAD_LINES": "1" if job.lines else "0",
        "LOAD_FIRST": str(job.posted),
        "LOAD_TYPE": job.kind,
        "LOAD_FRESH": "1" if job.fresh else "0",
        "LOAD_RESULT": str(result),
    }
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency", "-s", str(SCRIPT)]
    done = subprocess.run([*argv, origin + job.path], env=env, capture_output=True, text=True, check=False)
    if not result.exists():
        raise RuntimeError(f"wrk wrote no result\n{done.stdout}{done.stderr}")
    seen = json.loads(result.read_text())
    # Those under way at the end are not counted, but the server has them; a connection that broke sent another.
    job.posted += seen["requests"] + seen["broken"] + 4 * connections
    if job.lines and job.posted > job.lines:
        raise RuntimeError(f"{job.operation}: {job.lines} different bodies were too few")
    return seen, done.stderr.strip()


def measure(job, who, origin, pid, connections, seconds, folder, warm=True):
    if warm:
        wrk(job, origin, connections, WARM_SECONDS, folder)
    before = cpu_seconds(pid)
    seen, first_refusal = wrk(job, origin, connections, seconds, folder)
    cpu = cpu_seconds(pid) - before
    good = seen["requests"] - seen["refused"]
    if not good:
        raise RuntimeError(f"{who}, {job.operation}: not one good answer; the first: {first_refusal}")
    return Measured(
        job.operation, who, connections, good / (seen["microseconds"] / 1e6), cpu / good * 1e6, good / cpu if cpu else 0.0,
        seen["p50"] / 1000, seen["p99"] / 1000, resident_mib(pid), seen["refused"] + seen["broken"],
    )  # fmt: skip
