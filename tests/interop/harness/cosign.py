"""cosign 3."""

import hashlib
import json

from .in_toto import in_toto_statement
from .program import must


class Cosign:
    name = "cosign"
    programs = ["bin"]
    # What it says of a token that the instance refuses, or that it does not even send.
    REFUSED_TOKEN = ("Fulcio returned 400", "not verified by identity provider", "getting id token")

    def __init__(self, workstation):
        self.workstation, self.instance = workstation, workstation.instance

    def trust(self):
        """As `privyseal up` prints it: the checksum is what the operator hands over by another way."""
        origin, root = self.instance.origin, self.instance.trust_files() / "root.json"
        argv = ["cosign", "initialize", "--mirror", f"{origin}/tuf", "--root", f"{origin}/trust/root.json"]
        return must(self.workstation.run(*argv, "--root-checksum", hashlib.sha256(root.read_bytes()).hexdigest()))

    def files(self, signing=True):
        """The flags that take trust from files instead of TUF."""
        trust = self.instance.trust_files()
        flags = ["--trusted-root", trust / "trusted_root.json"]
        return flags + (["--signing-config", trust / "signing_config.v0.2.json"] if signing else [])

    def sign(self, artifact, bundle, token=None, flags=()):
        """Without a token it logs in through the browser; then its standard input is a terminal, as a person's is."""
        argv = ["cosign", "sign-blob", "-y", *flags, "--bundle", bundle]
        return self.workstation.run(*argv, *token_flags(token), artifact, terminal=token is None)

    def attest(self, artifact, bundle, predicate, token=None, flags=()):
        """With `--predicate` cosign writes an in-toto statement of version 0.1, which sigstore-python does not read: the statement
        is handed over whole."""
        statement = self.workstation.folder / "statement.json"
        statement.write_text(json.dumps(in_toto_statement(artifact, predicate)))
        argv = ["cosign", "attest-blob", "-y", *flags, "--statement", statement, "--bundle", bundle]
        return self.workstation.run(*argv, *token_flags(token), artifact, terminal=token is None)

    def verify(self, artifact, bundle, identity, issuer, flags=()):
        claims = ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer]
        if "dsseEnvelope" in json.loads(bundle.read_text()):
            # `--type` must name the predicate's type; the in-toto statement is checked against the artifact's digest.
            argv = ["cosign", "verify-blob-attestation", "--type", "slsaprovenance1"]
        else:
            argv = ["cosign", "verify-blob"]
        return self.workstation.run(*argv, *flags, "--bundle", bundle, *claims, artifact)

    def sign_by_files(self, artifact, bundle, token=None):
        return self.sign(artifact, bundle, token, self.files())

    def verify_by_files(self, artifact, bundle, identity, issuer):
        return self.verify(artifact, bundle, identity, issuer, self.files(signing=False))


def token_flags(token):
    return ["--identity-token", token] if token else []
