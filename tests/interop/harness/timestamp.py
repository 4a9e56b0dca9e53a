"""openssl's time-stamping client: query, ask, verify."""

from .case import expect
from .program import must, must_refuse
from .web import http

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"


class Timestamp:
    def __init__(self, workstation, data, digest="sha256", certificates=True, nonce=True, policy=None):
        self.workstation, self.data = workstation, data
        name = f"{digest}-{certificates:d}{nonce:d}"
        self.query_file, self.reply_file = workstation.folder / f"{name}.tsq", workstation.folder / f"{name}.tsr"
        options = [f"-{digest}", *(["-cert"] if certificates else []), *([] if nonce else ["-no_nonce"])]
        options += ["-tspolicy", policy] if policy else []
        must(workstation.run("openssl", "ts", "-query", "-data", data, *options, "-out", self.query_file))

    def ask(self, path):
        """The answer to the query; it is kept for openssl to read, whatever it is."""
        answer = http(
            self.workstation.instance.origin + path,
            self.query_file.read_bytes(),
            QUERY,
            ca_file=self.workstation.instance.ca_file,
        )
        expect(answer.headers.get("Content-Type") == REPLY, f"{answer.status}, {answer.headers.get('Content-Type')}: {answer.body[:500]}")
        self.reply_file.write_bytes(answer.body)
        return answer

    def text(self):
        return must(self.workstation.run("openssl", "ts", "-reply", "-in", self.reply_file, "-text")).stdout

    def verify(self, chain, certificates=True, data=None):
        what = ["-data", data] if data else ["-queryfile", self.query_file]
        trust = ["-CAfile", chain] + ([] if certificates else ["-untrusted", chain])
        return self.workstation.run("openssl", "ts", "-verify", "-in", self.reply_file, *what, *trust)

    def must_verify(self, chain, **options):
        done = must(self.verify(chain, **options))
        expect("Verification: OK" in done.text, str(done))

    def must_not_verify(self, chain, **options):
        must_refuse(self.verify(chain, **options))
