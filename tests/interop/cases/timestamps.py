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


def chain_file(env):
    """The chain that the instance publishes, whole: openssl takes the root in it as the anchor."""
    file = env.folder / "tsa-chain.pem"
    if not file.exists():
        answer = env.instance.get("/api/v1/timestamp/certchain")
        expect(answer.status == 200, f"certchain answers {answer.status}")
        file.write_bytes(answer.body)
    return file


def declare(path):
    for digest in ("sha256", "sha384", "sha512", "sha3-256"):
        for certificates in (True, False):
            words = f"{digest}, {'with' if certificates else 'no'} certificates"

            @case(f"timestamp: openssl at {path}, {words}")
            def grants(env, digest=digest, certificates=certificates):
                stamp = Timestamp(env.workstation(env.instance, []), env.artifact, digest, certificates)
                answer = stamp.ask(path)
                expect(answer.status == 200, f"status {answer.status}\n{stamp.text()}")
                stamp.must_verify(chain_file(env), certificates=certificates)
                stamp.must_verify(chain_file(env), certificates=certificates, data=env.artifact)
                stamp.must_not_verify(chain_file(env), certificates=certificates, data=env.other_artifact)

    @case(f"timestamp: openssl at {path}, no nonce")
    def no_nonce(env):
        stamp = Timestamp(env.workstation(env.instance, []), env.artifact, nonce=False)
        stamp.ask(path)
        stamp.must_verify(chain_file(env))

    def refusal(words, name, query_of):
        @case(f"timestamp: {name} at {path} is refused in DER")
        def refuses(env):
            stamp = query_of(env)
            answer = stamp.ask(path)
            # RFC 3161 clients read a rejection only in a 200, Sigstore's keep the body of any 2xx as if it were a timestamp.
            expect(answer.status == 200 if path == "/tsa" else 400 <= answer.status < 500, f"status {answer.status}")
            text = stamp.text()
            expect("Status: Rejected." in text and words in text, text)

    def unknown_policy(env):
        return Timestamp(env.workstation(env.instance, []), env.artifact, policy="1.2.3.4.5")

    def digest(name):
        return lambda env: Timestamp(env.workstation(env.instance, []), env.artifact, name)

    def garbage(env):
        stamp = Timestamp(env.workstation(env.instance, []), env.artifact)
        stamp.query_file.write_bytes(b"\x30\x03\x02\x01\x07")
        return stamp

    def trailing(env):
        stamp = Timestamp(env.workstation(env.instance, []), env.artifact)
        stamp.query_file.write_bytes(stamp.query_file.read_bytes() + b"\0")
        return stamp

    refusal("the requested TSA policy is not supported by the TSA", "a policy that is not ours", unknown_policy)
    for name in ("sha1", "md5", "sha224"):
        refusal("unrecognized or unsupported algorithm identifier", name, digest(name))
    refusal("the data submitted has the wrong format", "a query that is none", garbage)
    refusal("the data submitted has the wrong format", "a query with an octet too many", trailing)

    @case(f"timestamp: a wrong type and a wrong method at {path}")
    def wrong_type(env):
        answer = http(env.instance.origin + path, b"x", "text/plain")
        expect(answer.status == 415, f"text/plain: {answer.status}")
        answer = http(env.instance.origin + path)
        expect(answer.status == 405, f"GET: {answer.status}")
        answer = http(env.instance.origin + path, b"\0" * 100_000, QUERY)
        expect(answer.status == (200 if path == "/tsa" else 413), f"100,000 octets: {answer.status}")
        expect(answer.headers.get("Content-Type") == REPLY and len(answer.body) < 1000, "100,000 octets: no DER rejection")


for each in PATHS:
    declare(each)


@case("timestamp: JSON, as sigstore-js asks")
def by_json(env):
    workstation = env.workstation(env.instance, [])
    digest = hashlib.sha256(env.artifact.read_bytes()).digest()
    body = json.dumps({"artifactHash": base64.b64encode(digest).decode(), "hashAlgorithm": "sha256"}).encode()
    answer = http(f"{env.instance.origin}/api/v1/timestamp", body, "application/json")
    expect(answer.status in (200, 201), f"status {answer.status}: {answer.body[:500]}")
    expect(answer.headers.get("Content-Type") == REPLY, answer.headers.get("Content-Type"))
    stamp = Timestamp(workstation, env.artifact)
    stamp.reply_file.write_bytes(answer.body)
    stamp.must_verify(chain_file(env), certificates=False, data=env.artifact)


@case("timestamp: the certificates in a token are sorted, as DER wants a SET OF")
def sorted_certificates(env):
    """rfc3161-client, and so sigstore-python, reads nothing else."""
    from rfc3161_client import VerifierBuilder, decode_timestamp_response
    from cryptography import x509

    stamp = Timestamp(env.workstation(env.instance, []), env.artifact)
    reply = decode_timestamp_response(stamp.ask("/tsa").body)
    chain = x509.load_pem_x509_certificates(chain_file(env).read_bytes())
    builder = VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
    for intermediate in chain[1:-1]:
        builder = builder.add_intermediate_certificate(intermediate)
    expect(builder.build().verify_message(reply, env.artifact.read_bytes()), "rfc3161-client does not verify it")


@case("timestamp: jarsigner signs a jar with a timestamp of ours")
def jarsigner(env):
    expect(shutil.which("jarsigner"), "no jarsigner on PATH: install a JDK")
    workstation = env.workstation(env.instance, [])
    secret = ["-storepass", "changeit"]
    store = ["-keystore", "keys.p12", *secret]
    must(workstation.run("keytool", "-genkeypair", *store, "-alias", "signer", "-keyalg", "EC", "-dname", "CN=Signer"))
    root = chain_file(env).read_text().rpartition("-----BEGIN")
    (workstation.folder / "root.pem").write_text(root[1] + root[2])
    must(workstation.run("keytool", "-importcert", *store, "-noprompt", "-alias", "tsa-root", "-file", "root.pem"))
    must(workstation.run("jar", "cf", "signed.jar", "-C", env.folder, env.artifact.name))
    must(workstation.run("jarsigner", *store, "-tsa", f"{env.instance.origin}/tsa", "signed.jar", "signer"))
    done = must(workstation.run("jarsigner", "-verify", "-verbose:all", "-certs", *store, "signed.jar"))
    expect("jar verified" in done.text and "Timestamped by" in done.text, str(done))
