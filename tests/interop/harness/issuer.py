"""An issuer of our own making that lies on demand: discovery, keys, and any token that a case asks for (RS256)."""

import base64
import http.server
import json
import threading
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa


def base64url(number):
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Issuer:
    KEY_ID = "interop"

    def __init__(self, token_seconds=300):
        self.token_seconds = token_seconds
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        handler = self.handler()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.iss = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(issuer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                documents = {"/.well-known/openid-configuration": issuer.discovery, "/keys": issuer.keys}
                document = documents.get(self.path)
                body = json.dumps(document() if document else {}).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def discovery(self):
        return {
            "issuer": self.iss,
            "authorization_endpoint": f"{self.iss}/auth",
            "token_endpoint": f"{self.iss}/token",
            "jwks_uri": f"{self.iss}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self):
        public = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.KEY_ID, "n": base64url(public.n), "e": base64url(public.e)}
        return {"keys": [key]}

    def claims(self, email, **changes):
        """A good token's claims, with the `changes` that make it a bad one (None leaves the claim out)."""
        now = int(time.time())
        good = {
            "iss": self.iss,
            "sub": "interop-" + email,
            "aud": "sigstore",
            "iat": now,
            "exp": now + self.token_seconds,
            "email": email,
            "email_verified": True,
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def token(self, email, key=None, algorithm="RS256", **changes):
        return jwt.encode(self.claims(email, **changes), key or self.key, algorithm, headers={"kid": self.KEY_ID})

    def stop(self):
        self.server.shutdown()
