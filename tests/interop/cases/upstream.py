"""Login at the broker through an upstream provider that is not ours (node oidc-provider), and a certificate for that identity."""

from harness.browser import Stuck
from harness.case import case, expect
from harness.environment import CLIENTS
from harness.program import must

CAROL = "carol@corp.example"


def upstream_client(env, name, email):
    client = env.client(name, env.guarded_instance, email=email, connector="upstream")
    client.trust()
    return client


def declare(name):
    @case(f"upstream: {name} logs in there, signs, and all verify")
    def signs(env):
        instance = env.guarded_instance
        client = upstream_client(env, name, CAROL)
        bundle = env.folder / f"{name}.upstream.sigstore.json"
        must(client.sign(env.artifact, bundle))
        seen = client.workstation.browser_log.read_text()
        expect(env.upstream in seen, f"the login never reached the upstream\n{seen}")
        for verifier in CLIENTS:
            must(env.trusting(verifier, instance).verify(env.artifact, bundle, CAROL, instance.issuer))


for each in CLIENTS:
    declare(each)


def declare_refused(words, email):
    @case(f"upstream: {words} gets no token")
    def refused(env):
        workstation = env.workstation(env.guarded_instance, [], email=email)
        browser = workstation.browser("upstream")
        try:
            code = browser.visit(workstation.out_of_band_link())
        except Stuck:
            code = ""
        seen = workstation.browser_log.read_text()
        expect(not code, f"a code was given\n{seen}")
        expect("/oidc/callback/upstream" in seen, f"it never came back from the upstream: nothing was tested\n{seen}")


declare_refused("an address of a domain that it was not granted", "dave@elsewhere.example")
declare_refused("our own user's address", "alice@example.com")
declare_refused("an address that it has not verified", "unverified-erin@corp.example")
