"""sigstore-js 5: the library, and the command line as far as it goes (it speaks Rekor v1 only, so it signs without a log)."""

import json
import shutil

from .in_toto import in_toto_statement
from .program import must
from .workstation import HERE


class SigstoreJs:
    name = "sigstore-js"
    programs = ["node/node_modules/.bin"]
    # What it says of a token that the instance refuses, or that it does not even send.
    REFUSED_TOKEN = ("CA_CREATE_SIGNING_CERTIFICATE_ERROR", "IDENTITY_TOKEN_PARSE_ERROR")

    def __init__(self, workstation):
        self.workstation, self.instance = workstation, workstation.instance
        shutil.copy(HERE / "sigstore_js.mjs", workstation.folder)
        self.cache = workstation.home / "sigstore-js"

    def trust(self):
        root = self.instance.trust_files() / "root.json"
        argv = ["sigstore", "initialize", "--mirror", f"{self.instance.origin}/tuf", "--root", root]
        return must(self.workstation.run(*argv, "--cache-path", self.cache))

    def files(self):
        return {"trustedRoot": str(self.instance.trust_files() / "trusted_root.json")}

    def by_tuf(self):
        root = self.instance.trust_files() / "root.json"
        return {"mirror": f"{self.instance.origin}/tuf", "root": str(root), "cache": str(self.cache)}

    def library(self, operation, **job):
        job = {name: str(value) for name, value in job.items() if value is not None}
        return self.workstation.run("node", "sigstore_js.mjs", operation, json.dumps(job))

    def sign(self, artifact, bundle, token=None, kind="messageSignature", payload_type=None):
        config = self.instance.trust_files() / "signing_config.v0.2.json"
        return self.library(
            "sign", kind=kind, file=artifact, bundle=bundle, signingConfig=config, issuer=self.instance.issuer,
            token=token, payloadType=payload_type,
        )  # fmt: skip

    def attest(self, artifact, bundle, predicate, token=None):
        """This client signs whole statements: the one about the artifact is written here."""
        file = self.workstation.folder / "statement.json"
        file.write_text(json.dumps(in_toto_statement(artifact, predicate)))
        return self.sign(file, bundle, token, "dsseEnvelope", "application/vnd.in-toto+json")

    def verify(self, artifact, bundle, identity, issuer, where=None):
        attestation = "dsseEnvelope" in json.loads(bundle.read_text())
        name = {"uri" if ":" in identity else "email": identity}
        return self.library(
            "verify", bundle=bundle, file=None if attestation else artifact, issuer=issuer, **name, **(where or self.by_tuf())
        )  # fmt: skip

    def sign_by_files(self, artifact, bundle, token=None):
        return self.sign(artifact, bundle, token)

    def verify_by_files(self, artifact, bundle, identity, issuer):
        return self.verify(artifact, bundle, identity, issuer, self.files())
