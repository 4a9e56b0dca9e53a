"""Keys change, authorities are dropped and agents die while workloads go on."""

import functools
import threading
import time
from collections import namedtuple

from harness.case import Failed, expect
from spire.process import wait_for
from spire.stage import (
    ALPHA,
    BETA,
    BUILD,
    by_channel,
    by_token,
    expect_certified,
    expect_refused,
    spire,
    stage,
)

# One request: by whose key the SVID was, by whose the certificate that the instance presented, and the outcome.
Use = namedtuple("Use", "authority shown status answer")
LABEL = f"spiffe://{ALPHA}"


def expect_both_ways(here, token, svid):
    expect_certified(by_token(here.instance, token), token.subject, LABEL)
    with here.channel(svid) as channel:
        expect_certified(by_channel(channel, svid), svid.subject, LABEL)


@functools.lru_cache
def come_back(here):
    """Alpha's agent dies, and somebody starts it again."""
    agent = here.agents[ALPHA]
    token, svid = agent.jwt_svid(), agent.x509_svid()
    agent.process.kill()
    expect(agent.fetch("jwt", "-audience", "sigstore")[0] != 0, "the agent still answers")
    # Twice: the instance has had the time to see that the agent is gone.
    for _ in range(2):
        expect_both_ways(here, token, svid)
        time.sleep(0.5)
    agent.launch(here.env.running).await_identity()


class Traffic:
    """Asks for certificates, one after the other, until it is stopped. A request that finds no answer is a use that
    failed."""

    def __init__(self, ask):
        self.uses, self.stopping = [], threading.Event()
        self.thread = threading.Thread(target=self.go, args=(ask,), daemon=True)
        self.thread.start()

    def go(self, ask):
        while not self.stopping.is_set():
            try:
                self.uses.append(ask())
            except Exception as error:
                self.uses.append(Use(None, None, None, repr(error)))
            time.sleep(0.05)

    def stop(self):
        self.stopping.set()
        self.thread.join(30)
        expect(not self.thread.is_alive(), "a request has no end")

    def expect_all_good(self, least):
        bad = [use for use in self.uses if use.status != 200]
        expect(not bad, f"{len(bad)} of {len(self.uses)} requests failed, first {bad[:1]}")
        expect(len(self.uses) >= least, f"only {len(self.uses)} requests")


class Rotation:
    """Both authorities of alpha are prepared, activated, tainted and revoked, in the order in which its operator would, while workloads
    with either kind of SVID, and one that keeps its connection, ask for certificates."""

    def __init__(self, here):
        self.here, self.alpha, self.agent = here, here.alpha, here.agents[ALPHA]
        self.old_token, self.old_svid = self.agent.jwt_svid(), self.agent.x509_svid()
        self.old_agent = self.agent.own_svid
        self.kept = here.channel(self.old_svid)
        self.tokens, self.svids, self.on_kept = map(Traffic, (self.by_token, self.by_svid, self.by_kept))
        try:
            self.rotate()
        finally:
            for traffic in (self.tokens, self.svids, self.on_kept):
                traffic.stop()

    def by_token(self):
        token = self.agent.jwt_svid()
        return Use(token.authority, None, *by_token(self.here.instance, token))

    def by_svid(self):
        svid = self.agent.x509_svid()
        with self.here.channel(svid) as channel:
            return Use(svid.authority, channel.authority, *by_channel(channel, svid))

    def by_kept(self):
        return Use(self.old_svid.authority, self.kept.authority, *by_channel(self.kept, self.old_svid))

    def rotate(self):
        old = {kind: self.alpha.active(kind) for kind in ("jwt", "x509")}
        self.new = {kind: self.alpha.prepare(kind) for kind in old}
        # SPIRE itself prepares hours before it activates; an operator who cannot wait refreshes the instance.
        self.refresh()
        for act, authorities in (("activate", self.new), ("taint", old)):
            for kind, authority in authorities.items():
                self.alpha.turn(kind, act, authority)
        wait_for(self.is_over, 20, "the workload, the agent and the instance have SVIDs of the new authorities")
        # What hangs on the old authority ends here.
        self.on_kept.stop()
        for kind, authority in old.items():
            self.alpha.turn(kind, "revoke", authority)
        self.refresh()
        self.before_revocation = {"jwt": len(self.tokens.uses), "x509": len(self.svids.uses)}
        time.sleep(1)

    def refresh(self):
        # SPIRE's bundle endpoint answers from a cache for a second.
        time.sleep(1.1)
        self.here.trust_domain("refresh", ALPHA)

    def is_over(self):
        """An agent gets itself a new SVID up to five seconds after it gave its workloads theirs, and is locked out if its authority is
        revoked before."""
        with self.here.channel() as channel:
            in_use = {channel.authority, self.agent.x509_svid().authority, self.agent.jwt_svid().authority}
        return in_use == set(self.new.values()) and self.agent.own_svid != self.old_agent


