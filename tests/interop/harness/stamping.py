"""The clients of RFC 3161 authorities, each as its users run it against one unit: asks, and verifies strictly.

Each function is given a `Unit` and a workstation; when it raises nothing, the client has accepted the timestamp."""

import json
import shutil
from pathlib import Path

from .case import expect
from .program import must, must_refuse
from .timestamp import Timestamp
from .workstation import HERE

SECRET = ["-storepass", "changeit"]
SIGNER = """
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/O=interop/CN=signer root" -keyout signer-root.key -out signer-root.pem \\
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
openssl req -new -newkey rsa:2048 -nodes -subj "/O=interop/CN=signer" -keyout signer.key -out signer.csr
printf 'keyUsage=critical,digitalSignature,nonRepudiation\\nextendedKeyUsage=%s\\nbasicConstraints=critical,CA:FALSE\\n' "$1" >signer.ext
openssl x509 -req -in signer.csr -CA signer-root.pem -CAkey signer-root.key -CAcreateserial -days 2 -extfile signer.ext -out signer.pem
"""


PYHANKO_BY = """
import sys, certifi
ca = sys.argv.pop(1)
certifi.where = lambda: ca
from pyhanko.cli import launch
launch()
"""


class Unit:
    """One unit of an instance, with the chain that the instance publishes for it."""

    def __init__(self, instance, kind, path, chain_path, folder):
        self.instance, self.kind, self.path = instance, kind, path
        self.url = instance.origin + path
        # Where refusals have a status of their own, and JSON is taken.
        self.sigstore_url = f"{self.url}/api/v1/timestamp"
        answer = instance.get(chain_path)
        expect(answer.status == 200, f"GET {chain_path} answers {answer.status}")
        stem = f"{kind}-{'tls' if instance.ca_file else 'plain'}"
        self.chain, self.root, self.below = (folder / f"{stem}-{part}.pem" for part in ("chain", "root", "below"))
        text = answer.body.decode()
        below, begin, root = text.rpartition("-----BEGIN CERTIFICATE-----")
        self.chain.write_text(text)
        self.root.write_text(begin + root)
        self.below.write_text(below)

    @property
    def ca(self):
        """The authority of the TLS certificate, as a list of further words."""
        return [self.instance.ca_file] if self.instance.ca_file else []


def signer(workstation, usage="codeSigning"):
    must(workstation.run("bash", "-euc", SIGNER, "signer", usage))


def openssl(unit, workstation, env):
    stamp = Timestamp(workstation, env.artifact)
    expect(stamp.ask(unit.path).status == 200, "no timestamp")
    done = workstation.run(
        "openssl", "ts", "-verify", "-in", stamp.reply_file, "-queryfile", stamp.query_file, "-CAfile", unit.root
    )
    expect("Verification: OK" in must(done).text, str(done))
    return stamp


def bouncycastle(unit, workstation, env):
    folder = env.cache / "java/bouncycastle"
    classes = f"{folder}/jars/*:{folder}/classes"
    done = must(workstation.run("java", "-cp", classes, "Stamp", unit.url, env.artifact, unit.root, *unit.ca))
    expect("verified" in done.text, str(done))


def dss(unit, workstation, env):
    """EU DSS does without a network here: it validates a token that openssl fetched."""
    stamp = openssl(unit, workstation, env)
    token = workstation.folder / "token.tst"
    must(workstation.run("openssl", "ts", "-reply", "-in", stamp.reply_file, "-token_out", "-out", token))
    folder = env.cache / "java/dss"
    classes = f"{folder}/jars/*:{folder}/classes"
    done = must(workstation.run("java", "-cp", classes, "Validate", token, env.artifact, unit.root))
    expect("PASSED" in done.text, str(done))
    must_refuse(workstation.run("java", "-cp", classes, "Validate", token, env.other_artifact, unit.root), "FAILED")


def notation(unit, workstation, env):
    done = must(workstation.run(env.cache / "bin/notation-stamp", unit.url, unit.root, *unit.ca))
    expect("stamped" in done.text, str(done))


