"""An instance to which workloads come: with trust domains, and a listener that asks for their certificates."""

import base64
import json
import time
from pathlib import Path
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .case import Failed, expect
from .environment import free_port, make_authority
from .fulcio import key_body
from .web import http

ISSUER = "1.3.6.1.4.1.57264.1.8"
API = "/api/privyseal/v1/trust-domains"
SETTLED_SECONDS = 30


def trust_domain(name, bundle, **settings):
    """One section of the configuration. The trust domain may assert every name of its own."""
    whole = {"name": name, "bundle": bundle, "danger_loopback": True, "grants": [{"spiffe": f"spiffe://{name}"}], **settings}
    return "\n[[trust_domains]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in whole.items())


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value)


class Workloads:
    """`privyseal up` over TLS with a certificate of an internal authority, and what workloads ask of it."""

    def __init__(self, env, name, sections, spiffe="", identity="files", authority=None):
        self.env, self.folder = env, env.folder / f"{name}-tls"
        self.folder.mkdir()
        authority = authority or self.folder
        if authority == self.folder:
            make_authority(authority)
        port, svid_port, metrics_port = free_port(), free_port(), free_port()
        self.svid_origin, self.metrics = f"https://localhost:{svid_port}", f"http://127.0.0.1:{metrics_port}/metrics"
        config = f"""
[instance]
origin = "https://localhost:{port}"

[spiffe]
trust_domain = "seal.test"
{spiffe}
[listen]
tls = {{ certificate = "{authority}/tls.crt", key = "{authority}/tls.key" }}
metrics = "127.0.0.1:{metrics_port}"

[listen.svid]
address = "127.0.0.1:{svid_port}"
identity = "{identity}"
{sections}"""
        self.ca_file = authority / "ca.crt"
        self.instance = env.build_instance(name, config, f"127.0.0.1:{port}", ca_file=self.ca_file)
        self.asked = 0

    @property
    def login(self):
        """The file with an administrator's token."""
        file = self.folder / "login"
        if not file.exists():
            who = ["--user", self.instance.EMAIL, "--password-file", self.instance.password_file]
            self.instance.command(
                "login", "--server", self.instance.origin, "--ca-file", self.ca_file, *who, "--out", file
            )
        return file

    @property
    def server(self):
        return ["--server", self.instance.origin, "--ca-file", self.ca_file, "--login", self.login]

    def refresh(self, name):
        """The bundle is fetched now. A bundle that is not taken is reported in the answer, and is no fault of the
        request."""
        bearer = {"Authorization": f"Bearer {self.login.read_text().strip()}"}
        answer = http(
            f"{self.instance.origin}{API}/{name}/refresh", b"{}", "application/json", ca_file=self.ca_file, **bearer
        )
        expect(answer.status < 500, f"refreshing {name}: {answer.status} {answer.body}")
        return answer.status, json.loads(answer.body)

    def show(self, name):
        bearer = {"Authorization": f"Bearer {self.login.read_text().strip()}"}
        answer = http(f"{self.instance.origin}{API}/{name}", ca_file=self.ca_file, **bearer)
        expect(answer.status == 200, f"{name}: {answer.status} {answer.body}")
        return json.loads(answer.body)

    def by_token(self, token, spiffe_id):
        """Asks for a certificate with a JWT-SVID."""
        body = proof(spiffe_id)
        body["credentials"] = {"oidcIdentityToken": token}
        return self.verdict(f"{self.instance.origin}/api/v2/signingCert", body)

    def by_svid(self, svid, spiffe_id):
        """Asks for a certificate with an X.509-SVID, over mutual TLS."""
        return self.verdict(f"{self.svid_origin}/api/v2/signingCert", proof(spiffe_id), svid)

    def svid_file(self, svid):
        self.asked += 1
        return svid.write(self.folder / f"svid-{self.asked}.pem")

    def verdict(self, target, body, svid=None):
        """As go-spiffe and java-spiffe say it. Whatever is neither a certificate nor a refusal that names its rule is a failure."""
        client = self.svid_file(svid) if svid else None
        answer = http(target, json.dumps(body).encode(), "application/json", ca_file=self.ca_file, client_file=client)
        said = json.loads(answer.body)
        if answer.status == 200:
            leaf = leaf_of(said)
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            expect(len(names) == 1, f"{names}")
            issuer = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(ISSUER)).value.value
            # A UTF8String of fewer than 128 octets.
            return {"accepted": True, "spiffe_id": list(names)[0].value, "issuer": issuer[2:].decode()}
        # A trust domain that cannot be relied on at the moment is no fault of the request.
        is_refused = answer.status == 400 or (answer.status == 503 and said["details"][0]["reason"] == "TRUST_BUNDLE")
        if not is_refused or not {"code", "message", "details"} <= said.keys() or not said["details"]:
            raise Failed(f"neither a certificate nor a refusal by a rule: {answer.status} {said}")
        return {"accepted": False, "rule": said["details"][0]["reason"], "error": said["message"]}

    def ask_token(self, origin=None, svid=None, **form):
        """Asks the token endpoint: status and answer."""
        client = self.svid_file(svid) if svid else None
        kind = "application/x-www-form-urlencoded"
        target = f"{origin or self.instance.origin}/oidc/token"
        answer = http(target, urlencode(form).encode(), kind, ca_file=self.ca_file, client_file=client)
        return answer.status, json.loads(answer.body)

    def wait_until(self, what, is_so, seconds=SETTLED_SECONDS):
        ends = time.monotonic() + seconds
        while not is_so():
            expect(time.monotonic() < ends, f"after {seconds} seconds it is not so: {what}")
            time.sleep(0.1)


def proof(spiffe_id):
    """A new key, and its signature over the name that the certificate is to have."""
    key = ec.generate_private_key(ec.SECP256R1())
    body = key_body("", key, key.sign(spiffe_id.encode(), ec.ECDSA(hashes.SHA256())))
    del body["credentials"]
    return body


def request_by_csr():
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return {"certificateSigningRequest": base64.b64encode(csr.public_bytes(serialization.Encoding.PEM)).decode()}


def leaf_of(said):
    said = said.get("signedCertificateEmbeddedSct") or said["signedCertificateDetachedSct"]
    return x509.load_pem_x509_certificate(said["chain"]["certificates"][0].encode())
