"""Tokens that give no certificate: each is refused, with every client and on the wire, and leaves nothing in the certificate log."""

import time

import jwt

from harness import fulcio
from harness.case import case, expect
from harness.environment import CLIENTS
from harness.program import must, must_refuse

BOB = "bob@partner.example"


def wrong_audience(env):
    return env.lying_issuer.token(BOB, aud="somebody-else")


def no_audience(env):
    return env.lying_issuer.token(BOB, aud=None)


def expired(env):
    now = int(time.time())
    return env.lying_issuer.token(BOB, iat=now - 900, exp=now - 600)


def not_yet_valid(env):
    return env.lying_issuer.token(BOB, nbf=int(time.time()) + 600)


def unverified_email(env):
    return env.lying_issuer.token(BOB, email_verified=False)


def no_word_on_the_email(env):
    return env.lying_issuer.token(BOB, email_verified=None)


def name_of_a_local_user(env):
    """An issuer that may assert partner.example claims to be our own user."""
    return env.lying_issuer.token(env.guarded_instance.EMAIL)


def name_of_nobody(env):
    return env.lying_issuer.token("bob@elsewhere.example")


def issuer_without_grant(env):
    return env.mute_issuer.token(BOB)


def unknown_issuer(env):
    return env.lying_issuer.token(BOB, iss="https://issuer.invalid")


def our_name_their_key(env):
    return env.lying_issuer.token(env.guarded_instance.EMAIL, iss=env.guarded_instance.issuer)


def unsigned(env):
    return jwt.encode(env.lying_issuer.claims(BOB), None, "none")


def symmetric(env):
    return jwt.encode(
        env.lying_issuer.claims(BOB), "a shared secret of at least 32 octets", "HS256", headers={"kid": "interop"}
    )


def other_signature(env):
    head, claims, _ = env.lying_issuer.token(BOB).split(".")
    return ".".join((head, claims, env.lying_issuer.token("eve@partner.example").split(".")[2]))


# Each with the rule that refuses it, as docs and answers name it.
BAD_TOKENS = {
    wrong_audience: "T3",
    no_audience: "T3",
    expired: "T4",
    not_yet_valid: "T4",
    unverified_email: "E1",
    no_word_on_the_email: "E1",
    name_of_a_local_user: "E6",
    name_of_nobody: "E6",
    issuer_without_grant: "E6",
    unknown_issuer: "I2",
    our_name_their_key: "T1",
    unsigned: "T1",
    symmetric: "T1",
    other_signature: "T1",
}


def log_size(instance):
    answer = instance.get("/ct/checkpoint")
    expect(answer.status == 200, f"/ct/checkpoint answers {answer.status}")
    return int(answer.body.split(b"\n")[1])


def refused_on_the_wire(instance, body, rule=""):
    before = log_size(instance)
    status, answer = fulcio.ask_certificate(instance.origin, body)
    expect(400 <= status < 500, f"answered {status}: {answer}")
    expect({"code", "message"} <= answer.keys() and answer["message"], f"not Fulcio's error body: {answer}")
    expect(not rule or f"(rule {rule})" in answer["message"], f"not by rule {rule}: {answer}")
    expect(log_size(instance) == before, "a refusal left something in the certificate log")
    return answer


def declare(bad, rule):
    words = bad.__name__.replace("_", " ")

    @case(f"token: {words}, public key")
    def by_key(env):
        instance = env.guarded_instance
        refused_on_the_wire(instance, fulcio.request_by_key(bad(env)), rule)

    @case(f"token: {words}, CSR")
    def by_csr(env):
        instance = env.guarded_instance
        refused_on_the_wire(instance, fulcio.request_by_csr(bad(env)), rule)

    for name in CLIENTS:

        @case(f"token: {words}, {name}")
        def by_client(env, name=name):
            instance = env.guarded_instance
            bundle = env.folder / f"{name}.{bad.__name__}.sigstore.json"
            before = log_size(instance)
            client = env.trusting(name, instance)
            done = must_refuse(client.sign(env.artifact, bundle, token=bad(env)), *client.REFUSED_TOKEN)
            expect(not bundle.exists() or not bundle.stat().st_size, f"a bundle was written\n{done}")
            expect(log_size(instance) == before, "a refusal left something in the certificate log")


for each, each_rule in BAD_TOKENS.items():
    declare(each, each_rule)


@case("token: a good one of the second issuer signs, and its issuer is in the certificate")
def good_token(env):
    instance = env.guarded_instance
    for name in CLIENTS:
        bundle = env.folder / f"{name}.partner.sigstore.json"
        must(env.trusting(name, instance).sign(env.artifact, bundle, token=env.lying_issuer.token(BOB)))
        for verifier in CLIENTS:
            client = env.trusting(verifier, instance)
            must(client.verify(env.artifact, bundle, BOB, env.lying_issuer.iss))
            must_refuse(client.verify(env.artifact, bundle, BOB, instance.issuer))


@case("token: proof of possession over another name")
def other_proof(env):
    body = fulcio.request_by_key(env.lying_issuer.token(BOB), challenge="eve@partner.example")
    refused_on_the_wire(env.guarded_instance, body)


@case("token: proof of possession by another key")
def other_key(env):
    body, other = (fulcio.request_by_key(env.lying_issuer.token(BOB)) for _ in range(2))
    body["publicKeyRequest"]["publicKey"] = other["publicKeyRequest"]["publicKey"]
    refused_on_the_wire(env.guarded_instance, body)


@case("token: key and CSR at once")
def both(env):
    token = env.lying_issuer.token(BOB)
    refused_on_the_wire(env.guarded_instance, {**fulcio.request_by_key(token), **fulcio.request_by_csr(token)})


@case("token: none at all")
def no_token(env):
    body = fulcio.request_by_key(env.lying_issuer.token(BOB))
    del body["credentials"]
    refused_on_the_wire(env.guarded_instance, body)


@case("token: a weak key (RSA 1024)")
def weak_key(env):
    body = fulcio.request_by_weak_key(env.lying_issuer.token(BOB))
    refused_on_the_wire(env.guarded_instance, body)
