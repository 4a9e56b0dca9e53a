"""Plain HTTP, for the raw surfaces."""

import ssl
import urllib.error
import urllib.request
from typing import NamedTuple


class Answer(NamedTuple):
    status: int
    headers: object
    body: bytes


class AsItIs(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, not something to follow."""

    def redirect_request(self, *_):
        return None


def http(target, body=None, content_type=None, method=None, ca_file=None, client_file=None, **headers):
    """The answer, whatever its status is. `client_file` has the certificates to present, leaf first, and the leaf's key."""
    request = urllib.request.Request(target, data=body, method=method)
    if content_type:
        request.add_header("Content-Type", content_type)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    context = ssl.create_default_context(cafile=ca_file)
    if client_file:
        context.load_cert_chain(client_file)
    tls = urllib.request.HTTPSHandler(context=context)
    try:
        with urllib.request.build_opener(tls, AsItIs()).open(request, timeout=30) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())
