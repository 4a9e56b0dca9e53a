"""RFC 3161 as openssl, jarsigner and the Sigstore clients' JSON see it."""

import base64
import hashlib
import json
import shutil

from harness.case import case, expect
from harness.program import must
from harness.timestamp import QUERY, REPLY, Timestamp
from harness.web import http

PATHS = ("/tsa", "/api/v1/timestamp")


def chain_file(world):
    """The chain that the house publishes, whole: openssl takes the root in it as the anchor."""
    file = world.folder / "tsa-chain.pem"
    if not file.exists():
        answer = world.house.get("/api/v1/timestamp/certchain")
        expect(answer.status == 200, f"certchain answers {answer.status}")
        file.write_bytes(answer.body)
    return file


def declare(path):
    for digest in ("sha256", "sha384", "sha512", "sha3-256"):
        for certificates in (True, False):
            words = f"{digest}, {'with' if certificates else 'no'} certificates"

            @case(f"timestamp: openssl at {path}, {words}")
            def grants(world, digest=digest, certificates=certificates):
                stamp = Timestamp(world.desk(world.house, []), world.artifact, digest, certificates)
                answer = stamp.ask(path)
                expect(answer.status == 200, f"status {answer.status}\n{stamp.text()}")
                stamp.must_verify(chain_file(world), certificates=certificates)
                stamp.must_verify(chain_file(world), certificates=certificates, data=world.artifact)
                stamp.must_not_verify(chain_file(world), certificates=certificates, data=world.other_artifact)

    @case(f"timestamp: openssl at {path}, no nonce")
    def no_nonce(world):
        stamp = Timestamp(world.desk(world.house, []), world.artifact, nonce=False)
        stamp.ask(path)
        stamp.must_verify(chain_file(world))

    def refusal(words, name, query_of):
        @case(f"timestamp: {name} at {path} is refused in DER")
        def refuses(world):
            stamp = query_of(world)
            answer = stamp.ask(path)
            # RFC 3161 clients read a rejection only in a 200, Sigstore's keep the body of any 2xx as if it were a timestamp.
            expect(answer.status == 200 if path == "/tsa" else 400 <= answer.status < 500, f"status {answer.status}")
            text = stamp.text()
            expect("Status: Rejected." in text and words in text, text)

    def unknown_policy(world):
        return Timestamp(world.desk(world.house, []), world.artifact, policy="1.2.3.4.5")

    def digest(name):
        return lambda world: Timestamp(world.desk(world.house, []), world.artifact, name)

    def garbage(world):
        stamp = Timestamp(world.desk(world.house, []), world.artifact)
        stamp.query_file.write_bytes(b"\x30\x03\x02\x01\x07")
        return stamp

    def trailing(world):
        stamp = Timestamp(world.desk(world.house, []), world.artifact)
        stamp.query_file.write_bytes(stamp.query_file.read_bytes() + b"\0")
        return stamp

    refusal("the requested TSA policy is not supported by the TSA", "a policy that is not ours", unknown_policy)
    for name in ("sha1", "md5", "sha224"):
        refusal("unrecognized or unsupported algorithm identifier", name, digest(name))
    refusal("the data submitted has the wrong format", "a query that is none", garbage)
    refusal("the data submitted has the wrong format", "a query with an octet too many", trailing)

    @case(f"timestamp: a wrong type and a wrong method at {path}")
    def wrong_type(world):
        answer = http(world.house.origin + path, b"x", "text/plain")
        expect(answer.status == 415, f"text/plain: {answer.status}")
        answer = http(world.house.origin + path)
        expect(answer.status == 405, f"GET: {answer.status}")
        answer = http(world.house.origin + path, b"\0" * 100_000, QUERY)
        expect(answer.status == (200 if path == "/tsa" else 413), f"100,000 octets: {answer.status}")
        expect(answer.headers.get("Content-Type") == REPLY and len(answer.body) < 1000, "100,000 octets: no DER rejection")


for each in PATHS:
    declare(each)


@case("timestamp: JSON, as sigstore-js asks")
def by_json(world):
    desk = world.desk(world.house, [])
    digest = hashlib.sha256(world.artifact.read_bytes()).digest()
    body = json.dumps({"artifactHash": base64.b64encode(digest).decode(), "hashAlgorithm": "sha256"}).encode()
    answer = http(f"{world.house.origin}/api/v1/timestamp", body, "application/json")
    expect(answer.status in (200, 201), f"status {answer.status}: {answer.body[:500]}")
    expect(answer.headers.get("Content-Type") == REPLY, answer.headers.get("Content-Type"))
    stamp = Timestamp(desk, world.artifact)
    stamp.reply_file.write_bytes(answer.body)
    stamp.must_verify(chain_file(world), certificates=False, data=world.artifact)


@case("timestamp: the certificates in a token are sorted, as DER wants a SET OF")
def sorted_certificates(world):
    """rfc3161-client, and so sigstore-python, reads nothing else."""
    from rfc3161_client import VerifierBuilder, decode_timestamp_response
    from cryptography import x509

    stamp = Timestamp(world.desk(world.house, []), world.artifact)
    reply = decode_timestamp_response(stamp.ask("/tsa").body)
    chain = x509.load_pem_x509_certificates(chain_file(world).read_bytes())
    builder = VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
    for intermediate in chain[1:-1]:
        builder = builder.add_intermediate_certificate(intermediate)
    expect(builder.build().verify_message(reply, world.artifact.read_bytes()), "rfc3161-client does not verify it")


@case("timestamp: jarsigner signs a jar with a timestamp of ours")
def jarsigner(world):
    expect(shutil.which("jarsigner"), "no jarsigner on PATH: install a JDK")
    desk = world.desk(world.house, [])
    secret = ["-storepass", "changeit"]
    store = ["-keystore", "keys.p12", *secret]
    must(desk.run("keytool", "-genkeypair", *store, "-alias", "signer", "-keyalg", "EC", "-dname", "CN=Signer"))
    root = chain_file(world).read_text().rpartition("-----BEGIN")
    (desk.folder / "root.pem").write_text(root[1] + root[2])
    must(desk.run("keytool", "-importcert", *store, "-noprompt", "-alias", "tsa-root", "-file", "root.pem"))
    must(desk.run("jar", "cf", "signed.jar", "-C", world.folder, world.artifact.name))
    must(desk.run("jarsigner", *store, "-tsa", f"{world.house.origin}/tsa", "signed.jar", "signer"))
    done = must(desk.run("jarsigner", "-verify", "-verbose:all", "-certs", *store, "signed.jar"))
    expect("jar verified" in done.text and "Timestamped by" in done.text, str(done))
