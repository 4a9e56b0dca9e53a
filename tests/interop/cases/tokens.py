"""Tokens that give no certificate: each is refused, with every client and on the wire, and leaves nothing in the certificate log."""

import time

import jwt

from harness import fulcio
from harness.case import case, expect
from harness.program import must, must_refuse
from harness.environment import CLIENTS

BOB = "bob@partner.example"


def wrong_audience(world):
    return world.lying_issuer.token(BOB, aud="somebody-else")


def no_audience(world):
    return world.lying_issuer.token(BOB, aud=None)


def expired(world):
    now = int(time.time())
    return world.lying_issuer.token(BOB, iat=now - 900, exp=now - 600)


def not_yet_valid(world):
    return world.lying_issuer.token(BOB, nbf=int(time.time()) + 600)


def unverified_email(world):
    return world.lying_issuer.token(BOB, email_verified=False)


def no_word_on_the_email(world):
    return world.lying_issuer.token(BOB, email_verified=None)


def name_of_the_house(world):
    """An issuer that may speak for partner.example claims to be our own user."""
    return world.lying_issuer.token(world.guarded_house.EMAIL)


def name_of_nobody(world):
    return world.lying_issuer.token("bob@elsewhere.example")


def issuer_without_grant(world):
    return world.mute_issuer.token(BOB)


def unknown_issuer(world):
    return world.lying_issuer.token(BOB, iss="https://issuer.invalid")


def our_name_their_key(world):
    return world.lying_issuer.token(world.guarded_house.EMAIL, iss=world.guarded_house.issuer)


def unsigned(world):
    return jwt.encode(world.lying_issuer.claims(BOB), None, "none")


def symmetric(world):
    return jwt.encode(world.lying_issuer.claims(BOB), "a shared secret of at least 32 octets", "HS256", headers={"kid": "interop"})


def other_signature(world):
    head, claims, _ = world.lying_issuer.token(BOB).split(".")
    return ".".join((head, claims, world.lying_issuer.token("eve@partner.example").split(".")[2]))


# Each with the rule that refuses it, as docs and answers name it.
BAD_TOKENS = {
    wrong_audience: "T3",
    no_audience: "T3",
    expired: "T4",
    not_yet_valid: "T4",
    unverified_email: "E1",
    no_word_on_the_email: "E1",
    name_of_the_house: "E6",
    name_of_nobody: "E6",
    issuer_without_grant: "E6",
    unknown_issuer: "I2",
    our_name_their_key: "T1",
    unsigned: "T1",
    symmetric: "T1",
    other_signature: "T1",
}


def log_size(house):
    answer = house.get("/ct/checkpoint")
    expect(answer.status == 200, f"/ct/checkpoint answers {answer.status}")
    return int(answer.body.split(b"\n")[1])


def refused_on_the_wire(house, body, rule=""):
    before = log_size(house)
    status, answer = fulcio.ask_certificate(house.origin, body)
    expect(400 <= status < 500, f"answered {status}: {answer}")
    expect({"code", "message"} <= answer.keys() and answer["message"], f"not Fulcio's error body: {answer}")
    expect(not rule or f"(rule {rule})" in answer["message"], f"not by rule {rule}: {answer}")
    expect(log_size(house) == before, "a refusal left something in the certificate log")
    return answer


def declare(bad, rule):
    words = bad.__name__.replace("_", " ")

    @case(f"token: {words}, public key")
    def by_key(world):
        house = world.guarded_house
        refused_on_the_wire(house, fulcio.request_by_key(bad(world)), rule)

    @case(f"token: {words}, CSR")
    def by_csr(world):
        house = world.guarded_house
        refused_on_the_wire(house, fulcio.request_by_csr(bad(world)), rule)

    for name in CLIENTS:

        @case(f"token: {words}, {name}")
        def by_client(world, name=name):
            house = world.guarded_house
            bundle = world.folder / f"{name}.{bad.__name__}.sigstore.json"
            before = log_size(house)
            client = world.trusting(name, house)
            done = must_refuse(client.sign(world.artifact, bundle, token=bad(world)), *client.REFUSED_TOKEN)
            expect(not bundle.exists() or not bundle.stat().st_size, f"a bundle was written\n{done}")
            expect(log_size(house) == before, "a refusal left something in the certificate log")


for each, each_rule in BAD_TOKENS.items():
    declare(each, each_rule)


@case("token: a good one of the second issuer signs, and its issuer is in the certificate")
def good_token(world):
    house = world.guarded_house
    for name in CLIENTS:
        bundle = world.folder / f"{name}.partner.sigstore.json"
        must(world.trusting(name, house).sign(world.artifact, bundle, token=world.lying_issuer.token(BOB)))
        for verifier in CLIENTS:
            client = world.trusting(verifier, house)
            must(client.verify(world.artifact, bundle, BOB, world.lying_issuer.iss))
            must_refuse(client.verify(world.artifact, bundle, BOB, house.issuer))


@case("token: proof of possession over another name")
def other_proof(world):
    body = fulcio.request_by_key(world.lying_issuer.token(BOB), challenge="eve@partner.example")
    refused_on_the_wire(world.guarded_house, body)


@case("token: proof of possession by another key")
def other_key(world):
    body, other = (fulcio.request_by_key(world.lying_issuer.token(BOB)) for _ in range(2))
    body["publicKeyRequest"]["publicKey"] = other["publicKeyRequest"]["publicKey"]
    refused_on_the_wire(world.guarded_house, body)


@case("token: key and CSR at once")
def both(world):
    token = world.lying_issuer.token(BOB)
    refused_on_the_wire(world.guarded_house, {**fulcio.request_by_key(token), **fulcio.request_by_csr(token)})


@case("token: none at all")
def no_token(world):
    body = fulcio.request_by_key(world.lying_issuer.token(BOB))
    del body["credentials"]
    refused_on_the_wire(world.guarded_house, body)


@case("token: a weak key (RSA 1024)")
def weak_key(world):
    body = fulcio.request_by_weak_key(world.lying_issuer.token(BOB))
    refused_on_the_wire(world.guarded_house, body)
