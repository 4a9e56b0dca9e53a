"""pyHanko's library on a document with a timestamp alone, insisting on revocation data: stamp_pyhanko.py PDF ROOT-PEM."""

import sys

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_timestamp
from pyhanko_certvalidator import ValidationContext

document, root = sys.argv[1:]
with open(document, "rb") as stream:
    (timestamp,) = PdfFileReader(stream).embedded_timestamp_signatures
    context = ValidationContext(trust_roots=[load_cert_from_pemder(root)], allow_fetching=True, revocation_mode="require")
    status = validate_pdf_timestamp(timestamp, context)
if not (status.intact and status.valid and status.trusted):
    sys.exit(f"not verified: {status.summary()}")
print("verified", status.summary(), f"with {len(context.crls)} lists and {len(context.ocsps)} answers")
