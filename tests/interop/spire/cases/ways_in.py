"""What a workload gets for its SVID, and with which programs."""

import base64
import hashlib
import json
import time
import uuid

import jwt

from harness import fulcio
from harness.case import expect
from harness.program import must, must_refuse
from harness.web import http
from harness.workloads import proof, request_by_csr
from spire.stage import (
    ALPHA,
    ASSERTION,
    BETA,
    BUILD,
    GAMMA,
    TOKEN_TYPE,
    ask_token,
    by_channel,
    by_token,
    exchange,
    expect_certified,
    spire,
    stage,
)

LABELS = {name: f"spiffe://{name}" for name in (ALPHA, BETA, GAMMA)}


def jwt_svid(here, trust_domain):
    """From the agent's socket; the algorithm and whether there is an `iss` are the trust domain's own."""
    token = here.agents[trust_domain].jwt_svid()
    expect(token.subject == f"spiffe://{trust_domain}{BUILD}", token.subject)
    return token


@spire("a workload of alpha gets a certificate for its JWT-SVID, which is ES256 and has an iss")
def jwt_with_iss(env):
    here = stage(env)
    token = jwt_svid(here, ALPHA)
    expect(token.header["alg"] == "ES256" and token.claims["iss"] == here.discovery.address, f"{token.header} {token.claims}")
    for request in (fulcio.request_by_key, fulcio.request_by_csr):
        expect_certified(by_token(here.instance, token, request), token.subject, LABELS[ALPHA])


@spire("a workload of beta gets a certificate for its JWT-SVID, which is RS256 and has no iss")
def jwt_without_iss(env):
    here = stage(env)
    token = jwt_svid(here, BETA)
    expect(token.header["alg"] == "RS256" and "iss" not in token.claims, f"{token.header} {token.claims}")
    for request in (fulcio.request_by_key, fulcio.request_by_csr):
        expect_certified(by_token(here.instance, token, request), token.subject, LABELS[BETA])


@spire("a JWT-SVID of alpha's that names no key is tried with those of its bundle")
def no_kid(env):
    here = stage(env)
    svid = jwt_svid(here, ALPHA)
    nameless = svid.forged(here.alpha.jwt_key(svid.authority))
    expect("kid" not in nameless.header, str(nameless.header))
    expect_certified(by_token(here.instance, nameless), svid.subject, LABELS[ALPHA])


@spire("the JWT-SVID that an agent serves again before its half-life is taken again")
def again(env):
    here = stage(env)
    token = jwt_svid(here, BETA)
    expect(jwt_svid(here, BETA) == token, "the agent gave another token")
    for _ in range(2):
        expect_certified(by_token(here.instance, token), token.subject, LABELS[BETA])


@spire("workloads of alpha and beta get certificates for their X.509-SVIDs over mutual TLS, and the same name as by token")
def x509(env):
    here = stage(env)
    for name, agent in here.agents.items():
        svid = agent.x509_svid()
        expect(svid.subject == jwt_svid(here, name).subject, svid.subject)
        with here.channel(svid) as channel:
            for body in (proof(svid.subject), request_by_csr()):
                expect_certified(channel.ask_certificate(body), svid.subject, LABELS[name])


@spire("the listener for workloads takes a JWT-SVID from a client that shows no certificate")
def token_there(env):
    here = stage(env)
    token = jwt_svid(here, ALPHA)
    with here.channel() as channel:
        expect_certified(channel.ask_certificate(fulcio.request_by_key(token)), token.subject, LABELS[ALPHA])


@spire("gamma, known by a file, has workloads with minted SVIDs of both kinds")
def by_file(env):
    here = stage(env)
    instance, token, svid = here.instance, here.gamma.mint_jwt(BUILD), here.gamma.mint_x509(BUILD)
    expect_certified(by_token(instance, token), token.subject, LABELS[GAMMA])
    with here.channel(svid) as channel:
        expect_certified(by_channel(channel, svid), svid.subject, LABELS[GAMMA])


def proof_of(wit, key, audience):
    """A workload proof token (draft-ietf-wimse-wpt)."""
    claims = {
        "aud": audience,
        "exp": int(time.time()) + 60,
        "jti": str(uuid.uuid4()),
        "wth": base64.urlsafe_b64encode(hashlib.sha256(wit.encode()).digest()).rstrip(b"=").decode(),
    }
    return jwt.encode(claims, key, "ES256", headers={"typ": "wpt+jwt"})


def by_wit(here, wit, proof_token):
    headers = {"Workload_Identity_Token": wit, "Workload_Proof_Token": proof_token}
    target = f"{here.instance.origin}/api/v2/signingCert"
    answer = http(target, json.dumps(proof(wit.subject)).encode(), "application/json", ca_file=here.ca_file, **headers)
    return answer.status, json.loads(answer.body)


