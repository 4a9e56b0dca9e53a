"""Our own identity, and bundles, from a Workload API that go-spiffe serves; the other end of each connection is go-spiffe too."""

import functools
import http.client
import json
import ssl
import time

from cryptography.hazmat.primitives import hashes

from harness.case import Failed, case, expect
from harness.spiffe import WorkloadApi, go_spiffe
from harness.svid import TrustDomain, X509Authority
from harness.workloads import Workloads, proof, trust_domain

AUDIENCE = "sigstore"


class Mesh:
    """An instance whose identity and bundles come from a Workload API."""

    SEAL = "spiffe://mesh.test/seal"

    def __init__(self, env):
        self.env, self.folder = env, env.folder / "mesh"
        for name in ("svids", "bundles"):
            (self.folder / name).mkdir(parents=True)
        self.mesh, self.fed = TrustDomain("mesh.test"), TrustDomain("fed.test")
        self.between = X509Authority("mesh.test", self.mesh.root)
        self.publish(self.mesh, self.mesh.root, self.mesh.jwt)
        self.publish(self.fed, self.fed.root, self.fed.jwt)
        self.identify(self.between.svid(self.SEAL))
        # A socket's name is at most 107 octets long.
        self.socket = self.folder / "api"
        self.serve()
        sections = [trust_domain(domain.name, {"workload_api": True}) for domain in (self.mesh, self.fed)]
        spiffe = f'workload_api = "unix://{self.socket}"\n'
        self.workloads = Workloads(env, "mesh-instance", "".join(sections), spiffe, "workload-api")
        self.names = 0

    def serve(self):
        self.api = WorkloadApi(self.env.cache, self.folder / "api.log", self.socket, self.folder)
        self.env.running.append(self.api)

    def publish(self, domain, *entries):
        (self.folder / f"bundles/{domain.name}.json").write_bytes(domain.document([entry.entry() for entry in entries]))

    def identify(self, *svids):
        for file in (self.folder / "svids").iterdir():
            file.unlink()
        for number, svid in enumerate(svids):
            svid.write(self.folder / f"svids/{number}.pem")

    def order(self, name, word):
        """Writes one of the Workload API's orders (`answer`, `empty`), or takes it back."""
        (self.folder / name).write_text(word) if word else (self.folder / name).unlink(missing_ok=True)
        self.api.read_again()

    def seen(self, spiffe_id=None):
        """What go-spiffe sees of the instance, which must have this name and be of mesh.test."""
        bundle = f"mesh.test={self.folder}/bundles/mesh.test.json"
        words = ["dial", "-bundles", bundle, "-id", spiffe_id or self.SEAL, self.workloads.svid_origin + "/healthz"]
        return go_spiffe(self.env.cache).ask(*words)

    def certificate(self, domain, authority):
        """Whether the instance gives a certificate to an X.509-SVID of this authority; go-spiffe checks the instance's
        own."""
        self.names += 1
        spiffe_id = domain.id(f"/ci/{self.names}")
        body = self.folder / "body"
        body.write_text(json.dumps(proof(spiffe_id)))
        pem = self.workloads.svid_file(authority.svid(spiffe_id))
        bundle = f"mesh.test={self.folder}/bundles/mesh.test.json"
        words = ["dial", "-bundles", bundle, "-id", self.SEAL, "-chain", pem, "-key", pem, "-body", body]
        said = go_spiffe(self.env.cache).ask(*words, self.workloads.svid_origin + "/api/v2/signingCert")
        if not said["accepted"] or said["status"] not in (200, 400):
            raise Failed(f"{said}")
        return said["status"] == 200

    def token(self, domain):
        self.names += 1
        spiffe_id = domain.id(f"/ci/{self.names}")
        return self.workloads.by_token(domain.jwt.token(spiffe_id, AUDIENCE), spiffe_id)["accepted"]

    def until_leaf(self, svid, **options):
        wanted = digest_of(svid)
        self.workloads.wait_until("the new certificate is presented", lambda: self.seen(**options).get("leaf") == wanted)


def digest_of(svid):
    return svid.leaf.fingerprint(hashes.SHA256()).hex()


@functools.lru_cache
def mesh(env):
    return Mesh(env)


@case("identity: go-spiffe takes our X.509-SVID, with its intermediate (XS-1, XS-2, EP-2)")
def presented(env):
    here = mesh(env)
    said = here.seen()
    expect(said["accepted"] and said["status"] == 200 and said["server"] == here.SEAL and said["certificates"] == 2, f"{said}")
    expect(not here.seen("spiffe://mesh.test/other")["accepted"], "go-spiffe does not look at the name: the case says nothing")
    calls = here.api.calls()
    expect(calls and all(call["answer"] == "OK" for call in calls), f"a call without its header: {calls}")


@case("identity: go-spiffe fetches our bundle by https_spiffe")
def fetched(env):
    here = mesh(env)
    bundle = f"mesh.test={here.folder}/bundles/mesh.test.json"
    url = f"{here.workloads.svid_origin}/spiffe/bundle.json"
    said = go_spiffe(env.cache).ask("fetch", url, "seal.test", "spiffe", here.SEAL, bundle)
    expect(said["accepted"] and said["jwt"] and said["refresh_hint"] == 300, f"{said}")


