"""Login at the broker through an upstream provider that is not ours (node oidc-provider), and a certificate for that identity."""

from harness.browser import Stuck
from harness.case import case, expect
from harness.program import must
from harness.environment import CLIENTS

CAROL = "carol@corp.example"


def upstream_client(world, name, email):
    client = world.client(name, world.guarded_house, email=email, connector="upstream")
    client.trust()
    return client


def declare(name):
    @case(f"upstream: {name} logs in there, signs, and all verify")
    def signs(world):
        house = world.guarded_house
        client = upstream_client(world, name, CAROL)
        bundle = world.folder / f"{name}.upstream.sigstore.json"
        must(client.sign(world.artifact, bundle))
        seen = client.desk.browser_log.read_text()
        expect(world.upstream in seen, f"the login never reached the upstream\n{seen}")
        for verifier in CLIENTS:
            must(world.trusting(verifier, house).verify(world.artifact, bundle, CAROL, house.issuer))


for each in CLIENTS:
    declare(each)


def declare_refused(words, email):
    @case(f"upstream: {words} gets no token")
    def refused(world):
        desk = world.desk(world.guarded_house, [], email=email)
        browser = desk.browser("upstream")
        try:
            code = browser.visit(desk.out_of_band_link())
        except Stuck:
            code = ""
        seen = desk.browser_log.read_text()
        expect(not code, f"a code was given\n{seen}")
        expect("/oidc/callback/upstream" in seen, f"it never came back from the upstream: nothing was tested\n{seen}")


declare_refused("an address of a domain that it was not granted", "dave@elsewhere.example")
declare_refused("our own user's address", "alice@example.com")
declare_refused("an address that it has not verified", "unverified-erin@corp.example")
