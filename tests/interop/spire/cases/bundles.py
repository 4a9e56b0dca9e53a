"""How the instance comes to know a trust domain: where its servers, its agents and its operators say what its keys
are."""

import json

from harness.case import expect
from harness.web import http
from spire.stage import (
    ALPHA,
    BETA,
    GAMMA,
    SEAL,
    Channel,
    by_channel,
    by_token,
    expect_certified,
    metric,
    spire,
    stage,
)


def expect_known(address, trust_domain, bundle):
    """The instance at that address of metrics holds this very bundle."""
    for use in ("jwt-svid", "x509-svid"):
        there = sum(key["use"] == use for key in bundle["keys"])
        held = metric(address, "privyseal_bundle_keys", trust_domain=trust_domain, use=use)
        expect((held or 0) == there, f"{trust_domain} has {there} keys for {use}, the instance {held}")
    held = metric(address, "privyseal_bundle_sequence", trust_domain=trust_domain)
    expect(
        held == bundle["spiffe_sequence"], f"{trust_domain} is at {bundle['spiffe_sequence']}, the instance at {held}"
    )


@spire("alpha's bundle comes from its https_spiffe endpoint, beta's from its https_web endpoint, gamma's from a file")
def known(env):
    here = stage(env)
    ready = here.instance.get("/readyz")
    expect(ready.status == 200 and b'"stale":[]' in ready.body.replace(b" ", b""), f"{ready.status} {ready.body}")
    for server in (here.alpha, here.beta, here.gamma):
        expect_known(here.metrics, server.trust_domain, server.bundle())
    for name in (ALPHA, BETA):
        age = metric(here.metrics, "privyseal_bundle_age_seconds", trust_domain=name)
        expect(age is not None and age < 120, f"the bundle of {name} is {age} s old")
    listed = here.trust_domain("list")
    expect(all(name in listed for name in (ALPHA, BETA, GAMMA)), listed)


@spire("another instance has alpha's bundle from a file with a map, and beta's from alpha's agent, by its Workload API")
def by_workload_api(env):
    here = stage(env)
    for name, agent in here.agents.items():
        token, svid = agent.jwt_svid(), agent.x509_svid()
        expect_certified(by_token(here.neighbour, token), token.subject, f"spiffe://{name}")
        # Its listener for workloads shows the certificate of the other one, for a host.
        with Channel(here.neighbour_svid_port, here.ca_file.read_text(), svid=svid) as channel:
            expect_certified(by_channel(channel, svid), svid.subject, f"spiffe://{name}")


@spire("another instance has our bundle over https_spiffe, from an endpoint that is alpha's workload")
def over_spiffe(env):
    here = stage(env)
    bundle = http(f"{here.instance.origin}/spiffe/bundle.json", ca_file=here.ca_file)
    expect(bundle.status == 200, f"{bundle.status} {bundle.body}")
    expect(here.neighbour, "no neighbour")
    held = metric(here.neighbour_metrics, "privyseal_bundle_keys", trust_domain=SEAL, use="jwt-svid")
    expect(held == len(json.loads(bundle.body)["keys"]), f"the neighbour holds {held} keys of ours, not those in {bundle.body}")
