"""sigstore-python's client of timestamp authorities: stamp_sigstore_python.py URL FILE CHAIN-PEM."""

import sys

from cryptography import x509
from rfc3161_client import VerifierBuilder
from sigstore._internal.timestamp import TimestampAuthorityClient

url, file, chain_file = sys.argv[1:]
with open(file, "rb") as stream:
    data = stream.read()
with open(chain_file, "rb") as stream:
    chain = x509.load_pem_x509_certificates(stream.read())
reply = TimestampAuthorityClient(url).request_timestamp(data)
builder = VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
for intermediate in chain[1:-1]:
    builder = builder.add_intermediate_certificate(intermediate)
if not builder.build().verify_message(reply, data):
    sys.exit("not verified")
print("verified", reply.tst_info.gen_time)
