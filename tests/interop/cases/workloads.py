"""Workloads with nothing but an SVID: go-spiffe over mutual TLS, and tokens for clients that know only OpenID."""

import functools
import json
from urllib.parse import urlencode

import jwt
from cryptography import x509

from harness.case import case, expect
from harness.environment import CLIENTS
from harness.program import must, must_refuse
from harness.spiffe import go_spiffe
from harness.svid import JwtAuthority, TrustDomain, X509Authority
from harness.workloads import Workloads, leaf_of, proof, request_by_csr, trust_domain

AUDIENCE = "sigstore"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
FORM = "application/x-www-form-urlencoded"
ALGORITHMS = ["RS256"]


class Yard:
    """An instance that knows one trust domain, with the certificate of a web server."""

    def __init__(self, env):
        self.env, self.domain, self.folder = env, TrustDomain("a.test"), env.folder / "yard"
        self.folder.mkdir()
        bundle = self.folder / "a.test.json"
        # cosign takes a token that is handed to it only if it is RS256.
        self.rsa = JwtAuthority("a.test rsa", "2048")
        bundle.write_bytes(self.domain.document([self.domain.root.entry(), self.domain.jwt.entry(), self.rsa.entry()]))
        self.once = TrustDomain("once.test")
        once = self.folder / "once.test.json"
        once.write_bytes(self.once.document())
        sections = [
            trust_domain("a.test", {"file": bundle}, grants=[{"spiffe": "spiffe://a.test/ci"}], exchange_audiences=[AUDIENCE]),
            trust_domain("once.test", {"file": once}, single_use=True),
        ]
        self.workloads = Workloads(env, "yard-instance", "".join(sections))
        self.instance = self.workloads.instance
        self.between = X509Authority("a.test", self.domain.root)

    def token(self, path="/ci/build", audience=None, **claims):
        return self.domain.jwt.token(self.domain.id(path), audience or AUDIENCE, **claims)

    def exchange(self, **changes):
        form = {
            "grant_type": EXCHANGE,
            "subject_token": self.token(audience=self.instance.issuer),
            "subject_token_type": TYPE + "jwt",
            "audience": AUDIENCE,
            **changes,
        }
        return self.workloads.ask_token(**{name: value for name, value in form.items() if value is not None})

    def client_credentials(self, **changes):
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": self.token(audience=self.instance.issuer),
            "audience": AUDIENCE,
            **changes,
        }
        return self.workloads.ask_token(**{name: value for name, value in form.items() if value is not None})

    def dial(self, svid, path, body, kind="application/json"):
        """go-spiffe's client asks, with this X.509-SVID or none."""
        file = self.folder / "body"
        file.write_text(body)
        words = ["dial", "-ca", self.workloads.ca_file, "-body", file, "-type", kind]
        if svid:
            pem = self.workloads.svid_file(svid)
            words += ["-chain", pem, "-key", pem]
        return go_spiffe(self.env.cache).ask(*words, self.workloads.svid_origin + path)


@functools.lru_cache
def yard(env):
    return Yard(env)


@case("workloads: go-spiffe gets a certificate with its X.509-SVID, by key and by CSR")
def by_svid(env):
    here = yard(env)
    spiffe_id = here.domain.id("/ci/build")
    for body in (proof(spiffe_id), request_by_csr()):
        said = here.dial(here.between.svid(spiffe_id), "/api/v2/signingCert", json.dumps(body))
        expect(said["accepted"] and said["status"] == 200, f"{said}")
        leaf = leaf_of(json.loads(said["body"]))
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        expect([name.value for name in names] == [spiffe_id], f"{names}")


def declare_refused(words, rule, ask):
    @case(f"workloads: {words} is refused by {rule}, in HTTP")
    def refused(env):
        here = yard(env)
        said = ask(here)
        answer = json.loads(said["body"]) if said.get("accepted") else {}
        expect(said.get("status") == 400, f"{said}")
        rules = [one["reason"] for one in answer["details"]]
        expect(all(one.startswith(rule) for one in rules) and rules, f"{answer}")


def ask_certificate(here, svid, name="/ci/build"):
    return here.dial(svid, "/api/v2/signingCert", json.dumps(proof(here.domain.id(name))))


declare_refused(
    "a name outside the grant", "S9", lambda here: ask_certificate(here, here.between.svid(here.domain.id("/other")), "/other")
)
declare_refused(
    "an X.509-SVID of nobody", "A", lambda here: ask_certificate(here, TrustDomain("b.test").root.svid("spiffe://b.test/ci"))
)
declare_refused(
    "an expired X.509-SVID",
    "A",
    lambda here: ask_certificate(here, here.domain.root.svid(here.domain.id("/ci/build"), start=-7200)),
)


