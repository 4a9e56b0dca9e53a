"""rfc3161ng, which knows RSA alone: stamp_rfc3161ng.py URL FILE CERTIFICATE-PEM."""

import sys

import rfc3161ng

url, file, certificate_file = sys.argv[1:]
with open(file, "rb") as stream:
    data = stream.read()
with open(certificate_file, "rb") as stream:
    certificate = stream.read()
stamper = rfc3161ng.RemoteTimestamper(url, certificate=certificate, hashname="sha256", include_tsa_certificate=True)
token = stamper(data=data)
if not rfc3161ng.check_timestamp(token, certificate=certificate, data=data, hashname="sha256"):
    sys.exit("not verified")
try:
    rfc3161ng.check_timestamp(token, certificate=certificate, data=data + b"x", hashname="sha256")
except ValueError:
    print("verified", rfc3161ng.get_timestamp(token))
else:
    sys.exit("other data verifies too")
