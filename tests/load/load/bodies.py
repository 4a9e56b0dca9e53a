"""What is posted: made once, before anything is measured."""

import base64
import hashlib
import json
import subprocess

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from harness import fulcio

EMAIL = "load@partner.example"


def timestamp_query(folder):
    """What Sigstore's clients and `openssl ts -cert` send: SHA-256, nonce, certificates wanted."""
    data, query = folder / "stamped", folder / "query.tsq"
    data.write_text("what is stamped\n")
    argv = ["openssl", "ts", "-query", "-data", data, "-sha256", "-cert", "-out", query]
    subprocess.run(argv, check=True, capture_output=True)
    return query


def certificate_request(folder, issuer):
    """Public key with proof of possession, and an RS256 token that outlives the run."""
    body = folder / "certificate.json"
    body.write_text(json.dumps(fulcio.request_by_key(issuer.token(EMAIL))))
    return body


def log_entries(folder, name, origin, issuer, count):
    """Different entries, each a signature of the same short-lived certificate's key: a log answers a repeated one without work."""
    key = ec.generate_private_key(ec.SECP256R1())
    status, answer = fulcio.ask_certificate(origin, fulcio.request_by_key(issuer.token(EMAIL), key=key))
    if status != 200:
        raise RuntimeError(f"no certificate to sign entries with: {status} {answer}")
    chain = next(iter(answer.values()))["chain"]["certificates"]
    der = base64.b64encode(serialization_of(chain[0])).decode()
    file = folder / f"{name}-entries.jsonl"
    with file.open("w") as lines:
        for number in range(count):
            digest = hashlib.sha256(f"{name} {number}".encode()).digest()
            signature = key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
            lines.write(json.dumps(entry(digest, signature, der)) + "\n")
    return file


def serialization_of(pem):
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)


def entry(digest, signature, certificate):
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": certificate}}
    return {
        "hashedRekordRequestV002": {
            "digest": base64.b64encode(digest).decode(),
            "signature": {"content": base64.b64encode(signature).decode(), "verifier": verifier},
        }
    }
