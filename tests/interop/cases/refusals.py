"""What must not verify, does not, with any client. A bundle is spoiled in one place at a time."""

import base64
import json

from harness.case import case, expect
from harness.environment import CLIENTS
from harness.program import must_refuse


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
    def check(env, artifact=None, bundle=None, identity=None, issuer=None):
        bundle = bundle or env.bundle(verifier, "blob")
        instance = env.instance
        client = env.trusting(verifier)
        must_refuse(
            client.verify(artifact or env.artifact, bundle, identity or instance.EMAIL, issuer or instance.issuer)
        )

    @case(f"refuse: {verifier}, another artifact")
    def another_artifact(env):
        check(env, artifact=env.other_artifact)

    @case(f"refuse: {verifier}, another identity")
    def another_identity(env):
        check(env, identity="mallory@example.com")

    @case(f"refuse: {verifier}, another issuer")
    def another_issuer(env):
        check(env, issuer=env.instance.origin + "/another")

    for spoil in SPOILS:
        # cosign (sigstore-go 1.2, pkg/verify/tlog.go) makes the entry's hash anew from the bundle's signature, key and digest and proves
        # the inclusion of that; of the body in the bundle it only asks that it can be read. So the change is harmless there.
        if verifier == "cosign" and spoil is spoil_entry:
            continue

        @case(f"refuse: {verifier}, {spoil.__name__.replace('_', ' ')}")
        def spoiled(env, spoil=spoil):
            bundle = json.loads(env.bundle(verifier, "blob").read_text())
            spoil(bundle)
            file = env.folder / f"{verifier}.{spoil.__name__}.sigstore.json"
            file.write_text(json.dumps(bundle))
            check(env, bundle=file)

    @case(f"refuse: {verifier}, the trust root of another instance")
    def another_instance(env):
        other = env.trusting(verifier, env.guarded_instance)
        bundle = env.bundle(verifier, "blob")
        must_refuse(other.verify(env.artifact, bundle, env.instance.EMAIL, env.instance.issuer))


for each in CLIENTS:
    declare(each)


@case("refuse: every client still takes the bundle that was not spoiled")
def unspoiled(env):
    for name in CLIENTS:
        client = env.trusting(name)
        done = client.verify(env.artifact, env.bundle(name, "blob"), env.instance.EMAIL, env.instance.issuer)
        expect(done.code == 0, f"the refusals above say nothing: {done}")
