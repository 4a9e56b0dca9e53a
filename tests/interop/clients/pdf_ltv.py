"""A PDF document timestamp with pyHanko, revocation required and kept in the document: pdf_ltv.py URL ROOT.pem"""

import asyncio
import io
import sys

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import signers, timestamps
from pyhanko.sign.validation import async_validate_pdf_timestamp
from pyhanko_certvalidator import ValidationContext


def page():
    writer = PdfFileWriter()
    contents = writer.add_object(generic.StreamObject(stream_data=b"q Q"))
    writer.insert_page(PageObject(contents=contents, media_box=(0, 0, 200, 200)))
    out = io.BytesIO()
    writer.write(out)
    return io.BytesIO(out.getvalue())


async def main(url, root):
    def context():
        return ValidationContext(trust_roots=[root], allow_fetching=True, revocation_mode="require")

    stamper = signers.PdfTimeStamper(timestamps.HTTPTimeStamper(url))
    writer = IncrementalPdfFileWriter(page())
    stamped = await stamper.async_timestamp_pdf(writer, "sha256", validation_context=context())
    reader = PdfFileReader(stamped)
    kept = sorted(reader.root["/DSS"].keys())
    status = await async_validate_pdf_timestamp(reader.embedded_timestamp_signatures[0], context())
    print(status.summary(), *kept)
    return 0 if status.valid and status.trusted and "/OCSPs" in kept else 1


sys.exit(asyncio.run(main(sys.argv[1], load_cert_from_pemder(sys.argv[2]))))
