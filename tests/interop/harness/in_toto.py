"""The statement about an artifact that clients sign when they attest."""

import hashlib
import json

SLSA = "https://slsa.dev/provenance/v1"


def in_toto_statement(artifact, predicate):
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": artifact.name, "digest": {"sha256": digest}}],
        "predicateType": SLSA,
        "predicate": json.loads(predicate.read_text()),
    }
