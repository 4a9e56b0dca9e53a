"""curl at the raw surfaces: what is served, and how bad input is answered. No client's code stands between."""

import base64
import json
from urllib.parse import urlencode

from harness import fulcio
from harness.case import case, expect
from harness.program import must


class Curl:
    def __init__(self, env):
        self.workstation, self.origin = env.workstation(env.instance, []), env.instance.origin

    def __call__(self, path, *flags, stdin=None):
        """The status, the content type and the body."""
        form = "\n%{http_code} %{content_type}"
        done = must(
            self.workstation.run("curl", "-sS", "--max-time", "20", "-w", form, *flags, self.origin + path, stdin=stdin)
        )
        body, _, last = done.stdout.rpartition("\n")
        status, _, kind = last.partition(" ")
        return int(status), kind, body

    def post(self, path, body, kind="application/json", *flags):
        return self(path, "-H", f"Content-Type: {kind}", "--data-binary", "@-", *flags, stdin=body)


def declare_page(path, kind, holds):
    @case(f"raw: GET {path}")
    def serves(env):
        status, served, body = Curl(env)(path)
        expect(status == 200 and served.startswith(kind) and holds in body, f"{status} {served}\n{body[:500]}")


for each_path, each_kind, each_word in (
    ("/oidc/.well-known/openid-configuration", "application/json", '"S256"'),
    ("/oidc/keys", "application/json", '"RS256"'),
    ("/api/v2/trustBundle", "application/json", '"chains"'),
    ("/api/v2/configuration", "application/json", '"issuers"'),
    ("/api/v1/timestamp/certchain", "application/pem-certificate-chain", "BEGIN CERTIFICATE"),
    ("/api/v2/checkpoint", "text/plain", "signatures."),
    ("/ct/checkpoint", "text/plain", "certificates."),
    ("/trust/root.json", "application/json", '"signed"'),
    ("/tuf/timestamp.json", "application/json", '"timestamp"'),
    ("/healthz", "", ""),
    ("/readyz", "", ""),
):
    declare_page(each_path, each_kind, each_word)


@case("raw: discovery says what every Sigstore client needs")
def discovery(env):
    origin = env.instance.origin
    _, _, body = Curl(env)("/oidc/.well-known/openid-configuration")
    said = json.loads(body)
    expect(said["issuer"] == f"{origin}/oidc", said["issuer"])
    # sigstore-rust does no discovery: it takes Dex's paths for granted.
    for name, path in (("authorization_endpoint", "auth"), ("token_endpoint", "token"), ("jwks_uri", "keys")):
        expect(said[name] == f"{origin}/oidc/{path}", f"{name}: {said[name]}")


@case("raw: the signing certificate of a login, by key and by CSR")
def certificate(env):
    for body in (fulcio.request_by_key(env.token()), fulcio.request_by_csr(env.token())):
        status, kind, answer = Curl(env).post("/api/v2/signingCert", json.dumps(body))
        expect(status == 200 and kind.startswith("application/json"), f"{status} {kind} {answer}")
        chain = json.loads(answer)["signedCertificateEmbeddedSct"]["chain"]["certificates"]
        expect(len(chain) == 3, f"{len(chain)} certificates in the chain")


@case("raw: the token may come in the Authorization header")
def bearer(env):
    body = fulcio.request_by_key(env.token())
    del body["credentials"]
    status, _, answer = Curl(env).post(
        "/api/v2/signingCert", json.dumps(body), "application/json", "-H", f"Authorization: Bearer {env.token()}"
    )
    expect(status == 200, f"{status} {answer}")


@case("raw: what clients oddly send is taken")
def odd(env):
    body = fulcio.request_by_key(env.token())
    key = body["publicKeyRequest"]["publicKey"]
    lines = key["content"].strip().split("\n")
    for content, algorithm in (
        ("\n".join([lines[0], "".join(lines[1:-1]), lines[-1]]), ""),  # sigstore-java: one line; sigstore-rust: no algorithm
        ("\r\n".join(lines), "RSA"),  # sigstore-rust: CRLF; sigstore-go: not the enum's name
    ):
        key["content"], key["algorithm"] = content, algorithm
        accept = ["-H", "Accept: application/pem-certificate-chain"]  # sigstore-python: and then it reads JSON
        status, _, answer = Curl(env).post("/api/v2/signingCert", json.dumps(body), "application/json", *accept)
        expect(status == 200, f"{status} {answer}")