@case("identity: it turns, and no connection is dropped for it (XS-3)")
def rotated(env):
    here = mesh(env)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, _, port = here.workloads.svid_origin.removeprefix("https://").partition(":")
    kept = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)

    def answers():
        kept.request("GET", "/healthz")
        answer = kept.getresponse()
        answer.read()
        return answer.status == 200 and answer.getheader("Connection") != "close"

    expect(answers(), "the connection ends at once")
    before = kept.sock
    for _ in range(3):
        svid = here.between.svid(here.SEAL)
        here.identify(svid)
        here.api.read_again()
        here.until_leaf(svid)
        expect(answers() and kept.sock is before, "an open connection did not outlive the change")
    kept.close()


@case("identity: the first SVID of several is ours (WA-3)")
def first_of_several(env):
    here = mesh(env)
    one, two = here.between.svid(here.SEAL), here.mesh.root.svid("spiffe://mesh.test/second")
    here.identify(two, one)
    here.api.read_again()
    here.until_leaf(two, spiffe_id="spiffe://mesh.test/second")
    here.identify(one, two)
    here.api.read_again()
    here.until_leaf(one)


def declare_empty(field):
    @case(f"identity: a response without {field} changes nothing (WA-2)")
    def discarded(env):
        here = mesh(env)
        before = here.seen()["leaf"]
        bad, good = here.between.svid(here.SEAL), here.between.svid(here.SEAL)
        here.identify(bad)
        here.order("empty", field)
        here.identify(good)
        (here.folder / "empty").unlink()
        expect(here.seen().get("leaf") == before, "the certificate of before is not presented any more")
        here.api.read_again()
        seen = set()

        def arrived():
            seen.add(here.seen().get("leaf"))
            return digest_of(good) in seen

        here.workloads.wait_until("the next good one is presented", arrived)
        expect(seen <= {before, digest_of(good)}, f"something else was presented, or nothing: {seen}")


for each_field in ("svids", "spiffe_id", "x509_svid", "x509_svid_key", "bundle"):
    declare_empty(each_field)


@case("identity: bundles of the Workload API: two authorities, one of them goes (XS-4, XS-5)")
def authorities(env):
    here = mesh(env)
    second = X509Authority("mesh.test")
    expect(here.certificate(here.mesh, here.mesh.root) and not here.certificate(here.mesh, second), "at first")
    here.publish(here.mesh, here.mesh.root, second, here.mesh.jwt)
    here.api.read_again()
    here.workloads.wait_until("the second authority counts", lambda: here.certificate(here.mesh, second))
    expect(here.certificate(here.mesh, here.mesh.root), "the first authority does not count any more")
    here.publish(here.mesh, here.mesh.root, here.mesh.jwt)
    here.api.read_again()
    here.workloads.wait_until("the second authority is gone", lambda: not here.certificate(here.mesh, second))
    expect(here.certificate(here.mesh, here.mesh.root), "the first authority went too")


@case("identity: bundles of the Workload API: a federated trust domain, and then none (JB-3, JB-8, XF-1, XF-3)")
def federated(env):
    here = mesh(env)
    # The agent's JWK Sets have no `use`, so that their keys would be ignored in a bundle document.
    here.workloads.wait_until("fed.test counts", lambda: here.token(here.fed))
    expect(here.token(here.mesh) and here.certificate(here.fed, here.fed.root), "not all keys of both count")
    expect(not here.certificate(here.fed, here.mesh.root), "an authority counts for another trust domain (XF-2)")
    kept = (here.folder / "bundles/fed.test.json").read_bytes()
    (here.folder / "bundles/fed.test.json").unlink()
    here.api.read_again()
    here.workloads.wait_until("fed.test does not count", lambda: not here.token(here.fed))
    expect(not here.certificate(here.fed, here.fed.root) and here.token(here.mesh), "more or less than fed.test is gone")
    (here.folder / "bundles/fed.test.json").write_bytes(kept)
    here.api.read_again()
    here.workloads.wait_until("fed.test counts again", lambda: here.token(here.fed))


@case("identity: the Workload API goes away and comes back (WA-1, EP-8)")
def away(env):
    here = mesh(env)
    before = here.seen()["leaf"]
    here.api.stop()
    expect(here.seen().get("leaf") == before, "a certificate that is good is not presented while the Workload API is away")
    svid = here.between.svid(here.SEAL)
    here.identify(svid)
    here.serve()
    here.until_leaf(svid)


@case("identity: an unavailable Workload API is asked again, and not without end (EP-5)")
def unavailable(env):
    here = mesh(env)
    before = len(here.api.calls())
    here.order("answer", "UNAVAILABLE")
    time.sleep(3)
    calls = len(here.api.calls()) - before
    expect(0 < calls < 60, f"{calls} calls in three seconds")
    svid = here.between.svid(here.SEAL)
    here.identify(svid)
    here.order("answer", None)
    here.until_leaf(svid)


@case("identity: a withdrawn one is not presented, and is asked for again (WA-4, EP-6)")
def withdrawn(env):
    here = mesh(env)
    before = len(here.api.calls())
    here.order("answer", "PERMISSION_DENIED")
    here.workloads.wait_until("nothing is presented", lambda: not here.seen()["accepted"], 5)
    time.sleep(1)
    calls = len(here.api.calls()) - before
    expect(0 < calls < 120, f"{calls} calls in seconds")
    svid = here.between.svid(here.SEAL)
    here.identify(svid)
    here.order("answer", None)
    here.until_leaf(svid)


@case("identity: a Workload API that calls the question wrong is not asked again (EP-7)")
def invalid(env):
    here = mesh(env)
    before = len(here.api.calls())
    here.order("answer", "INVALID_ARGUMENT")
    time.sleep(5)
    calls = [call["call"] for call in here.api.calls()[before:]]
    expect(all(calls.count(call) <= 2 for call in calls), f"{calls}")