@case("workloads: the proof of possession is of the certificate's own key, over the SPIFFE ID")
def other_proof(env):
    here = yard(env)
    svid = here.between.svid(here.domain.id("/ci/build"))
    for body in (proof(here.domain.id("/ci/other")), {**proof(here.domain.id("/ci/build")), "publicKeyRequest": {}}):
        said = here.dial(svid, "/api/v2/signingCert", json.dumps(body))
        expect(said["accepted"] and said["status"] == 400, f"{said}")


@case("workloads: the listener for SVIDs takes callers without one, and gives them what needs none")
def without_svid(env):
    here = yard(env)
    token = {**proof(here.domain.id("/ci/build")), "credentials": {"oidcIdentityToken": here.token()}}
    said = here.dial(None, "/api/v2/signingCert", json.dumps(token))
    expect(said["accepted"] and said["status"] == 200, f"a token: {said}")
    said = here.dial(None, "/api/v2/signingCert", json.dumps(proof(here.domain.id("/ci/build"))))
    expect(said["accepted"] and said["status"] in (400, 401), f"nothing at all: {said}")
    verifier, base = go_spiffe(env.cache), ["dial", "-ca", here.workloads.ca_file]
    for path in ("/healthz", "/spiffe/bundle.json", "/api/v2/trustBundle"):
        said = verifier.ask(*base, here.workloads.svid_origin + path)
        expect(said["accepted"] and said["status"] == 200, f"{path}: {said}")


@case("workloads: the listener for SVIDs asks for a certificate, names no authority, and resumes no session")
def handshake(env):
    here = yard(env)
    host = here.workloads.svid_origin.removeprefix("https://")
    for version in ("-tls1_2", "-tls1_3"):
        words = [
            "openssl",
            "s_client",
            "-connect",
            host,
            "-CAfile",
            here.workloads.ca_file,
            version,
            "-sess_out",
            here.folder / "session",
        ]
        (here.folder / "session").unlink(missing_ok=True)
        done = env.workstation(here.instance, []).run(*words, stdin="GET /healthz HTTP/1.0\r\n\r\n")
        expect("Verify return code: 0 (ok)" in done.text and "No client certificate CA names sent" in done.text, f"{done}")
        expect("Requested Signature Algorithms" in done.text, f"no certificate was asked for\n{done}")
        if (here.folder / "session").exists():
            again = env.workstation(here.instance, []).run(
                *words[:-2], "-sess_in", here.folder / "session", stdin="Q\n"
            )
            expect("\nReused, " not in again.text, f"{again}")


@case("workloads: a JWT-SVID with single_use counts once, over kill -9 too")
def single_use(env):
    here = yard(env)
    spiffe_id = here.once.id("/ci")
    token = here.once.jwt.token(spiffe_id, AUDIENCE, jti="1")
    first, second = here.workloads.by_token(token, spiffe_id), here.workloads.by_token(token, spiffe_id)
    expect(first["accepted"] and not second["accepted"], f"{first} {second}")
    here.instance.kill()
    here.instance.start()
    third = here.workloads.by_token(token, spiffe_id)
    expect(third.get("rule") == "J6", f"after kill -9: {third}")
    token = here.token()
    for _ in range(3):
        expect(
            here.workloads.by_token(token, here.domain.id("/ci/build"))["accepted"], "SPIRE's agents give the same token twice"
        )


def checked(here, answer):
    """The ID token of an answer, as a relying party reads it (with the keys of our discovery document)."""
    status, said = answer
    expect(status == 200 and said["token_type"].lower() in ("n_a", "bearer"), f"{status} {said}")
    token = said.get("id_token") or said["access_token"]
    keys = json.loads(here.instance.get("/oidc/keys").body)["keys"]
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(jwt.PyJWK(key).key for key in keys if key["kid"] == kid)
    claims = jwt.decode(token, key, ALGORITHMS, audience=AUDIENCE, issuer=here.instance.issuer)
    expect(claims["sub"] == here.domain.id("/ci/build"), f"{claims}")
    expect(claims["federated_claims"]["connector_id"] == "spiffe://a.test", f"{claims}")
    expect(claims["exp"] - claims["iat"] <= 600 and said["expires_in"] <= 600, f"{claims} {said}")
    return token


def x509_credentials(here, **changes):
    """The token endpoint of the listener for SVIDs: the channel is the credential."""
    form = {"grant_type": "client_credentials", "client_id": here.domain.id("/ci/build"), "audience": AUDIENCE, **changes}
    form = {name: value for name, value in form.items() if value is not None}
    said = here.dial(here.between.svid(here.domain.id("/ci/build")), "/oidc/token", urlencode(form), FORM)
    expect(said["accepted"], f"{said}")
    return said["status"], json.loads(said["body"])


