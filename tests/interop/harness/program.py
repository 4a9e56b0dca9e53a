"""Runs an outside program and keeps what it said."""

import os
import pty
import subprocess
import tempfile
import time
from dataclasses import dataclass

from .case import Failed

# A client that hangs (a browser that never came back, a log that never answers) must not hang the whole run.
SECONDS = 90
SHOWN = 4000
MOST_OUTPUT = 1 << 20


@dataclass
class Output:
    argv: list
    code: int
    stdout: str
    stderr: str

    @property
    def text(self):
        return self.stdout + self.stderr

    def __str__(self):
        return f"$ {' '.join(map(str, self.argv))}\nexit {self.code}\n{self.text.strip()[-SHOWN:]}"


def program(argv, env, cwd, stdin=None, terminal=False, hopeless=lambda: None, answer=None):
    """Runs it to its end, whatever that is, unless `hopeless` gives a reason to wait no longer. With `terminal`, its standard input
    is one: some clients ask nothing without it. There, `answer` is shown what the program has said so far until it gives what a
    person would type, once."""
    argv = [str(word) for word in argv]
    master, slave = pty.openpty() if terminal else (None, None)
    with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:

        def said():
            return [os.pread(file.fileno(), MOST_OUTPUT, 0).decode("utf-8", "replace") for file in (out, err)]

        def watch():
            nonlocal answer
            typed = answer("".join(said())) if answer else None
            if typed:
                os.write(master, typed.encode() + b"\n")
                answer = None
            return hopeless()

        try:
            process = subprocess.Popen(
                argv, env=env, cwd=cwd, stdin=slave if terminal else subprocess.PIPE, stdout=out, stderr=err, text=True
            )
        except FileNotFoundError as error:
            raise Failed(f"{argv[0]} is missing: tests/interop/install should have brought it") from error
        try:
            if not terminal:
                feed(process, stdin)
            reason = await_end(process, watch)
        finally:
            for end in (master, slave):
                if end is not None:
                    os.close(end)
        output = Output(argv, process.returncode, *said())
        if reason:
            raise Failed(f"{reason}\n{output}")
        return output


def feed(process, text):
    try:
        process.stdin.write(text or "")
        process.stdin.close()
    except BrokenPipeError:
        pass  # it ended without reading; its exit status says why


def await_end(process, watch):
    """None when it ended by itself, otherwise why it was killed."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            process.wait(0.1)
            return None
        except subprocess.TimeoutExpired:
            reason = watch() or (f"no end after {SECONDS} s" if time.monotonic() > deadline else None)
        if reason:
            process.kill()
            process.wait()
            return reason


def must(output):
    if output.code != 0:
        raise Failed(str(output))
    return output


def must_refuse(output, *reasons):
    """It must end with an error, and say one of the `reasons` (any, without one): a crash is no refusal."""
    if output.code == 0:
        raise Failed(f"accepted what must be refused\n{output}")
    if "Traceback (most recent call last)" in output.text and not reasons:
        raise Failed(f"crashed instead of refusing\n{output}")
    if reasons and not any(reason.lower() in output.text.lower() for reason in reasons):
        raise Failed(f"refused for another reason than {' / '.join(reasons)}\n{output}")
    return output
