"""What must not verify, does not, with any client. A bundle is spoiled in one place at a time."""

import base64
import json

from harness.case import case, expect
from harness.program import must_refuse
from harness.environment import CLIENTS


def flip(text, at=-8):
    """The base64 text with one bit of its octets turned."""
    octets = bytearray(base64.b64decode(text))
    octets[at] ^= 1
    return base64.b64encode(octets).decode()


def spoil_signature(bundle):
    part = bundle["messageSignature"]
    part["signature"] = flip(part["signature"])


def spoil_certificate(bundle):
    material = bundle["verificationMaterial"]
    holder = material.get("certificate") or material["x509CertificateChain"]["certificates"][0]
    holder["rawBytes"] = flip(holder["rawBytes"])


def spoil_timestamp(bundle):
    stamp = bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]
    stamp["signedTimestamp"] = flip(stamp["signedTimestamp"])


def drop_timestamp(bundle):
    del bundle["verificationMaterial"]["timestampVerificationData"]


def drop_entry(bundle):
    bundle["verificationMaterial"]["tlogEntries"] = []


def spoil_entry(bundle):
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    # In the signature, and not near an end of it: the last character of a base64 text can hold bits that mean nothing.
    at = base64.b64decode(entry["canonicalizedBody"]).index(b'"content":"') + len('"content":"') + 8
    entry["canonicalizedBody"] = flip(entry["canonicalizedBody"], at)


def spoil_proof(bundle):
    """(The field `rootHash` beside it says nothing that the checkpoint does not, and only sigstore-python looks at it.)"""
    proof = bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    hashes = proof.get("hashes") or [base64.b64encode(bytes(32)).decode()]
    proof["hashes"] = [flip(hashes[0]), *hashes[1:]]


def spoil_checkpoint(bundle):
    checkpoint = bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]
    head, dash, signature = checkpoint["envelope"].rpartition(" ")
    checkpoint["envelope"] = head + dash + flip(signature.strip()) + "\n"


SPOILS = [
    spoil_signature, spoil_certificate, spoil_timestamp, drop_timestamp, drop_entry, spoil_entry, spoil_proof, spoil_checkpoint
]  # fmt: skip


def declare(verifier):
    def check(world, artifact=None, bundle=None, identity=None, issuer=None):
        bundle = bundle or world.bundle(verifier, "blob")
        house = world.house
        client = world.trusting(verifier)
        must_refuse(client.verify(artifact or world.artifact, bundle, identity or house.EMAIL, issuer or house.issuer))

    @case(f"refuse: {verifier}, another artifact")
    def another_artifact(world):
        check(world, artifact=world.other_artifact)

    @case(f"refuse: {verifier}, another identity")
    def another_identity(world):
        check(world, identity="mallory@example.com")

    @case(f"refuse: {verifier}, another issuer")
    def another_issuer(world):
        check(world, issuer=world.house.origin + "/another")

    for spoil in SPOILS:
        # cosign (sigstore-go 1.2, pkg/verify/tlog.go) makes the entry's hash anew from the bundle's signature, key and digest and proves
        # the inclusion of that; of the body in the bundle it only asks that it can be read. So the change is harmless there.
        if verifier == "cosign" and spoil is spoil_entry:
            continue

        @case(f"refuse: {verifier}, {spoil.__name__.replace('_', ' ')}")
        def spoiled(world, spoil=spoil):
            bundle = json.loads(world.bundle(verifier, "blob").read_text())
            spoil(bundle)
            file = world.folder / f"{verifier}.{spoil.__name__}.sigstore.json"
            file.write_text(json.dumps(bundle))
            check(world, bundle=file)

    @case(f"refuse: {verifier}, the trust root of another house")
    def another_house(world):
        stranger = world.trusting(verifier, world.guarded_house)
        bundle = world.bundle(verifier, "blob")
        must_refuse(stranger.verify(world.artifact, bundle, world.house.EMAIL, world.house.issuer))


for each in CLIENTS:
    declare(each)


@case("refuse: every client still takes the bundle that was not spoiled")
def unspoiled(world):
    for name in CLIENTS:
        client = world.trusting(name)
        done = client.verify(world.artifact, world.bundle(name, "blob"), world.house.EMAIL, world.house.issuer)
        expect(done.code == 0, f"the refusals above say nothing: {done}")