def declare_bad(name, status, path, *flags, stdin=None, holds=""):
    @case(f"raw: {name}")
    def answers(env):
        got, kind, body = Curl(env)(path, *flags, stdin=stdin() if callable(stdin) else stdin)
        statuses = status if isinstance(status, tuple) else (status,)
        expect(got in statuses, f"{got} {kind}\n{body[:500]}")
        expect(holds in body, f"no {holds!r} in\n{body[:500]}")
        expect("panicked" not in body and ".rs" not in body, f"it shows internals\n{body[:500]}")


# Beyond every cap, and little enough for the sockets to hold: an answer that comes early must not find curl still sending.
TOO_MUCH = 1_100_000
POST = ["-H", "Content-Type: application/json", "--data-binary", "@-"]
declare_bad("unknown path", 404, "/nowhere")
declare_bad("unknown path of the certificate authority", 404, "/api/v2/nowhere", holds='"code"')
declare_bad("wrong method at signingCert", (405, 501), "/api/v2/signingCert", holds='"code"')
declare_bad("no JSON at signingCert", 400, "/api/v2/signingCert", *POST, stdin="{", holds='"code"')
declare_bad("an array at signingCert", 400, "/api/v2/signingCert", *POST, stdin="[]", holds='"code"')
declare_bad("deep JSON at signingCert", 400, "/api/v2/signingCert", *POST, stdin='{"a":' + "[" * 2000 + "]" * 2000 + "}")
declare_bad("too much at signingCert", 413, "/api/v2/signingCert", *POST, stdin=lambda: '{"a":"' + "x" * TOO_MUCH + '"}')
declare_bad("no JSON at log/entries", 400, "/api/v2/log/entries", *POST, stdin="{")
declare_bad("an empty entry at log/entries", 400, "/api/v2/log/entries", *POST, stdin="{}")
declare_bad("too much at log/entries", 413, "/api/v2/log/entries", *POST, stdin=lambda: '{"a":"' + "x" * TOO_MUCH + '"}')
declare_bad("a code that was never issued", 400, "/oidc/token", "-d", "grant_type=authorization_code&client_id=sigstore&code=x&code_verifier=" + "y" * 43 + "&redirect_uri=http://localhost:1/auth/callback", holds="invalid_grant")  # fmt: skip
declare_bad("an unknown grant type", 400, "/oidc/token", "-d", "grant_type=wish&client_id=sigstore", holds="unsupported_grant_type")
declare_bad("userinfo without a token", 401, "/oidc/userinfo")
declare_bad("a path with an escape", (400, 404), "/tuf/..%2f..%2finstance.toml")
declare_bad("a tile that is not there", 404, "/ct/tile/0/x999/999")
declare_bad("10,000 headers", (400, 431), "/healthz", *(word for n in range(10_000) for word in ("-H", f"X-{n}: 1")))


def authorize(changes):
    good = {
        "response_type": "code",
        "client_id": "sigstore",
        "scope": "openid email",
        "redirect_uri": "http://localhost:54321/auth/callback",
        "state": "s",
        "nonce": "n",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    return "/oidc/auth?" + urlencode({name: value for name, value in {**good, **changes}.items() if value is not None})


# A client or a redirect that is not registered must never be redirected to; other faults go back to the client (RFC 6749 §4.1.2.1).
declare_bad("an unknown client", 400, authorize({"client_id": "nobody"}))
declare_bad("a redirect to elsewhere", 400, authorize({"redirect_uri": "https://evil.example/auth/callback"}))
declare_bad("a redirect to a look-alike", 400, authorize({"redirect_uri": "http://localhost.evil.example/auth/callback"}))


@case("raw: a public client without PKCE is refused")
def no_pkce(env):
    for changes in ({"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}):
        status, _, body = Curl(env)(authorize(changes), "-D", "-")
        expect(status in (302, 303, 400) and "error" in body and "code=" not in body, f"{status} {body[:500]}")


@case("raw: the log's answer to an entry is 201, with proof and checkpoint")
def entry(env):
    bundle = json.loads(env.bundle("cosign", "blob").read_text())
    material = bundle["verificationMaterial"]
    logged = json.loads(base64.b64decode(material["tlogEntries"][0]["canonicalizedBody"]))
    spec = logged["spec"]["hashedRekordV002"]
    body = {"hashedRekordRequestV002": {"digest": spec["data"]["digest"], "signature": spec["signature"]}}
    status, _, answer = Curl(env).post("/api/v2/log/entries", json.dumps(body))
    # The same again: accepted once more, or the conflict that Rekor answers.
    expect(status in (201, 409), f"{status} {answer}")
    if status == 201:
        expect("checkpoint" in json.loads(answer)["inclusionProof"], answer)
