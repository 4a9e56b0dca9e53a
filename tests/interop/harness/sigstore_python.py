"""sigstore-python 4."""

from .in_toto import SLSA
from .program import must


class SigstorePython:
    name = "sigstore-python"
    programs = ["python/bin"]
    # What it says of a token that the instance refuses (a traceback without the server's message), or that it does not
    # even send.
    REFUSED_TOKEN = ("FulcioClientError", "Identity token is malformed", "Identity token is not within")

    def __init__(self, workstation):
        self.workstation, self.instance = workstation, workstation.instance
        self.tuf_instance = ["--instance", f"{self.instance.origin}/tuf"]

    def trust(self):
        root = self.instance.trust_files() / "root.json"
        return must(self.workstation.run("sigstore", *self.tuf_instance, "trust-instance", root))

    def files(self):
        return ["--trust-config", self.instance.trust_files() / "client_trust_config.json"]

    def identity_token(self):
        """A token of our provider, by this client's own login."""
        return (
            must(self.workstation.run("sigstore", *self.tuf_instance, "get-identity-token"))
            .stdout.strip()
            .splitlines()[-1]
        )

    def sign(self, artifact, bundle, token=None, where=None, flags=()):
        argv = ["sigstore", *(where or self.tuf_instance), "sign", *flags, *token_flags(token), "--overwrite"]
        return self.workstation.run(*argv, "--bundle", bundle, artifact)

    def attest(self, artifact, bundle, predicate, token=None, where=None, flags=()):
        argv = ["sigstore", *(where or self.tuf_instance), "attest", *flags, *token_flags(token), "--overwrite"]
        kind = ["--predicate", predicate, "--predicate-type", SLSA]
        return self.workstation.run(*argv, *kind, "--bundle", bundle, artifact)

    def verify(self, artifact, bundle, identity, issuer, where=None, flags=()):
        claims = ["--cert-identity", identity, "--cert-oidc-issuer", issuer]
        argv = ["sigstore", *(where or self.tuf_instance), "verify", "identity", *flags, "--bundle", bundle]
        return self.workstation.run(*argv, *claims, artifact)

    def sign_by_files(self, artifact, bundle, token=None):
        return self.sign(artifact, bundle, token, self.files())

    def verify_by_files(self, artifact, bundle, identity, issuer):
        return self.verify(artifact, bundle, identity, issuer, self.files())


def token_flags(token):
    return ["--identity-token", token] if token else []
