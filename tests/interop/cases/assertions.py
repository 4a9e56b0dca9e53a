"""SPIFFE client authentication beside Keycloak's: it takes our ID token of a workload by the bundle that we serve, and on each assertion
its verdict and ours are the same, or the difference stands here."""

import functools
import json
import time
from urllib.parse import urlencode

from harness.case import case, expect
from harness.keycloak import keycloak
from harness.spiffe import Endpoint
from harness.svid import JwtAuthority, TrustDomain
from harness.web import http
from harness.workloads import Workloads, trust_domain

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
NAME = "spiffe://k.test/ci/build"
# By our bundle, and by that of the trust domain itself.
OURS, THEIRS = "ours", "theirs"


def realm(endpoint):
    """What an administrator of Keycloak sets up: a trust domain with its bundle endpoint, and a client that is a workload of it."""
    provider = {"alias": "spire", "providerId": "spiffe", "enabled": True}
    client = {
        "clientId": "builder",
        "enabled": True,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "clientAuthenticatorType": "federated-jwt",
        "attributes": {"jwt.credential.issuer": "spire", "jwt.credential.sub": NAME},
    }
    config = {"trustDomain": "spiffe://k.test", "bundleEndpoint": endpoint}
    return {"identityProviders": [{**provider, "config": config}], "clients": [client]}


