"""rfc3161-client: stamp_rfc3161_client.py URL FILE CHAIN-PEM [CA-PEM]."""

import ssl
import sys
import urllib.request

from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response

url, file, chain_file, *ca = sys.argv[1:]
with open(file, "rb") as stream:
    data = stream.read()
with open(chain_file, "rb") as stream:
    chain = x509.load_pem_x509_certificates(stream.read())
query = TimestampRequestBuilder().data(data).nonce(nonce=True).cert_request(cert_request=True).build()
request = urllib.request.Request(url, data=query.as_bytes(), headers={"Content-Type": "application/timestamp-query"})
context = ssl.create_default_context(cafile=ca[0]) if ca else None
with urllib.request.urlopen(request, timeout=30, context=context) as answer:
    reply = decode_timestamp_response(answer.read())
builder = VerifierBuilder.from_request(query).tsa_certificate(chain[0]).add_root_certificate(chain[-1])
for intermediate in chain[1:-1]:
    builder = builder.add_intermediate_certificate(intermediate)
verifier = builder.build()
if not verifier.verify_message(reply, data):
    sys.exit("not verified")
try:
    verifier.verify_message(reply, data + b"x")
except VerificationError:
    print("verified", reply.tst_info.gen_time)
else:
    sys.exit("other data verifies too")
