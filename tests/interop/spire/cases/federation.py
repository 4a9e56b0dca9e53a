"""SPIRE takes our bundle as it takes that of any trust domain."""

import shutil

import jwt

from harness.case import expect
from harness.web import http
from spire import programs
from spire.process import wait_for
from spire.stage import ALPHA, SEAL, exchange, spire, stage


def expect_same_keys(here, held):
    """What SPIRE holds is what we serve: sequence and hint aside, which it treats in its own way."""
    served = http(f"{here.instance.origin}/spiffe/bundle.json", ca_file=here.ca_file)
    expect(served.status == 200, f"{served.status} {served.body}")
    ours = jwt.PyJWKSet.from_json(served.body.decode())
    expect(ours.keys and all(key.public_key_use == "jwt-svid" for key in ours.keys), served.body.decode())
    theirs = jwt.PyJWKSet.from_dict(held)
    expect({key.key_id for key in theirs.keys} == {key.key_id for key in ours.keys}, f"SPIRE holds {held}")
    # The key that SPIRE holds is the one that signs what we say of a workload.
    status, body = exchange(here.instance, here.agents[ALPHA].jwt_svid())
    expect(status == 200, f"{status} {body}")
    kid = jwt.get_unverified_header(body["id_token"])["kid"]
    jwt.decode(body["id_token"], theirs[kid].key, ["RS256"], audience="sigstore", issuer=here.instance.issuer)


@spire("alpha federates with us over https_web, shows our key, and refreshes")
def web(env):
    here = stage(env)
    here.alpha.federate(SEAL, f"{here.instance.origin}/spiffe/bundle.json")
    held, _ = wait_for(lambda: here.alpha.federated_bundle(SEAL), 10, "alpha holds our bundle")
    expect_same_keys(here, held)
    shown = here.alpha.ask("federation show", "-trustDomain", SEAL)
    expect(len(shown["trust_domain_bundle"]["jwt_authorities"]) == len(held["keys"]), str(shown))
    expect(shown["trust_domain_bundle"]["refresh_hint"] == "300", str(shown))
    here.alpha.command("federation refresh", "-id", f"spiffe://{SEAL}")


@spire("beta federates with us over https_spiffe, where we show what alpha's agent made us")
def spiffe(env):
    here = stage(env)
    # Who the endpoint is, alpha's authorities say.
    here.beta.federate(ALPHA, here.alpha.bundle_address, here.alpha.endpoint_id, here.alpha.bundle())
    here.beta.federate(SEAL, here.spiffe_bundle_address, here.instance_id)
    held, _ = wait_for(lambda: here.beta.federated_bundle(SEAL), 10, "beta holds our bundle")
    expect_same_keys(here, held)


@spire("alpha's agent hands our key to a workload that federates with us")
def handed_on(env):
    here = stage(env)
    expect(here.alpha.federated_bundle(SEAL), "alpha does not federate with us: see the case of https_web")
    # Another workload than the one of the other cases: spire-agent's own `api fetch x509`, unlike go-spiffe, fails when a trust domain
    # that the workload federates with has no X.509 authority, and ours has none.
    agent, program = here.agents[ALPHA], here.folder / "federated-workload"
    shutil.copy(programs.find(programs.AGENT), program)
    here.alpha.register("/ci/federated", agent, program, "-federatesWith", f"spiffe://{SEAL}")
    held, _ = wait_for(lambda: agent.jwt_bundle(SEAL, program), 10, "the workload has our bundle")
    expect_same_keys(here, held)