class Office:
    def __init__(self, env):
        folder = env.folder / "office"
        folder.mkdir()
        self.server, self.domain = keycloak(env), TrustDomain("k.test")
        self.rsa = JwtAuthority("rsa", "2048")
        bundle, web = folder / "k.test.json", folder / "web.pem"
        entries = [self.domain.root.entry(), self.domain.jwt.entry(), self.rsa.entry()]
        bundle.write_bytes(self.domain.document(entries))
        authority = self.server.authority
        web.write_bytes((authority / "tls.crt").read_bytes() + (authority / "tls.key").read_bytes())
        endpoint = Endpoint(env.cache, folder / "endpoint.log", "k.test", bundle, web)
        env.running.append(endpoint)
        audiences = ["sigstore", self.server.iss(OURS)]
        url = f"https://localhost:{endpoint.address.rpartition(':')[2]}/"
        section = trust_domain("k.test", {"https_web": url, "ca_file": authority / "ca.crt"}, exchange_audiences=audiences)
        self.workloads = Workloads(env, "office-instance", section, authority=authority)
        self.instance = self.workloads.instance
        self.workloads.refresh("k.test")
        self.server.add_realm(THEIRS, **realm(url))
        self.server.add_realm(OURS, **realm(f"{self.instance.origin}/spiffe/bundle.json"))

    def ask_keycloak(self, where, assertion, kind=ASSERTION, **more):
        form = {"grant_type": "client_credentials", "client_assertion_type": kind, "client_assertion": assertion, **more}
        target = f"{self.server.iss(where)}/protocol/openid-connect/token"
        answer = http(target, urlencode(form).encode(), "application/x-www-form-urlencoded")
        return answer.status, json.loads(answer.body)

    def ask_instance(self, assertion, kind=ASSERTION, **more):
        form = {"grant_type": "client_credentials", "client_assertion_type": kind, "client_assertion": assertion, **more}
        return self.workloads.ask_token(**form, audience="sigstore")

    def exchanged(self, name, audience):
        """Our ID token for a workload, for this audience."""
        svid = self.domain.jwt.token(name, self.instance.issuer)
        kinds = {"grant_type": EXCHANGE, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
        status, said = self.workloads.ask_token(**kinds, subject_token=svid, audience=audience)
        expect(status == 200, f"{status} {said}")
        return said.get("id_token") or said["access_token"]


@functools.lru_cache
def office(env):
    return Office(env)


@case("assertion: Keycloak takes our ID token of a workload, by the bundle that we serve")
def our_token(env):
    here = office(env)
    issuer = here.server.iss(OURS)
    status, said = here.ask_keycloak(OURS, here.exchanged(NAME, issuer))
    expect(status == 200 and said["access_token"], f"{status} {said}")
    for words, token in {
        "for somebody else": here.exchanged(NAME, "sigstore"),
        "of another workload": here.exchanged("spiffe://k.test/ci/other", issuer),
        "by a key that is not in our bundle": here.rsa.token(NAME, issuer),
    }.items():
        status, said = here.ask_keycloak(OURS, token)
        expect(status in (400, 401) and said["error"] == "invalid_client", f"one {words}: {status} {said}")


def now(seconds):
    return int(time.time()) + seconds


# What is asserted to whom: the octets differ by the audience alone. Whether it is taken, and who differs from that and why.
ASSERTIONS = {
    "a plain one": (lambda here, issuer: here.domain.jwt.token(NAME, issuer), True, {}),
    "RS256": (lambda here, issuer: here.rsa.token(NAME, issuer), True, {}),
    "aud that is a string": (lambda here, issuer: here.rsa.token(NAME, None, aud=issuer), True, {}),
    "no kid": (lambda here, issuer: here.domain.jwt.token(NAME, issuer, header={"kid": None}), True, {}),
    "with an issuer": (lambda here, issuer: here.rsa.token(NAME, issuer, iss="https://oidc.k.test"), True, {}),
    "somebody else's": (lambda here, issuer: here.rsa.token(NAME, "other"), False, {}),
    "for two": (lambda here, issuer: here.rsa.token(NAME, None, aud=[issuer, "other"]), False, {}),
    "an unknown key": (lambda here, issuer: JwtAuthority("rsa", "2048").token(NAME, issuer), False, {}),
    "another trust domain": (lambda here, issuer: here.rsa.token("spiffe://b.test/ci/build", issuer), False, {}),
    "expired": (lambda here, issuer: here.rsa.token(NAME, issuer, iat=now(-600), exp=now(-300)), False, {}),
    "to come": (lambda here, issuer: here.rsa.token(NAME, issuer, nbf=now(300)), False, {}),
    "no exp": (lambda here, issuer: here.rsa.token(NAME, issuer, exp=None), False, {}),
    "typ at+jwt": (
        lambda here, issuer: here.rsa.token(NAME, issuer, header={"typ": "at+jwt"}), False,
        {"Keycloak": "laxer: JWT-SVID §2.3 knows JWT and JOSE"},
    ),
    "another header member": (
        lambda here, issuer: here.rsa.token(NAME, issuer, header={"jku": "https://k.test/keys"}), False,
        {"Keycloak": "laxer: JWT-SVID §2 closes the set of header members"},
    ),
    "valid for a day": (
        lambda here, issuer: here.rsa.token(NAME, issuer, exp=now(86_400)), False,
        {"Keycloak": "laxer: the cap is our configuration's"},
    ),
}  # fmt: skip


def declare(words, make, wanted, differences):
    @case(f"assertion: {words}, to us and to Keycloak")
    def both(env):
        here = office(env)
        status, ours = here.ask_instance(make(here, here.instance.issuer))
        expect(status in (200, 400, 401), f"{status} {ours}")
        asked, theirs = here.ask_keycloak(THEIRS, make(here, here.server.iss(THEIRS)))
        expect((status == 200) == (wanted != ("we" in differences)), f"we: {status} {ours}")
        expect((asked == 200) == (wanted != ("Keycloak" in differences)), f"Keycloak: {asked} {theirs}")


for each, parts in ASSERTIONS.items():
    declare(each, *parts)


@case("assertion: as client_id we take the SPIFFE ID, Keycloak its own name for it")
def client_id(env):
    here = office(env)
    make = lambda issuer: here.rsa.token(NAME, issuer)
    issuer = here.server.iss(THEIRS)
    # draft-ietf-oauth-spiffe-client-auth: the SPIFFE ID is the client's identifier. Keycloak keeps identifiers of its own.
    ours = {name: here.ask_instance(make(here.instance.issuer), client_id=name)[0] for name in (NAME, "builder")}
    theirs = {name: here.ask_keycloak(THEIRS, make(issuer), client_id=name)[0] for name in (NAME, "builder")}
    expect(ours[NAME] == 200 and ours["builder"] in (400, 401), f"ours {ours}")
    expect(theirs["builder"] == 200 and theirs[NAME] == 401, f"Keycloak {theirs}")


@case("assertion: neither takes a JWT-SVID as an assertion of another type")
def other_type(env):
    here, kind = office(env), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    for status, said in (
        here.ask_instance(here.rsa.token(NAME, here.instance.issuer), kind),
        here.ask_keycloak(THEIRS, here.rsa.token(NAME, here.server.iss(THEIRS)), kind),
    ):
        expect(status in (400, 401) and said["error"] in ("invalid_client", "invalid_request"), f"{status} {said}")
