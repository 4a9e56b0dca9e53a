"""SPIRE's programs as they run."""

import os
import subprocess
import time

from harness.case import Failed

READY_SECONDS = 30
COMMAND_SECONDS = 30
STOP_SECONDS = 10


class Process:
    """A program that runs until it is stopped. What it says goes to a file."""

    def __init__(self, folder, words, **variables):
        self.name = words[0].name
        self.log = folder / f"{self.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*map(str, words)],
                cwd=folder,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until(self, is_ready):
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{self.name} is not ready\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """SIGKILL, as a machine without memory does it."""
        self.process.kill()
        self.process.wait()


def run(*words, **variables):
    """A command, to its end: the exit status and what it said."""
    done = subprocess.run(
        [*map(str, words)],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr


def wait_for(fact, seconds, what):
    """What `fact` answers once it answers anything, and the seconds that it took."""
    began = time.monotonic()
    while True:
        answer = fact()
        passed = time.monotonic() - began
        if answer:
            return answer, passed
        if passed > seconds:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.1)