WAYS = {
    "an exchanged JWT-SVID": lambda here: here.exchange(),
    "a JWT-SVID as client assertion": lambda here: here.client_credentials(),
    "an X.509-SVID as client authentication": lambda here: x509_credentials(here),
}


def declare_way(words, ask):
    @case(f"workloads: {words} gives an ID token, with which every client signs")
    def signs(env):
        here = yard(env)
        spiffe_id = here.domain.id("/ci/build")
        for name in CLIENTS:
            bundle = env.folder / f"{name}.{words.replace(' ', '-')}.sigstore.json"
            must(client(env, name).sign(env.artifact, bundle, token=checked(here, ask(here))))
            for verifier in CLIENTS:
                must(client(env, verifier).verify(env.artifact, bundle, spiffe_id, "spiffe://a.test"))
                must_refuse(client(env, verifier).verify(env.artifact, bundle, spiffe_id, here.instance.issuer))


@functools.lru_cache
def client(env, name):
    here = yard(env)
    one = env.client(name, here.instance, ca_file=here.instance.ca_file)
    one.trust()
    return one


for each in WAYS.items():
    declare_way(*each)


@case("workloads: every client signs with a JWT-SVID itself, when SPIRE gives it an issuer")
def direct(env):
    here = yard(env)
    for name in CLIENTS:
        bundle = env.folder / f"{name}.jwt-svid.sigstore.json"
        key = here.rsa if name == "cosign" else here.domain.jwt
        token = key.token(here.domain.id("/ci/build"), AUDIENCE, iss="https://oidc.a.test")
        must(client(env, name).sign(env.artifact, bundle, token=token))
        must(client(env, name).verify(env.artifact, bundle, here.domain.id("/ci/build"), "spiffe://a.test"))


@case("workloads: an exchange takes the kinds of token that it names, and the record's audience")
def exchange_kinds(env):
    here = yard(env)
    for kind in ("jwt", "id_token", "jwt-spiffe"):
        checked(here, here.exchange(subject_token_type=TYPE + kind))
    checked(here, here.exchange(subject_token=here.token()))
    checked(here, here.exchange(requested_token_type=TYPE + "id_token"))


BAD_FORMS = {
    "an exchange without an audience": (lambda here: here.exchange(audience=None), ("invalid_request", "invalid_target")),
    "an exchange for an audience that is not listed": (lambda here: here.exchange(audience="other"), ("invalid_target",)),
    "an exchange of a token for somebody else": (
        lambda here: here.exchange(subject_token=here.token(audience="other")),
        ("invalid_request", "invalid_grant"),
    ),
    "an exchange of a token for two": (
        lambda here: here.exchange(subject_token=here.token(aud=[here.instance.issuer, "other"])),
        ("invalid_request", "invalid_grant"),
    ),
    "an exchange of another kind of token": (
        lambda here: here.exchange(subject_token_type=TYPE + "saml2"),
        ("invalid_request", "unsupported_token_type"),
    ),
    "an exchange into an access token": (
        lambda here: here.exchange(requested_token_type=TYPE + "access_token"),
        ("invalid_request",),
    ),
    "an exchange by a name outside the grant": (
        lambda here: here.exchange(subject_token=here.token("/other", here.instance.issuer)),
        ("invalid_request", "invalid_grant", "access_denied", "unauthorized_client"),
    ),
    "an assertion for the record's audience": (
        lambda here: here.client_credentials(client_assertion=here.token()),
        ("invalid_client",),
    ),
    "an assertion for two": (
        lambda here: here.client_credentials(client_assertion=here.token(aud=[here.instance.issuer, "other"])),
        ("invalid_client",),
    ),
    "an assertion by another client": (
        lambda here: here.client_credentials(client_id=here.domain.id("/ci/other")),
        ("invalid_client",),
    ),
    "an assertion of another kind": (
        lambda here: here.client_credentials(client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("invalid_client", "invalid_request"),
    ),
    "an X.509-SVID by another client": (
        lambda here: x509_credentials(here, client_id=here.domain.id("/ci/other")),
        ("invalid_client",),
    ),
    "an X.509-SVID without a client": (
        lambda here: x509_credentials(here, client_id=None),
        ("invalid_client", "invalid_request"),
    ),
    "an X.509-SVID for an audience that is not listed": (
        lambda here: x509_credentials(here, audience="other"),
        ("invalid_target",),
    ),
}


def declare_bad_form(words, ask, errors):
    @case(f"workloads: {words} is refused")
    def refused(env):
        status, said = ask(yard(env))
        expect(status in (400, 401) and said.get("error") in errors, f"{status} {said}, not {errors}")
        expect("access_token" not in said and "id_token" not in said, f"{said}")


for each, (each_ask, each_errors) in BAD_FORMS.items():
    declare_bad_form(each, each_ask, each_errors)