def rfc3161_client(unit, workstation, env):
    done = must(
        workstation.run("python", HERE / "stamp_rfc3161_client.py", unit.url, env.artifact, unit.chain, *unit.ca)
    )
    expect("verified" in done.text, str(done))


def rfc3161ng(unit, workstation, env):
    done = must(workstation.run("python", HERE / "stamp_rfc3161ng.py", unit.url, env.artifact, unit.below))
    expect("verified" in done.text, str(done))


def sigstore_python(unit, workstation, env):
    """Its own client of timestamp authorities, and the verifier beneath its own."""
    done = must(
        workstation.run("python", HERE / "stamp_sigstore_python.py", unit.sigstore_url, env.artifact, unit.chain)
    )
    expect("verified" in done.text, str(done))


def sigstore_js(unit, workstation, env):
    shutil.copy(HERE / "stamp_sigstore_js.mjs", workstation.folder)
    done = must(workstation.run("node", "stamp_sigstore_js.mjs", unit.sigstore_url, env.artifact, unit.chain))
    expect("verified" in done.text, str(done))


def cosign(unit, workstation, env):
    """`sign-blob` with a key, the authority from a signing configuration that cosign itself writes, and no log."""
    start = "2026-01-01T00:00:00Z"
    named = f"url={unit.sigstore_url},api-version=1,operator=interop,start-time={start}"
    must(
        workstation.run(
            "cosign", "signing-config", "create", f"--tsa={named}", "--tsa-config=ANY", "--out", "config.json"
        )
    )
    trusted = f"url={unit.sigstore_url},certificate-chain={unit.chain}"
    must(workstation.run("cosign", "trusted-root", "create", f"--tsa={trusted}", "--out", "root.json"))
    must(workstation.run("cosign", "generate-key-pair", COSIGN_PASSWORD="x"))
    sign = ["cosign", "sign-blob", "-y", "--key", "cosign.key", "--signing-config", "config.json", "--trusted-root", "root.json"]
    must(workstation.run(*sign, "--bundle", "b.json", env.artifact, COSIGN_PASSWORD="x"))
    bundle = json.loads((workstation.folder / "b.json").read_text())
    stamps = bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    expect(len(stamps) == 1, f"{len(stamps)} timestamps in the bundle")
    verify = ["cosign", "verify-blob", "--key", "cosign.pub", "--bundle", "b.json", "--trusted-root", "root.json"]
    flags = ["--use-signed-timestamps", "--insecure-ignore-tlog"]
    must(workstation.run(*verify, *flags, env.artifact))
    must_refuse(workstation.run(*verify, *flags, env.other_artifact))


def osslsigncode(unit, workstation, env):
    signer(workstation)
    executable = env.cache / "hello.exe"
    words = ["-certs", "signer.pem", "-key", "signer.key", "-h", "sha256", "-ts", unit.url]
    tls = []
    if unit.ca:
        # Before 2.6 it knows no other authorities for the connection than the system's; the timestamp is validated all
        # the same.
        knows_ca = "-HTTPS-CAfile" in workstation.run("osslsigncode", "sign", "--help").text
        tls = ["-HTTPS-CAfile", *unit.ca] if knows_ca else ["-noverifypeer"]
    must(workstation.run("osslsigncode", "sign", *words, *tls, "-in", executable, "-out", "signed.exe"))
    verify = ["osslsigncode", "verify", "-CAfile", "signer-root.pem"]
    done = must(workstation.run(*verify, "-TSA-CAfile", unit.root, "-in", "signed.exe"))
    expect("Timestamp Server Signature verification: ok" in done.text, str(done))
    # The wrong root for the authority: the timestamp no longer counts.
    done = workstation.run(*verify, "-TSA-CAfile", "signer-root.pem", "-in", "signed.exe")
    expect("Timestamp Server Signature verification: ok" not in done.text, str(done))


