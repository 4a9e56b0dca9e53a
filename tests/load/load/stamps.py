"""Timestamps alone, in every way that they are asked for: each kind of key, in files and in a PKCS#11 token, records durable and off,
keep-alive and a new TLS connection each, beside the floor of the machine and the Go authority, and the memory over a million of them."""

import contextlib
import sys
import time

from harness.environment import free_port, make_authority
from harness.hsm import PIN, Token
from harness.instance import Instance

from . import bodies, peers, report, softhsm
from .floor import Floor
from .measure import Job, measure, wrk
from .server import resident_mib

KEEP_ALIVE = (16, 64, 256)
FRESH = (16,)
MILLION = 1_000_000
RECORDS = (("records durable", ""), ("records off", '[audit]\ntimestamps = "off"\n'))
NAMES = {"p256": "P-256", "p384": "P-384", "rsa3072": "RSA-3072"}


class Stamps:
    def __init__(self, chosen):
        self.chosen, self.folder, self.seen, self.memory, self.token_signatures = chosen, chosen.scratch, [], [], {}
        self.query = bodies.timestamp_query(self.folder)
        self.tls = self.folder / "tls"
        self.tls.mkdir()
        make_authority(self.tls)

    def job(self, operation, path, fresh=False):
        return Job(operation, path, self.query, "application/timestamp-query", fresh=fresh)

    def one(self, job, who, origin, pid, connections):
        seen = measure(job, who, origin, pid, connections, self.chosen.seconds, self.folder)
        self.seen.append(seen)
        print("  ".join(report.row(seen)), file=sys.stderr, flush=True)

    def keep_alive(self, kind, who, server, path):
        for connections in KEEP_ALIVE:
            self.one(self.job(f"timestamp {kind}", path), who, server.origin, server.process.pid, connections)

    def fresh(self, kind, who, server, path):
        for connections in FRESH:
            job = self.job(f"timestamp {kind}, new TLS connection", path, fresh=True)
            self.one(job, who, server.origin, server.process.pid, connections)

    def instance(self, stack, name, curve=None, config="", tls=False, units=("rsa3072",), token=None):
        ca = None
        listen = "127.0.0.1:0"
        if tls:
            port = free_port()
            listen, ca = f"127.0.0.1:{port}", self.tls / "ca.crt"
            config += f'[instance]\norigin = "https://localhost:{port}"\n[listen]\n'
            config += f'tls = {{ certificate = "{self.tls}/tls.crt", key = "{self.tls}/tls.key" }}\n'
        how = {"init": ("--curve", curve)} if curve else {"units": units, "token": token}
        instance = Instance(self.chosen.binary, self.folder / name, config, listen, ca_file=ca, **how).start()
        stack.callback(instance.stop)
        return instance

    def ours(self, kind, curve):
        path = "/tsa" if curve else "/tsa/rsa3072"
        for who, config in RECORDS:
            with contextlib.ExitStack() as stack:
                instance = self.instance(stack, f"{kind}-{who}".replace(" ", "-"), curve, config)
                self.keep_alive(kind, who, instance, path)
            with contextlib.ExitStack() as stack:
                instance = self.instance(stack, f"{kind}-{who}-tls".replace(" ", "-"), curve, config, tls=True)
                self.fresh(kind, who, instance, path)

    def in_token(self):
        """The same keys in a token: what the instance does beside the token's own work."""
        token = Token(self.folder / "hsm")
        self.token_signatures = softhsm.signatures(token, PIN)
        for who, config in RECORDS:
            for tls in (False, True):
                with contextlib.ExitStack() as stack:
                    name = f"token-{who}-{tls}".replace(" ", "-")
                    instance = self.instance(stack, name, config=config, tls=tls, units=NAMES, token=token)
                    for kind in NAMES:
                        what = f"{NAMES[kind]} in SoftHSM"
                        (self.fresh if tls else self.keep_alive)(what, who, instance, f"/tsa/{kind}")

    def theirs(self, kind):
        path = "/api/v1/timestamp"
        for tls in (False, True):
            with contextlib.ExitStack() as stack:
                server = peers.timestamp_authority(self.chosen.cache, self.folder / f"peer-{tls}", kind, self.tls if tls else None)
                stack.callback(server.stop)
                (self.fresh if tls else self.keep_alive)(kind, report.PEER, server, path)

    def million(self):
        """Resident memory as they go on, in one process."""
        with contextlib.ExitStack() as stack:
            instance = self.instance(stack, "million", "p256")
            job, done = self.job("timestamp P-256", "/tsa"), 0
            self.memory.append((0, resident_mib(instance.process.pid)))
            while done < MILLION:
                seen, _ = wrk(job, instance.origin, 64, 10, self.folder)
                done += seen["requests"]
                self.memory.append((done, resident_mib(instance.process.pid)))
                print(f"{done:,} timestamps, {self.memory[-1][1]:.0f} MiB", file=sys.stderr, flush=True)
            time.sleep(1)

    def wants(self, what):
        return not self.chosen.only or self.chosen.only in what

    def run(self):
        floor = Floor(self.chosen.floor)
        try:
            for connections in KEEP_ALIVE:
                self.one(self.job("HTTP alone", "/"), "floor", floor.origin, floor.pid, connections)
        finally:
            floor.stop()
        for kind, curve in (("P-256", "p256"), ("P-384", "p384"), ("RSA-3072", None)):
            if self.wants(f"timestamp {kind}"):
                self.ours(kind, curve)
                if self.chosen.peers and curve:
                    self.theirs(kind)
        if self.wants("SoftHSM"):
            self.in_token()
        if self.wants("million"):
            self.million()
        print(report.measurements(self.seen))
        print()
        tokens = {NAMES[kind]: microseconds for kind, microseconds in self.token_signatures.items()}
        print(report.stamp_bars(self.seen, floor.signatures, tokens, self.memory))