@functools.lru_cache
def rotation(here):
    if hasattr(here, "rotation_began"):
        raise Failed("the keys did not turn as they should before: see the first case that needed it")
    here.rotation_began = True
    # The instance's own identity must turn with the keys although its connection to the agent broke before.
    come_back(here)
    return Rotation(here)


@spire("a key that beta signs with before the instance has heard of it is asked for at once")
def unheard(env):
    here = stage(env)
    here.beta.turn("jwt", "activate", here.beta.prepare("jwt"))
    token = here.beta.mint_jwt(BUILD)
    expect(token.authority == here.beta.active("jwt"), "beta does not sign with the new key")
    # At once, but a trust domain is not asked again within ten seconds, no matter which tokens are presented.
    wait_for(lambda: by_token(here.instance, token)[0] == 200, 15, "a certificate for a token by the new key")
    expect_certified(by_token(here.instance, token), token.subject, f"spiffe://{BETA}")


@spire("another instance hears of beta's new key from alpha's agent")
def heard(env):
    here = stage(env)
    expect(here.neighbour.get("/healthz").status == 200, "no neighbour")
    here.beta.turn("jwt", "activate", here.beta.prepare("jwt"))
    # Alpha's server asks beta four times in a refresh hint, its agent asks the server every second.
    here.alpha.command("federation refresh", "-id", f"spiffe://{BETA}")
    token = here.beta.mint_jwt(BUILD)
    wait_for(lambda: by_token(here.neighbour, token)[0] == 200, 15, "a certificate for a token by the new key")


@spire("an agent is killed: the SVIDs that it gave out still count; it comes back, and its workloads with it")
def killed(env):
    here = stage(env)
    come_back(here)
    expect_both_ways(here, here.agents[ALPHA].jwt_svid(), here.agents[ALPHA].x509_svid())


@spire("alpha's keys turn and the old ones are revoked: no workload with an SVID of the day is refused at any time")
def traffic(env):
    here = rotation(stage(env))
    here.tokens.expect_all_good(10)
    here.svids.expect_all_good(10)
    for kind, traffic in (("jwt", here.tokens), ("x509", here.svids)):
        seen, new = {use.authority for use in traffic.uses}, here.new[kind]
        expect(len(seen) == 2 and new in seen, f"SVIDs of {seen} were used; the new authority is {new}")
        expect(here.before_revocation[kind] < len(traffic.uses), "nothing was asked after the old authority was revoked")


@spire("SVIDs of an authority that was tainted and dropped are refused, both kinds; those of the new one are taken")
def dropped(env):
    here = rotation(stage(env))
    expect(here.old_token.authority != here.new["jwt"], "the key did not turn")
    expect_refused(by_token(here.here.instance, here.old_token), "J4")
    # The old authority is in what came with the old SVID, and the instance no longer has an SVID of it.
    with here.here.channel(here.old_svid, here.alpha.command("bundle show")) as channel:
        expect_refused(by_channel(channel, here.old_svid), "A6")
    expect_both_ways(here.here, here.agent.jwt_svid(), here.agent.x509_svid())


@spire("a connection that was opened with an SVID of the dropped authority stays open and gets nothing more")
def kept(env):
    here = rotation(stage(env))
    here.on_kept.expect_all_good(10)
    expect_refused(by_channel(here.kept, here.old_svid), "A6")
    expect(here.kept.send("/healthz").status == 200, "the connection is of no more use")


@spire("what we are ourselves, by alpha's agent, turns with alpha's keys, also after the agent was killed, and drops no connection")
def ourselves(env):
    here = rotation(stage(env))
    here.on_kept.expect_all_good(10)
    here.svids.expect_all_good(10)
    before, after = here.kept.authority, here.new["x509"]
    shown = [use.shown for use in here.svids.uses]
    expect(before != after and set(shown) == {before, after}, f"the instance showed certificates of {set(shown)}")
    # Once it has turned it does not turn back.
    expect(
        shown == sorted(shown, key=[before, after].index), "the instance showed its old certificate after the new one"
    )
