"""The built binary as a running instance."""

import os
import select
import signal
import subprocess
import time

from .case import Failed, expect
from .web import http

READY_SECONDS = 60
DRAIN_SECONDS = 15


class Instance:
    """`privyseal init` and `privyseal up` on a data directory of its own, with one local user."""

    EMAIL = "alice@example.com"
    TRUST = ("root.json", "trusted_root.json", "signing_config.v0.2.json", "client_trust_config.json")

    def __init__(
        self,
        binary,
        folder,
        config="",
        listen="127.0.0.1:0",
        ca_file=None,
        init=(),
        units=(),
        token=None,
        variables=None,
    ):
        """`units` are named by the kinds of their keys, which are in `token` where there is one."""
        self.binary, self.folder, self.listen, self.ca_file = binary, folder, listen, ca_file
        self.init, self.units, self.token = init, units, token
        self.variables = {**os.environ, **(variables or {})}
        folder.mkdir(parents=True)
        self.data = folder / "data"
        self.password_file = folder / "password"
        self.password_file.write_text("correct horse battery staple\n")
        self.config = folder / "privyseal.toml"
        self.config.write_text(config)
        self.log = folder / "up.log"
        self.process, self.origin, self.started_in = None, None, None

    def command(self, *words):
        done = subprocess.run(
            [self.binary, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=False,
            env=self.variables,
        )
        expect(done.returncode == 0, f"privyseal {words[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        if not self.data.exists():
            who = ["--user", self.EMAIL, "--password-file", self.password_file]
            # What certificates say of revocation stands in the configuration.
            where = ["--data", self.data, *(["--config", self.config] if self.units else [])]
            self.command("init", *where, *who, *self.init)
            for unit in self.units:
                key = ["--key", self.token.uri(unit)] if self.token else []
                self.command("tsa", "unit", "add", unit, "--algorithm", unit, *key, *where)
        began = time.monotonic()
        words = ["up", "--data", self.data, "--config", self.config, "--listen", self.listen]
        self.process = subprocess.Popen(
            [self.binary, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=open(self.log, "ab"),
            text=True,
            env=self.variables,
        )
        ready, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS)
        line = self.process.stdout.readline().strip() if ready else ""
        self.started_in = time.monotonic() - began
        if not line.startswith("http"):
            self.process.kill()
            raise Failed(f"`privyseal up` printed {line!r} instead of its origin\n{self.log.read_text()[-4000:]}")
        self.origin = line
        # The rest of its banner is for people; an unread pipe would block it in the end.
        os.set_blocking(self.process.stdout.fileno(), False)
        return self

    @property
    def issuer(self):
        return self.origin + "/oidc"

    def get(self, path, **headers):
        return http(self.origin + path, ca_file=self.ca_file, **headers)

    def trust_files(self):
        """The folder with the documents that a person downloads from the instance."""
        folder = self.folder / "trust"
        if not folder.exists():
            folder.mkdir()
            for name in self.TRUST:
                answer = self.get(f"/trust/{name}")
                expect(answer.status == 200, f"GET /trust/{name} answers {answer.status}")
                (folder / name).write_bytes(answer.body)
        return folder

    def kill(self):
        """SIGKILL: nothing is finished, nothing is written any more."""
        self.process.kill()
        self.process.wait(DRAIN_SECONDS)

    def stop(self):
        """SIGTERM, as a supervisor does. Answers the exit status."""
        if not self.process or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
