"""The command line behind tests/load/run."""

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness.issuer import Issuer

from . import bodies, ours, peers, report, trust_domains
from .measure import Job, measure
from .server import resident_mib
from .stamps import Stamps

CURVES = ("P-384", "P-256")
CONNECTIONS = (1, 16, 64)
WHOLE_SIGNATURES = 11
ENTRIES = 120_000
PEER_ENTRIES = 5_000


class Load:
    def __init__(self, chosen):
        self.chosen, self.folder, self.seen = chosen, chosen.scratch, []
        self.issuer = Issuer(token_seconds=3000)
        self.walls, self.idle_mib = {}, 0.0

    def wants(self, operation):
        return not self.chosen.only or self.chosen.only in operation

    def drive(self, job, who, origin, pid):
        if self.wants(job.operation):
            for connections in CONNECTIONS:
                self.one(job, who, origin, pid, connections)

    def one(self, job, who, origin, pid, connections, warm=True):
        seen = measure(job, who, origin, pid, connections, self.chosen.seconds, self.folder, warm)
        self.seen.append(seen)
        print("  ".join(report.row(seen)), file=sys.stderr, flush=True)

    def timestamps_and_certificates(self, curve, stack):
        instance = started(stack, ours.instance(self.chosen.binary, self.folder, curve, self.issuer))
        if curve == "P-384":
            time.sleep(2)
            self.idle_mib = resident_mib(instance.process.pid)
        stamp = Job(f"timestamp {curve}", "/api/v1/timestamp", bodies.timestamp_query(self.folder), "application/timestamp-query")
        certificate = Job(
            f"certificate {curve} CA", "/api/v2/signingCert", bodies.certificate_request(self.folder, self.issuer), "application/json"
        )
        self.drive(stamp, "privyseal", instance.origin, instance.process.pid)
        self.drive(certificate, "privyseal", instance.origin, instance.process.pid)
        authority = ca = None
        if self.chosen.peers:
            authority = started(stack, peers.timestamp_authority(self.chosen.cache, self.folder, curve))
            self.drive(stamp, "Sigstore TSA 2.1.3", authority.origin, authority.pid)
            ca = started(stack, peers.fulcio(self.chosen.cache, self.folder, curve, self.issuer))
            self.drive(certificate, "Fulcio 1.8.8, no SCT", ca.origin, ca.pid)
        return instance, authority, ca

    def entries_job(self, name, origin, count):
        lines = bodies.log_entries(self.folder, name, origin, self.issuer, count)
        return Job("log entry", "/api/v2/log/entries", lines, "application/json", count)

    def peers_entries(self, ca):
        job = self.entries_job("peers", ca.origin, PEER_ENTRIES)
        for connections in CONNECTIONS:
            # A new one each time: a client that hangs up while rekor-tiles still waits for its checkpoint leaves it
            # answering 499 to others.
            log = peers.rekor(self.chosen.cache, self.folder / f"rekor-{connections}")
            try:
                self.one(job, "rekor-tiles 2.3.0", log.origin, log.pid, connections, warm=False)
            finally:
                log.stop()

    def whole_signatures(self, who, flags):
        """The wall time of `cosign sign-blob` with trust from files and a token at hand: nothing but signing."""
        artifact = self.folder / "blob"
        artifact.write_text("what is signed\n")
        token = self.issuer.token(bodies.EMAIL)
        argv = [self.chosen.cache / "bin/cosign", "sign-blob", "-y", *flags, "--identity-token", token]
        argv += ["--bundle", self.folder / "blob.sigstore.json", artifact]
        walls = []
        for _ in range(WHOLE_SIGNATURES):
            began = time.monotonic()
            done = subprocess.run(argv, capture_output=True, text=True, check=False, env={"HOME": str(self.folder), "PATH": ""})
            walls.append(time.monotonic() - began)
            if done.returncode != 0:
                raise RuntimeError(f"cosign sign-blob against {who}: {done.stderr}")
        self.walls[who] = statistics.median(walls)

    def run(self):
        with contextlib.ExitStack() as stack:
            for curve in CURVES[1:]:
                with contextlib.ExitStack() as one_curve:
                    self.timestamps_and_certificates(curve, one_curve)
            instance, authority, ca = self.timestamps_and_certificates(CURVES[0], stack)
            if self.wants("log entry"):
                self.drive(
                    self.entries_job("ours", instance.origin, ENTRIES),
                    "privyseal",
                    instance.origin,
                    instance.process.pid,
                )
                if ca:
                    self.peers_entries(ca)
            if self.wants("sign-blob"):
                trust = instance.trust_files()
                files = ["--trusted-root", trust / "trusted_root.json", "--signing-config", trust / "signing_config.v0.2.json"]
                self.whole_signatures("privyseal", files)
                if ca:
                    log = started(stack, peers.rekor(self.chosen.cache, self.folder))
                    self.whole_signatures("peers", peers.trust(self.chosen.cache, self.folder, authority, ca, log))
        print(report.measurements(self.seen))
        print()
        print(report.bars(self.seen, self.idle_mib, self.walls))


def started(stack, server):
    """The running server; it stops when the stack unwinds, whatever happens in between."""
    stack.callback(server.stop)
    return server


def main():
    arguments = argparse.ArgumentParser(prog="tests/load/run")
    for name in ("--binary", "--cache", "--scratch"):
        arguments.add_argument(name, type=Path, required=True, help=argparse.SUPPRESS)
    arguments.add_argument("--floor", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--timestamps", action="store_true", help="timestamps alone, in every way, with a million of them at the end")
    arguments.add_argument("--trust-domains", action="store_true", help="what it costs to poll a thousand bundle endpoints")
    arguments.add_argument("--peers", action="store_true", help="measure the Go programs beside us")
    arguments.add_argument("--seconds", type=int, default=5, help="of each measurement")
    arguments.add_argument("--only", help="only the operations whose name holds this word")
    chosen = arguments.parse_args()
    if chosen.trust_domains:
        return trust_domains.measure(chosen.binary, chosen.scratch, minutes=2)
    return (Stamps if chosen.timestamps else Load)(chosen).run()


if __name__ == "__main__":
    main()
