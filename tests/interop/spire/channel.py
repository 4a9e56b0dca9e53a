"""A connection to the instance's listener for workloads, by TLS on both sides if the client has an SVID."""

import http.client
import json
import ssl
from urllib.parse import urlencode

from cryptography import x509

from harness.case import expect
from harness.web import Answer

from .svid import authority_of

SECONDS = 20


class Channel:
    """One connection, for as many requests as one likes. The server must show `expected`, a SPIFFE ID that one of `roots` (PEM) vouches
    for; without `expected`, a certificate for localhost."""

    def __init__(self, port, roots, expected=None, svid=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # An SVID names a workload, not a host.
        context.check_hostname = expected is None
        context.load_verify_locations(cadata=roots)
        if svid:
            context.load_cert_chain(svid.chain, svid.key)
        self.connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=SECONDS)
        self.connection.connect()
        # A second connection in its place would be no proof of anything.
        self.connection.auto_open = False
        self.leaf = x509.load_der_x509_certificate(self.connection.sock.getpeercert(binary_form=True))
        if expected:
            names = self.connection.sock.getpeercert()["subjectAltName"]
            expect(names == (("URI", expected),), f"the instance shows {names} instead of {expected}")

    @property
    def authority(self):
        """Who signed the certificate that the instance showed when it was connected to."""
        return authority_of(self.leaf)

    def send(self, path, body=None, content_type="application/json", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["Content-Type"] = content_type
        self.connection.request("GET" if body is None else "POST", path, body, headers)
        with self.connection.getresponse() as response:
            return Answer(response.status, response.headers, response.read())

    def ask_certificate(self, body):
        answer = self.send("/api/v2/signingCert", json.dumps(body))
        return answer.status, json.loads(answer.body)

    def ask_token(self, **form):
        answer = self.send("/oidc/token", urlencode(form), "application/x-www-form-urlencoded")
        return answer.status, json.loads(answer.body)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