def jarsigner(unit, workstation, env):
    store = ["-keystore", "keys.p12", *SECRET]
    must(workstation.run("keytool", "-genkeypair", *store, "-alias", "signer", "-keyalg", "EC", "-dname", "CN=Signer"))
    must(workstation.run("keytool", "-importcert", *store, "-noprompt", "-alias", "tsa-root", "-file", unit.root))
    trust = []
    if unit.ca:
        must(
            workstation.run(
                "keytool",
                "-importcert",
                "-keystore",
                "tls.p12",
                *SECRET,
                "-noprompt",
                "-alias",
                "tls",
                "-file",
                *unit.ca,
            )
        )
        trust = ["-J-Djavax.net.ssl.trustStore=tls.p12", "-J-Djavax.net.ssl.trustStorePassword=changeit"]
    must(workstation.run("jar", "cf", "signed.jar", "-C", env.folder, env.artifact.name))
    must(workstation.run("jarsigner", *trust, *store, "-tsa", unit.url, "signed.jar", "signer"))
    done = must(workstation.run("jarsigner", "-verify", "-verbose:all", "-certs", *store, "signed.jar"))
    expect("jar verified" in done.text and "Timestamped by" in done.text, str(done))
    expect("The timestamp is invalid" not in done.text and "TSA certificate chain is invalid" not in done.text, str(done))


def pyhanko(unit, workstation, env):
    signer(workstation, "emailProtection")
    Path(workstation.folder / "in.pdf").write_bytes(PDF)
    pem = ["pemder", "--key", "signer.key", "--cert", "signer.pem", "--no-pass"]
    stamped = ["--field", "S1", "--timestamp-url", unit.url]
    command = ["pyhanko"]
    if unit.ca:
        # Its command line believes the authorities of `certifi` alone: another list is put in their place.
        command = ["python", "-c", PYHANKO_BY, *unit.ca]
    must(workstation.run(*command, "sign", "addsig", *stamped, *pem, "in.pdf", "out.pdf"))
    trust = ["--trust", "signer-root.pem", "--trust", unit.root]
    done = must(
        workstation.run("pyhanko", "sign", "validate", "--pretty-print", "--no-revocation-check", *trust, "out.pdf")
    )
    expect("The signature is judged VALID" in done.text and "timestamp" in done.text.lower(), str(done))
    done = workstation.run(
        "pyhanko",
        "sign",
        "validate",
        "--pretty-print",
        "--no-revocation-check",
        "--trust",
        "signer-root.pem",
        "out.pdf",
    )
    expect("The signature is judged VALID" not in done.text, str(done))


def pyhanko_ltv(unit, workstation, env):
    """A PDF for the long term: revocation data of the unit's chain and an archive timestamp go into the document."""
    signer(workstation, "emailProtection")
    Path(workstation.folder / "in.pdf").write_bytes(PDF)
    trust = ["--trust", "signer-root.pem", "--trust", unit.root]
    long_term = ["--use-pades-lta", "--with-validation-info", *trust]
    pem = ["pemder", "--key", "signer.key", "--cert", "signer.pem", "--no-pass"]
    stamped = ["--field", "S1", "--timestamp-url", unit.url]
    must(workstation.run("pyhanko", "sign", "addsig", *stamped, *long_term, *pem, "in.pdf", "out.pdf"))
    document = (workstation.folder / "out.pdf").read_bytes()
    expect(b"/DSS" in document and b"/DocTimeStamp" in document, "no validation data or archive timestamp in the document")
    expect(b"/CRLs" in document or b"/OCSPs" in document, "no revocation data in the document")
    # The signer of this test has no revocation data, so it is not insisted on here; below it is, for a document that holds nothing
    # but a timestamp.
    lenient = ["--pretty-print", "--soft-revocation-check", *trust]
    done = must(workstation.run("pyhanko", "sign", "validate", *lenient, "out.pdf"))
    expect("The signature is judged VALID" in done.text, str(done))
    must(
        workstation.run(
            "pyhanko", "sign", "timestamp", "--timestamp-url", unit.url, "--trust", unit.root, "in.pdf", "stamped.pdf"
        )
    )
    done = must(workstation.run("python", HERE / "stamp_pyhanko.py", "stamped.pdf", unit.root))
    expect("verified" in done.text and "with 0 lists and 0 answers" not in done.text, str(done))


def pdf():
    """The smallest document that a reader takes."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> >>",
    ]
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 4\n0000000000 65535 f \n" + table + trailer


PDF = pdf()