@spire("gamma's WIT-SVID gets a certificate with a proof by its key, once, and with no other")
def wit(env):
    here = stage(env)
    instance, (token, key) = here.instance, here.gamma.mint_wit(BUILD)
    good = proof_of(token, key, f"{instance.origin}/api/v2/signingCert")
    expect_certified(by_wit(here, token, good), token.subject, LABELS[GAMMA])
    other = here.gamma.mint_wit(BUILD)[1]
    for refused in (
        good,
        proof_of(token, other, f"{instance.origin}/api/v2/signingCert"),
        proof_of(token, key, instance.origin),
    ):
        status, body = by_wit(here, token, refused)
        expect(status == 400, f"{status} {body}")


def id_token(here, answer):
    """The ID token in the answer of the token endpoint, whatever way led to it."""
    status, body = answer
    expect(status == 200, f"{status} {body}")
    expect(body["issued_token_type"] == TOKEN_TYPE + "id_token" and 0 < body["expires_in"] <= 3600, str(body))
    expect(body["id_token"] == body["access_token"], str(body))
    return body["id_token"]


def expect_said(here, token, subject, trust_domain):
    """Our own signature, for signing clients, about that workload."""
    keys = jwt.PyJWKSet.from_json(here.instance.get("/oidc/keys").body.decode())
    kid = jwt.get_unverified_header(token)["kid"]
    said = jwt.decode(token, keys[kid].key, ["RS256"], audience="sigstore", issuer=here.instance.issuer)
    expect(said["sub"] == subject and said["aud"] == "sigstore", str(said))
    expect(said["federated_claims"]["connector_id"] == LABELS[trust_domain], str(said))


@spire("the token exchange gives ID tokens for JWT-SVIDs, and a certificate for one says what the SVID's own says")
def exchanged(env):
    here = stage(env)
    for name, agent in here.agents.items():
        for audience, kind in (("sigstore", "jwt"), ("sigstore", "id_token"), (here.instance.issuer, "jwt-spiffe")):
            svid = agent.jwt_svid(audience)
            token = id_token(here, exchange(here.instance, svid, subject_token_type=TOKEN_TYPE + kind))
            expect_said(here, token, svid.subject, name)
        expect_certified(by_token(here.instance, token), svid.subject, LABELS[name])


@spire("a client proves itself with a JWT-SVID as its assertion, and gets an ID token")
def assertion(env):
    here = stage(env)
    svid = here.agents[BETA].jwt_svid(here.instance.issuer)
    form = {"client_assertion_type": ASSERTION, "client_assertion": svid, "audience": "sigstore"}
    for more in ({}, {"client_id": svid.subject}):
        token = id_token(here, ask_token(here.instance, grant_type="client_credentials", **form, **more))
        expect_said(here, token, svid.subject, BETA)


@spire("a client proves itself with an X.509-SVID by mutual TLS, and gets an ID token")
def mutual(env):
    here = stage(env)
    svid = here.agents[ALPHA].x509_svid()
    with here.channel(svid) as channel:
        form = {"grant_type": "client_credentials", "client_id": svid.subject, "audience": "sigstore"}
        token = id_token(here, channel.ask_token(**form))
    expect_said(here, token, svid.subject, ALPHA)
    expect_certified(by_token(here.instance, token), svid.subject, LABELS[ALPHA])


def must_verify(here, bundle, subject, label):
    for verifier in ("cosign", "sigstore-python"):
        must(here.client(verifier).verify(here.env.artifact, bundle, subject, label))


@spire("cosign signs by its spiffe provider, with an iss and without one, and all verify the SPIFFE ID")
def cosign(env):
    here = stage(env)
    client = here.client("cosign")
    for name, agent in here.agents.items():
        bundle = here.folder / f"cosign.{name}.sigstore.json"
        argv = ["cosign", "sign-blob", "-y", "--oidc-provider", "spiffe", "--bundle", bundle, env.artifact]
        # The path alone: cosign looks for a file of this name, which `unix://…` is not.
        must(client.workstation.run(*argv, SPIFFE_ENDPOINT_SOCKET=str(agent.socket)))
        must_verify(here, bundle, f"spiffe://{name}{BUILD}", LABELS[name])
        must_refuse(
            client.verify(env.artifact, bundle, f"spiffe://{name}/ci/other", LABELS[name]),
            "no matching CertificateIdentity",
        )


@spire("sigstore-python takes no SVID without an iss, signs with a token that the exchange gave for it, and all verify")
def sigstore_python(env):
    here = stage(env)
    client, svid = here.client("sigstore-python"), here.agents[BETA].jwt_svid()
    bundle = here.folder / "sigstore-python.sigstore.json"
    must_refuse(client.sign(env.artifact, bundle, svid), "Identity token is malformed")
    must(client.sign(env.artifact, bundle, id_token(here, exchange(here.instance, svid))))
    must_verify(here, bundle, svid.subject, LABELS[BETA])


@spire("sigstore-python signs with alpha's JWT-SVID itself at an instance that knows alpha by oidc-discovery-provider")
def discovery(env):
    here = stage(env)
    instance, svid = here.relying_instance, here.agents[ALPHA].jwt_svid()
    client = env.client("sigstore-python", instance, ca_file=instance.ca_file)
    client.trust()
    bundle = here.folder / "discovery.sigstore.json"
    must(client.sign(env.artifact, bundle, svid))
    must(client.verify(env.artifact, bundle, svid.subject, here.discovery.address))
