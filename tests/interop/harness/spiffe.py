"""The programs of clients/go-spiffe and clients/java/spiffe: verifiers of bundles and SVIDs, a bundle endpoint, a
Workload API."""

import json
import select
import signal
import subprocess

from .case import Failed, expect

SECONDS = 120


class Verifier:
    """A program that gives a verdict on each of many questions in one run."""

    def __init__(self, argv):
        self.argv = [str(word) for word in argv]

    def ask_all(self, questions):
        lines = "".join(json.dumps([str(word) for word in question]) + "\n" for question in questions)
        done = subprocess.run([*self.argv, "many"], input=lines, capture_output=True, text=True, timeout=SECONDS, check=False)
        said = [json.loads(line) for line in done.stdout.splitlines()]
        expect(
            done.returncode == 0 and len(said) == len(questions),
            f"{self.argv[0]} ended with {done.returncode}\n{done.stderr[-4000:]}",
        )
        return said

    def ask(self, *question):
        return self.ask_all([question])[0]


def go_spiffe(cache):
    return Verifier([cache / "bin/go-spiffe"])


def java_spiffe(cache):
    home = cache / "java/spiffe"
    # The second compiler would only make it start later.
    return Verifier(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{home}/jars/*:{home}/classes", "Verifier"])


class Server:
    """A part of go-spiffe that goes on: what it says is one line of JSON for each thing that happens."""

    def __init__(self, cache, log, *words):
        self.argv = [str(word) for word in (cache / "bin/go-spiffe", *words)]
        self.log, self.lines = log, []
        self.errors = log.with_suffix(".err")
        self.process = subprocess.Popen(self.argv, stdout=log.open("wb"), stderr=self.errors.open("wb"))
        self.address = self.wait_for("serving")

    def said(self):
        """All lines so far; one that is not whole yet is not among them."""
        return [json.loads(line) for line in self.log.read_bytes().decode().split("\n")[:-1]]

    def wait_for(self, member, after=0):
        """The value of `member` in the first line that has it and comes after so many lines."""
        for _ in range(100):
            for line in self.said()[after:]:
                if "error" in line:
                    raise Failed(f"{self.argv}: {line['error']}")
                if member in line:
                    return line[member]
            if self.process.poll() is not None:
                break
            select.select([], [], [], 0.1)
        raise Failed(f"{self.argv} does not say {member!r}\n{self.log.read_text()}{self.errors.read_text()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)


class Endpoint(Server):
    """A bundle endpoint, whose bundle and certificates are read from their files for every request."""

    def __init__(self, cache, log, name, bundle, svid, address="127.0.0.1:0"):
        super().__init__(cache, log, "serve", address, name, bundle, svid, svid)

    def requests(self):
        return [line["request"] for line in self.said() if "request" in line]


class WorkloadApi(Server):
    """A Workload API that gives out what its folder holds; see clients/go-spiffe/workloadapi.go."""

    def __init__(self, cache, log, socket, folder):
        self.folder = folder
        super().__init__(cache, log, "workload-api", socket, folder)

    def read_again(self):
        before = len(self.said())
        self.process.send_signal(signal.SIGHUP)
        self.wait_for("read", before)

    def calls(self):
        return [line for line in self.said() if "call" in line]
