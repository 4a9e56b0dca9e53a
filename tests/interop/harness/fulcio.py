"""What no client can be made to send: a certificate request of our own making."""

import base64
import json

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from .web import http


def subject_of(token):
    claims = jwt.decode(token, options={"verify_signature": False})
    return claims.get("email") or claims["sub"]


def request_by_key(token, challenge=None, key=None):
    """The body that cosign and sigstore-js send: public key and proof of possession over `challenge` (by default the right one)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    challenge = subject_of(token) if challenge is None else challenge
    return key_body(token, key, key.sign(challenge.encode(), ec.ECDSA(hashes.SHA256())))


def request_by_weak_key(token):
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return key_body(token, key, key.sign(subject_of(token).encode(), padding.PKCS1v15(), hashes.SHA256()))


def key_body(token, key, proof):
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {
        "credentials": {"oidcIdentityToken": token},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": public.decode()},
            "proofOfPossession": base64.b64encode(proof).decode(),
        },
    }


def request_by_csr(token):
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    pem = csr.public_bytes(serialization.Encoding.PEM)
    return {"credentials": {"oidcIdentityToken": token}, "certificateSigningRequest": base64.b64encode(pem).decode()}


def ask_certificate(origin, body, ca_file=None):
    """The status and the JSON of the answer."""
    answer = http(f"{origin}/api/v2/signingCert", json.dumps(body).encode(), "application/json", ca_file=ca_file)
    return answer.status, json.loads(answer.body)
