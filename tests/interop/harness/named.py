"""BIND's name server with one zone that it did not learn DNS from us: signed by its own tools."""

import subprocess
import time

from .case import Failed, expect
from .environment import free_port

READY_SECONDS = 20


class Named:
    """One `named` that serves one zone, signed or not."""

    def __init__(self, folder, zone, keys):
        self.folder, self.zone, self.keys = folder, zone, keys
        folder.mkdir(parents=True)
        self.port = free_port()
        self.process = None
        self.serial = 0

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def serve(self, *records, signed=True, spoil=None):
        """From now on the zone is these records and nothing else. `spoil` changes a text after it was signed."""
        self.stop()
        self.serial += 1
        text = f"$TTL 5\n@ IN SOA ns.{self.zone}. root.{self.zone}. {self.serial} 60 60 600 5\n@ IN NS ns.{self.zone}.\nns IN A 127.0.0.1\n"
        file = self.folder / "zone"
        file.write_text(text + "".join(f"{record}\n" for record in records))
        if signed:
            words = ["dnssec-signzone", "-q", "-S", "-K", self.keys.folder, "-o", self.zone, "-f", self.folder / "zone.signed", file]
            done = subprocess.run([*map(str, words)], cwd=self.folder, capture_output=True, text=True, check=False)
            expect(done.returncode == 0, f"dnssec-signzone: {done.stdout}{done.stderr}")
            file = self.folder / "zone.signed"
        if spoil:
            before, after = spoil
            whole = file.read_text()
            expect(before in whole, "there is nothing to spoil")
            file.write_text(whole.replace(before, after))
        (self.folder / "named.conf").write_text(
            f'options {{ directory "{self.folder}"; pid-file none; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};'
            f" recursion no; dnssec-validation no; }};\ncontrols {{ }};\n"
            f'zone "{self.zone}" {{ type primary; file "{file}"; }};\n'
        )
        words = ["named", "-g", "-c", self.folder / "named.conf"]
        self.log = self.folder / "named.log"
        self.process = subprocess.Popen([*map(str, words)], stdout=subprocess.DEVNULL, stderr=self.log.open("wb"))
        for _ in range(READY_SECONDS * 10):
            if b"all zones loaded" in self.log.read_bytes():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise Failed(f"named did not start\n{self.log.read_text()[-3000:]}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


class ZoneKeys:
    """The keys of a zone, made by BIND."""

    def __init__(self, folder, zone):
        self.folder = folder
        folder.mkdir(parents=True)
        for more in (["-f", "KSK"], []):
            words = ["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-K", folder, *more, zone]
            done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
            expect(done.returncode == 0, f"dnssec-keygen: {done.stdout}{done.stderr}")

    @property
    def anchor(self):
        """A file of all keys, as BIND wrote them."""
        file = self.folder / "anchors"
        file.write_text("".join(key.read_text() for key in sorted(self.folder.glob("*.key"))))
        return file
