"""Servers to take the time from: chronyd, which is not ours, and servers of our own that lie."""

import glob
import os
import socket
import struct
import subprocess
import threading
import time

from .case import Failed, expect

EPOCH = 2_208_988_800
START_SECONDS = 15


class Chrony:
    """chronyd as a server of NTP and network time security. It believes this machine's clock and never sets it (-x)."""

    def __init__(self, cache, folder, certificate, key, port, nts_port):
        self.nts_port, self.port = nts_port, port
        folder.mkdir(parents=True)
        self.config, self.log = folder / "chrony.conf", folder / "chrony.log"
        self.config.write_text(
            f"""
port {port}
bindaddress 127.0.0.1
allow 127.0.0.1
cmdport 0
local stratum 2
ntsport {nts_port}
ntsservercert {certificate}
ntsserverkey {key}
ntsdumpdir {folder}
pidfile {folder}/pid
driftfile {folder}/drift
"""
        )
        self.program = cache / "time/usr/sbin/chronyd"
        self.process = None
        self.start()

    def start(self):
        # Not as root where it need not be, in the foreground, without touching the clock.
        words = [self.program, "-x", "-d", "-U", "-u", os.environ.get("USER") or "root", "-f", self.config]
        try:
            self.process = subprocess.Popen([*map(str, words)], stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        except FileNotFoundError as error:
            raise Failed(f"{self.program} is missing: tests/interop/install should have brought it") from error
        deadline = time.monotonic() + START_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.nts_port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"chronyd does not serve\n{self.log.read_text()[-3000:]}")
            time.sleep(0.1)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


class Liar:
    """An NTP server without authentication. It says this machine's time, off by `ahead` seconds; it may be silent, announce a
    leap second, or kiss clients goodbye."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.ahead, self.is_silent, self.leap, self.kiss, self.asked = 0.0, False, 0, None, 0
        threading.Thread(target=self.serve, daemon=True).start()

    def now(self):
        at = time.time() + self.ahead + EPOCH
        return struct.pack("!II", int(at) & 0xFFFFFFFF, int(at % 1 * 2**32))

    def serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(2048)
            except OSError:
                return
            received = self.now()
            self.asked += 1
            if self.is_silent or len(question) < 48:
                continue
            stratum, reference = (0, self.kiss) if self.kiss else (1, b"GPS\0")
            head = struct.pack("!BBbbII4s", self.leap << 6 | 0x24, stratum, 0, -20, 0, 16, reference)
            self.socket.sendto(head + received + question[40:48] + received + self.now(), client)

    def stop(self):
        self.socket.close()


class FakeClock:
    """libfaketime around the binary: its wall clock says what the file says; the clocks that nobody can set stay as they are."""

    def __init__(self, cache, folder):
        found = glob.glob(f"{cache}/time/usr/lib/*/faketime/libfaketimeMT.so.1")
        expect(found, f"no libfaketime under {cache}/time: tests/interop/install should have brought it")
        self.file = folder / "faketime"
        self.set("+0")
        self.variables = {
            "LD_PRELOAD": found[0],
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def set(self, what):
        """`+3600` is an hour ahead, `+0 x1.02` is 2 % fast from now on."""
        beside = self.file.with_suffix(".new")
        beside.write_text(what + "\n")
        beside.rename(self.file)
