"""What no SVID gets, though SPIRE made it or one of its keys did."""

from cryptography import x509

from harness import fulcio
from harness.case import expect
from harness.workloads import proof
from spire.stage import (
    ALPHA,
    ASSERTION,
    BETA,
    BUILD,
    OTHER,
    ask_token,
    by_channel,
    by_token,
    exchange,
    expect_refused,
    spire,
    stage,
)


@spire("a JWT-SVID for another audience is refused")
def audience(env):
    here = stage(env)
    for svid in (here.agents[ALPHA].jwt_svid("other"), here.agents[ALPHA].jwt_svid(here.instance.issuer)):
        expect_refused(by_token(here.instance, svid), "T3")
    status, body = exchange(here.instance, here.agents[ALPHA].jwt_svid("other"))
    expect(status == 400 and body["error"] in ("invalid_request", "invalid_grant"), f"{status} {body}")


@spire("a JWT-SVID of alpha signed by beta's or gamma's key is refused, whichever key it names")
def borrowed_key(env):
    here = stage(env)
    svid, borrowed = here.agents[ALPHA].jwt_svid(), here.agents[BETA].jwt_svid().authority
    beta, gamma = here.beta.jwt_key(borrowed), here.gamma.jwt_key(here.gamma.active("jwt"))
    expect_refused(by_token(here.instance, svid.forged(beta, borrowed)), "J4")
    expect_refused(by_token(here.instance, svid.forged(beta, svid.authority)), "J4")
    # Gamma's is of the same kind as alpha's, so that only the signature can tell.
    expect_refused(by_token(here.instance, svid.forged(gamma, svid.authority)), "T1")
    expect_refused(by_token(here.instance, svid.forged(gamma)), "J4")


@spire("an X.509-SVID of alpha signed by beta's authority is refused")
def borrowed_authority(env):
    here = stage(env)
    svid = here.agents[ALPHA].x509_svid()
    authority = here.beta.command("bundle show")
    public = x509.load_pem_x509_certificate(authority.encode()).public_key()
    forged = svid.forged(authority, here.beta.private_key(public))
    expect(forged.subject == svid.subject, "the forgery names somebody else")
    with here.channel(forged) as channel:
        expect_refused(by_channel(channel, forged), "A6")


@spire("SVIDs of a trust domain that nobody registered are refused, both kinds")
def unregistered(env):
    here = stage(env)
    token, svid = here.delta.mint_jwt(BUILD), here.delta.mint_x509(BUILD)
    expect_refused(by_token(here.instance, token), "J2")
    with here.channel(svid) as channel:
        expect_refused(by_channel(channel, svid), "A4")
    status, body = exchange(here.instance, token)
    expect(status == 400, f"{status} {body}")


@spire("a workload of alpha that was granted nothing is refused, both ways")
def not_granted(env):
    here = stage(env)
    token, svid = here.alpha.mint_jwt(OTHER), here.alpha.mint_x509(OTHER)
    expect_refused(by_token(here.instance, token), "S9")
    with here.channel(svid) as channel:
        expect_refused(by_channel(channel, svid), "S9")
    status, body = exchange(here.instance, token)
    expect(status == 400, f"{status} {body}")


@spire("SVIDs that were minted to live too long are refused")
def too_long(env):
    here = stage(env)
    token, svid = here.alpha.mint_jwt(BUILD, "sigstore", "-ttl", "2h"), here.alpha.mint_x509(BUILD, "-ttl", "3h")
    expect_refused(by_token(here.instance, token), "T4")
    with here.channel(svid) as channel:
        expect_refused(by_channel(channel, svid), "A7")


@spire("an iss where beta has none is refused, and so is an algorithm that beta does not use")
def not_as_recorded(env):
    here = stage(env)
    svid = here.agents[BETA].jwt_svid()
    beta, alpha = here.beta.jwt_key(svid.authority), here.alpha.jwt_key(here.alpha.active("jwt"))
    expect_refused(by_token(here.instance, svid.forged(beta, svid.authority, iss=here.discovery.address)), "J5")
    expect_refused(by_token(here.instance, svid.forged(alpha, svid.authority)), "T1")


@spire("a proof of possession over another name than the SVID's is refused")
def other_name(env):
    here = stage(env)
    token, svid = here.agents[ALPHA].jwt_svid(), here.agents[ALPHA].x509_svid()
    other = f"spiffe://{ALPHA}/ci/other"
    status, body = by_token(here.instance, token, lambda token: fulcio.request_by_key(token, other))
    expect(status == 400, f"{status} {body}")
    with here.channel(svid) as channel:
        status, body = channel.ask_certificate(proof(other))
    expect(status == 400, f"{status} {body}")


@spire("a certificate is not given on the listener for workloads to who shows neither certificate nor token")
def nobody(env):
    here = stage(env)
    with here.channel() as channel:
        status, body = channel.ask_certificate(proof(f"spiffe://{ALPHA}{BUILD}"))
    expect(status in (400, 401), f"{status} {body}")


@spire("the token endpoint refuses another client's audience, an assertion for two, and a client_id that is not the SVID's")
def token_endpoint(env):
    here = stage(env)
    issuer, agent = here.instance.issuer, here.agents[ALPHA]
    svid, other = agent.x509_svid(), f"spiffe://{ALPHA}/ci/other"
    credentials = {"grant_type": "client_credentials", "audience": "sigstore"}
    asserted = {**credentials, "client_assertion_type": ASSERTION}
    two = here.alpha.mint_jwt(BUILD, "sigstore", "-audience", issuer)
    expect(len(two.claims["aud"]) == 2, str(two.claims))
    tried = [
        exchange(here.instance, agent.jwt_svid(), audience="privyseal-cli"),
        exchange(here.instance, agent.jwt_svid(), audience=None),
        ask_token(here.instance, **asserted, client_assertion=two),
        ask_token(here.instance, **asserted, client_assertion=agent.jwt_svid()),
        ask_token(here.instance, **asserted, client_assertion=agent.jwt_svid(issuer), client_id=other),
    ]
    with here.channel(svid) as channel:
        tried.append(channel.ask_token(**credentials, client_id=other))
        tried.append(channel.ask_token(**credentials))
    for status, body in tried:
        expect(status in (400, 401) and "error" in body and "id_token" not in body, f"{status} {body}")
