"""Timestamps alone, in every way that they are asked for: each kind of key, records durable and off, keep-alive and a new TLS connection
each, beside the floor of the machine and the Go authority, and the memory over a million of them."""

import contextlib
import sys
import time

from strangers.house import House
from strangers.world import free_port, make_authority

from . import bodies, peers, report
from .floor import Floor
from .measure import Job, measure, wrk
from .server import resident_mib

KEEP_ALIVE = (16, 64, 256)
FRESH = (16,)
MILLION = 1_000_000
OFF = '[audit]\ntimestamps = "off"\n'


class Stamps:
    def __init__(self, chosen):
        self.chosen, self.folder, self.seen, self.memory = chosen, chosen.scratch, [], []
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

    def house(self, stack, name, curve, config="", tls=False):
        ca = None
        listen = "127.0.0.1:0"
        if tls:
            port = free_port()
            listen, ca = f"127.0.0.1:{port}", self.tls / "ca.crt"
            config += f'[house]\norigin = "https://localhost:{port}"\n[listen]\n'
            config += f'tls = {{ certificate = "{self.tls}/tls.crt", key = "{self.tls}/tls.key" }}\n'
        rsa = () if curve else ("rsa3072",)
        init = ("--curve", curve) if curve else ()
        house = House(self.chosen.binary, self.folder / name, config, listen, ca_file=ca, init=init, units=rsa).start()
        stack.callback(house.stop)
        return house

    def ours(self, kind, curve):
        path = "/tsa" if curve else "/tsa/rsa3072"
        for who, config in (("records durable", ""), ("records off", OFF)):
            with contextlib.ExitStack() as stack:
                house = self.house(stack, f"{kind}-{who}".replace(" ", "-"), curve, config)
                self.keep_alive(kind, who, house, path)
            with contextlib.ExitStack() as stack:
                house = self.house(stack, f"{kind}-{who}-tls".replace(" ", "-"), curve, config, tls=True)
                self.fresh(kind, who, house, path)

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
            house = self.house(stack, "million", "p256")
            job, done = self.job("timestamp P-256", "/tsa"), 0
            self.memory.append((0, resident_mib(house.process.pid)))
            while done < MILLION:
                seen, _ = wrk(job, house.origin, 64, 10, self.folder)
                done += seen["requests"]
                self.memory.append((done, resident_mib(house.process.pid)))
                print(f"{done:,} timestamps, {self.memory[-1][1]:.0f} MiB", file=sys.stderr, flush=True)
            time.sleep(1)

    def run(self):
        floor = Floor(self.chosen.floor)
        try:
            for connections in KEEP_ALIVE:
                self.one(self.job("HTTP alone", "/"), "floor", floor.origin, floor.pid, connections)
        finally:
            floor.stop()
        for kind, curve in (("P-256", "p256"), ("P-384", "p384"), ("RSA-3072", None)):
            self.ours(kind, curve)
            if self.chosen.peers and curve:
                self.theirs(kind)
        self.million()
        print(report.measurements(self.seen))
        print()
        print(report.stamp_bars(self.seen, floor.signatures, self.memory))
