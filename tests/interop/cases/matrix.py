"""Every client signs and attests after an interactive login, and every client verifies every bundle with trust from TUF: no flag but
who signed, no token but the one that the login gave."""

from harness.case import case, expect
from harness.program import must
from harness.environment import CLIENTS


def declare_signing(signer, kind):
    @case(f"sign: {signer} logs in and signs a {kind}")
    def signs(world):
        bundle = world.bundle(signer, kind)
        expect(bundle.stat().st_size > 0, "the bundle is empty")


def declare_verifying(signer, verifier, kind):
    @case(f"verify: {verifier} takes the {kind} of {signer}")
    def verifies(world):
        bundle = world.bundle(signer, kind)
        must(world.trusting(verifier).verify(world.artifact, bundle, world.house.EMAIL, world.house.issuer))


for each_kind in ("blob", "attestation"):
    for each_signer in CLIENTS:
        declare_signing(each_signer, each_kind)
    for each_signer in CLIENTS:
        for each_verifier in CLIENTS:
            declare_verifying(each_signer, each_verifier, each_kind)


@case("verify: sigstore-python offline")
def offline(world):
    client = world.trusting("sigstore-python")
    bundle = world.bundle("cosign", "blob")
    must(client.verify(world.artifact, bundle, world.house.EMAIL, world.house.issuer, flags=["--offline"]))


@case("verify: sigstore-js command line")
def js_command_line(world):
    client = world.trusting("sigstore-js")
    argv = ["sigstore", "verify", "--tuf-mirror-url", f"{world.house.origin}/tuf", "--tuf-root-path"]
    claims = ["--certificate-identity-email", world.house.EMAIL, "--certificate-issuer", world.house.issuer]
    root = world.house.trust_files() / "root.json"
    cache = ["--tuf-cache-path", client.cache]
    must(client.desk.run(*argv, root, *cache, *claims, "--blob-file", world.artifact, world.bundle("cosign", "blob")))
    must(client.desk.run(*argv, root, *cache, *claims, world.bundle("sigstore-js", "attestation")))
