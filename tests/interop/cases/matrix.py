"""Every client signs and attests after an interactive login, and every client verifies every bundle with trust from TUF: no flag but
who signed, no token but the one that the login gave."""

from harness.case import case, expect
from harness.environment import CLIENTS
from harness.program import must


def declare_signing(signer, kind):
    @case(f"sign: {signer} logs in and signs a {kind}")
    def signs(env):
        bundle = env.bundle(signer, kind)
        expect(bundle.stat().st_size > 0, "the bundle is empty")


def declare_verifying(signer, verifier, kind):
    @case(f"verify: {verifier} takes the {kind} of {signer}")
    def verifies(env):
        bundle = env.bundle(signer, kind)
        must(env.trusting(verifier).verify(env.artifact, bundle, env.instance.EMAIL, env.instance.issuer))


for each_kind in ("blob", "attestation"):
    for each_signer in CLIENTS:
        declare_signing(each_signer, each_kind)
    for each_signer in CLIENTS:
        for each_verifier in CLIENTS:
            declare_verifying(each_signer, each_verifier, each_kind)


@case("verify: sigstore-python offline")
def offline(env):
    client = env.trusting("sigstore-python")
    bundle = env.bundle("cosign", "blob")
    must(client.verify(env.artifact, bundle, env.instance.EMAIL, env.instance.issuer, flags=["--offline"]))


@case("verify: sigstore-js command line")
def js_command_line(env):
    client = env.trusting("sigstore-js")
    argv = ["sigstore", "verify", "--tuf-mirror-url", f"{env.instance.origin}/tuf", "--tuf-root-path"]
    claims = ["--certificate-identity-email", env.instance.EMAIL, "--certificate-issuer", env.instance.issuer]
    root = env.instance.trust_files() / "root.json"
    cache = ["--tuf-cache-path", client.cache]
    must(
        client.workstation.run(*argv, root, *cache, *claims, "--blob-file", env.artifact, env.bundle("cosign", "blob"))
    )
    must(client.workstation.run(*argv, root, *cache, *claims, env.bundle("sigstore-js", "attestation")))
