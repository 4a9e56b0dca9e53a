"""Where bundles come from and what is reported of them: go-spiffe's endpoint with both profiles, files, maps; our own
bundle as go-spiffe and java-spiffe read it; metrics as Prometheus' own parser reads them."""

import functools
import json
import subprocess

from prometheus_client.parser import text_string_to_metric_families

from harness.case import case, expect
from harness.environment import free_port, make_authority
from harness.spiffe import Endpoint, go_spiffe, java_spiffe
from harness.svid import JwtAuthority, TrustDomain, X509Authority
from harness.web import http
from harness.workloads import SETTLED_SECONDS, Workloads, trust_domain

AUDIENCE = "sigstore"


class Published:
    """A trust domain with a bundle endpoint of go-spiffe's."""

    def __init__(self, scene, name, certificate):
        self.domain, self.scene = TrustDomain(name), scene
        self.sequence = 1
        self.bundle, self.bootstrap = scene.folder / f"{name}.json", scene.folder / f"{name}.bootstrap.json"
        self.presented, self.address = scene.folder / f"{name}.endpoint.pem", f"127.0.0.1:{free_port()}"
        self.url = f"https://localhost:{self.address.rpartition(':')[2]}/"
        self.bundle.write_bytes(self.domain.document())
        self.bootstrap.write_bytes(self.domain.document())
        certificate(self)
        self.endpoint = None
        self.serve()

    def serve(self):
        log = self.scene.folder / f"{self.domain.name}.endpoint.log"
        self.endpoint = Endpoint(self.scene.env.cache, log, self.domain.name, self.bundle, self.presented, self.address)
        self.scene.env.running.append(self.endpoint)

    def publish(self, *entries, **members):
        """From now on the bundle holds these keys; the instance is asked to refresh it."""
        self.sequence += 1
        document = self.domain.document([one.entry() for one in entries], **{"spiffe_sequence": self.sequence, **members})
        self.bundle.write_bytes(document)
        return self.scene.workloads.refresh(self.domain.name)

    def taken(self, key):
        return self.scene.taken(self.domain, key)


class Scene:
    def __init__(self, env):
        self.env, self.folder = env, env.folder / "bundles"
        self.folder.mkdir()
        self.web = self.folder / "web"
        self.web.mkdir()
        make_authority(self.web)
        self.s = Published(
            self, "s.test", lambda here: here.domain.root.svid(here.domain.id("/spire/server")).write(here.presented)
        )
        # Its endpoint is one of s.test: not self-serving.
        self.n = Published(
            self, "n.test", lambda here: self.s.domain.root.svid(self.s.domain.id("/bundles")).write(here.presented)
        )
        self.w = Published(self, "w.test", lambda here: here.presented.write_bytes(self.web_certificate()))
        self.mapped = [TrustDomain("m-one.test"), TrustDomain("m-two.test")]
        self.map_file = self.folder / "map.json"
        self.write_map(*self.mapped)
        sections = [
            trust_domain("s.test", {"https_spiffe": self.s.url, "endpoint_id": "spiffe://s.test/spire/server",
                                    "bootstrap_file": self.s.bootstrap}),
            trust_domain("n.test", {"https_spiffe": self.n.url, "endpoint_id": "spiffe://s.test/bundles"}),
            trust_domain("w.test", {"https_web": self.w.url, "ca_file": self.web / "ca.crt"}),
            *(trust_domain(domain.name, {"map_file": self.map_file}) for domain in self.mapped),
        ]  # fmt: skip
        self.workloads = Workloads(env, "bundles-instance", "".join(sections))
        self.names = 0

    def web_certificate(self):
        return (self.web / "tls.crt").read_bytes() + (self.web / "tls.key").read_bytes()

    def write_map(self, *domains):
        whole = {"trust_domains": {domain.name: json.loads(domain.document()) for domain in domains}}
        self.map_file.write_text(json.dumps(whole))

    def taken(self, domain, key):
        """Whether the instance takes a token by this key."""
        self.names += 1
        spiffe_id = domain.id(f"/ci/{self.names}")
        return self.workloads.by_token(key.token(spiffe_id, AUDIENCE), spiffe_id)["accepted"]

    def svid_taken(self, domain, authority):
        self.names += 1
        spiffe_id = domain.id(f"/ci/{self.names}")
        return self.workloads.by_svid(authority.svid(spiffe_id), spiffe_id)["accepted"]


@functools.lru_cache
def scene(env):
    return Scene(env)


def declare_endpoint(name, word):
    @case(f"bundles: {word}: fetched, turned and emptied")
    def turned(env):
        here = scene(env)
        published = getattr(here, name)
        domain = published.domain
        here.workloads.wait_until("the first bundle is there", lambda: published.taken(domain.jwt))
        expect(here.svid_taken(domain, domain.root), "its X.509 authority does not count")
        expect("GET /" in published.endpoint.requests(), f"nobody asked: {published.endpoint.said()}")
        new_key, new_root = JwtAuthority(f"{domain.name} new"), X509Authority(domain.name)
        expect(not published.taken(new_key), "a key counts before it is published")
        # SPIRE publishes a key before it signs with it; then the old one goes. The endpoint's own certificate is of the old root.
        published.publish(domain.root, domain.jwt, new_root, new_key)
        expect(published.taken(new_key) and published.taken(domain.jwt), "both keys are published, and not both count")
        published.publish(domain.root, new_key)
        expect(published.taken(new_key) and not published.taken(domain.jwt), "a key that was taken out still counts")
        expect(not here.svid_taken(domain, new_root), "an authority that was taken out still counts")
        published.publish(domain.root, domain.jwt)
        expect(published.taken(domain.jwt), "the first key is published again, and does not count")

    @case(f"bundles: {word}: an older sequence is not taken")
    def rollback(env):
        published = getattr(scene(env), name)
        domain, stolen = published.domain, JwtAuthority(f"{getattr(scene(env), name).domain.name} stolen")
        published.publish(domain.root, stolen, spiffe_sequence=0)
        expect(published.taken(domain.jwt) and not published.taken(stolen), "an older bundle replaced the newer one")
        published.publish(domain.root, domain.jwt)

    @case(f"bundles: {word}: while the endpoint is away, the last bundle counts, over kill -9 too")
    def away(env):
        here = scene(env)
        published = getattr(here, name)
        published.endpoint.stop()
        here.workloads.refresh(published.domain.name)
        expect(published.taken(published.domain.jwt), "the bundle is forgotten as soon as its endpoint does not answer")
        here.workloads.instance.kill()
        here.workloads.instance.start()
        expect(published.taken(published.domain.jwt), "the last good bundle did not outlive kill -9")
        published.serve()
        here.workloads.refresh(published.domain.name)


for each in (("s", "https_spiffe, self-serving"), ("n", "https_spiffe, served by another trust domain"), ("w", "https_web")):
    declare_endpoint(*each)


@case("bundles: go-spiffe fetches from these endpoints what is published")
def same_endpoint(env):
    here, verifier = scene(env), go_spiffe(env.cache)
    bootstrap = f"s.test={here.s.bootstrap}"
    questions = [
        ["fetch", here.s.url, "s.test", "spiffe", "spiffe://s.test/spire/server", bootstrap],
        ["fetch", here.n.url, "n.test", "spiffe", "spiffe://s.test/bundles", bootstrap],
        ["fetch", here.w.url, "w.test", "web", here.web / "ca.crt"],
    ]
    for said, published in zip(verifier.ask_all(questions), (here.s, here.n, here.w)):
        expect(said["accepted"] and said["jwt"] == {published.domain.jwt.kid: published.domain.jwt.digest}, f"{said}")


def declare_false_endpoint(words, name, false):
    @case(f"bundles: an endpoint {words} is not believed")
    def refused(env):
        here = scene(env)
        published = getattr(here, name)
        true, stolen = published.presented.read_bytes(), JwtAuthority("stolen")
        try:
            published.presented.write_bytes(false(here))
            asked = len(published.endpoint.requests())
            published.publish(published.domain.root, stolen)
            expect(not published.taken(stolen), "its bundle was taken")
            expect(published.taken(published.domain.jwt), "the bundle of before does not count any more")
            expect(len(published.endpoint.requests()) == asked, "a request was sent to a server that was not believed")
        finally:
            published.presented.write_bytes(true)
        published.publish(published.domain.root, published.domain.jwt)
        expect(published.taken(published.domain.jwt), "the true endpoint is not believed any more")


def pem(svid):
    return svid.certificates() + svid.private_key()


declare_false_endpoint(
    "with another name of its trust domain", "s", lambda here: pem(here.s.domain.root.svid("spiffe://s.test/other"))
)
declare_false_endpoint("of another trust domain", "s", lambda here: pem(here.n.domain.root.svid("spiffe://n.test/spire/server")))
declare_false_endpoint(
    "of another authority with its name", "s", lambda here: pem(X509Authority("s.test").svid("spiffe://s.test/spire/server"))
)
declare_false_endpoint("with a web server's certificate", "s", lambda here: here.web_certificate())
declare_false_endpoint(
    "whose own trust domain does not know it", "n", lambda here: pem(here.n.domain.root.svid("spiffe://s.test/bundles"))
)
declare_false_endpoint(
    "that is no web server of the authority",
    "w",
    lambda here: pem(here.w.domain.root.svid("spiffe://w.test/x", dns=["localhost"])),
)


@case("bundles: a map; a trust domain that leaves it counts no more (JB-3, XF-3)")
def mapped(env):
    here = scene(env)
    one, two = here.mapped
    expect(here.taken(one, one.jwt) and here.taken(two, two.jwt), "a bundle of the map does not count")
    expect(not here.taken(one, two.jwt) and not here.svid_taken(two, one.root), "two bundles of a map were merged")
    here.write_map(one)
    here.workloads.wait_until("the second trust domain is gone", lambda: not here.taken(two, two.jwt))
    expect(not here.svid_taken(two, two.root) and here.taken(one, one.jwt), "more or less than one trust domain left")
    here.write_map(*here.mapped)
    here.workloads.wait_until("the second trust domain is back", lambda: here.taken(two, two.jwt))


@case("bundles: a map with a trust domain twice is not taken (DB-8)")
def mapped_twice(env):
    here = scene(env)
    one, stolen = here.mapped[0], JwtAuthority("stolen")
    good, bad = one.document().decode(), one.document([one.root.entry(), stolen.entry()], spiffe_sequence=9).decode()
    before = here.map_file.read_text()
    here.map_file.write_text(f'{{"trust_domains": {{"{one.name}": {good}, "{one.name}": {bad}}}}}')
    here.workloads.refresh(one.name)
    expect(here.taken(one, one.jwt) and not here.taken(one, stolen), "a map with the same name twice was taken")
    here.map_file.write_text(before)
    here.workloads.refresh(one.name)


@case("bundles: an authority of another trust domain is not taken (DB-10)")
def shared_key(env):
    here = scene(env)
    here.w.publish(here.w.domain.root, here.w.domain.jwt, here.s.domain.root)
    expect(not here.svid_taken(here.w.domain, here.s.domain.root), "one authority counts for two trust domains")
    here.w.publish(here.w.domain.root, here.w.domain.jwt)
    expect(here.taken(here.w.domain, here.w.domain.jwt), "the bundle without it is not taken")


@case("bundles: config check tells a bundle file that is none, and two sources for one trust domain")
def checked(env):
    folder = env.folder / "bundles-check"
    folder.mkdir()
    domain, good, bad = TrustDomain("a.test"), folder / "good.json", folder / "bad.json"
    good.write_bytes(domain.document())
    bad.write_bytes(domain.document(keys={}))

    def check(*sections):
        config = folder / "check.toml"
        config.write_text("".join(sections))
        words = [env.binary, "config", "check", config]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    done = check(trust_domain("a.test", {"file": good}))
    expect(done.returncode == 0, f"a good one is refused\n{done}")
    for words, sections in {
        "a bundle that is none": [trust_domain("a.test", {"file": bad})],
        "a file that is not there": [trust_domain("a.test", {"file": folder / "none.json"})],
        "two sources": [trust_domain("a.test", {"file": good, "map_file": good})],
        "one name twice": [trust_domain("a.test", {"file": good}), trust_domain("a.test", {"file": good})],
        "a name that is none": [trust_domain("A.test", {"file": good})],
        "a grant of another trust domain": [trust_domain("a.test", {"file": good}, grants=[{"spiffe": "spiffe://b.test"}])],
        "an algorithm that JWT-SVID has not": [trust_domain("a.test", {"file": good}, algorithms=["EdDSA"])],
    }.items():
        done = check(*sections)
        expect(done.returncode == 1 and "trust_domains" in done.stderr + done.stdout, f"{words}\n{done}")


@case("bundles: ours, as go-spiffe and java-spiffe read it, holds the keys that sign our ID tokens")
def ours(env):
    here = scene(env)
    instance = here.workloads.instance
    url = f"{instance.origin}/spiffe/bundle.json"
    document = here.folder / "ours.json"
    document.write_bytes(http(url, ca_file=instance.ca_file).body)
    go = go_spiffe(env.cache)
    fetched = go.ask("fetch", url, "seal.test", "web", instance.ca_file)
    read = go.ask("bundle", "seal.test", document)
    java = java_spiffe(env.cache).ask("bundle", "seal.test", document)
    expect(fetched["accepted"] and java["accepted"], f"go-spiffe {fetched}\njava-spiffe {java}")
    for one in ("jwt", "x509", "sequence", "refresh_hint"):
        expect(fetched[one] == read[one] == java[one], f"{one}: fetched {fetched}, read {read}, java-spiffe {java}")
    expect(fetched["refresh_hint"] == 300 and fetched["sequence"] > 0 and not fetched["x509"], f"{fetched}")
    kids = {key["kid"] for key in json.loads(instance.get("/oidc/keys").body)["keys"]}
    expect(fetched["jwt"].keys() == kids and kids, f"{fetched['jwt']} and {kids}")


@case("bundles: the command line lists, shows and refreshes; others may not")
def commands(env):
    here = scene(env)
    instance, server = here.workloads.instance, here.workloads.server
    output = instance.command("trust-domain", "list", *server)
    names = ["s.test", "n.test", "w.test", *(domain.name for domain in here.mapped)]
    expect(all(name in output for name in names), output)
    output = instance.command("trust-domain", "show", "s.test", *server)
    expect(here.s.url in output and "spiffe://s.test/spire/server" in output, output)
    before = len(here.s.endpoint.requests())
    instance.command("trust-domain", "refresh", "s.test", *server)
    expect(len(here.s.endpoint.requests()) == before + 1, f"{here.s.endpoint.requests()}")
    for method, path in (("GET", ""), ("GET", "/s.test"), ("POST", "/s.test/refresh")):
        answer = http(f"{instance.origin}/api/privyseal/v1/trust-domains{path}", b"{}" if method == "POST" else None,
                      "application/json", ca_file=instance.ca_file)  # fmt: skip
        expect(answer.status == 401, f"{method} {path} answers {answer.status} without a login")


def metrics(workloads):
    """Every sample, by name and labels, as Prometheus' client reads the text; the types by name."""
    answer = http(workloads.metrics)
    kind = answer.headers["Content-Type"]
    expect(answer.status == 200 and kind.startswith("text/plain") and "version=0.0.4" in kind, f"{answer.status} {kind}")
    samples, types = {}, {}
    for family in text_string_to_metric_families(answer.body.decode()):
        types[family.name] = family.type
        expect(family.documentation, f"{family.name} has no HELP")
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            expect(key not in samples, f"{key} twice")
            samples[key] = sample.value
    return samples, types


@case("bundles: metrics of age, sequence, keys and fetches, as Prometheus' client reads them")
def measured(env):
    here = scene(env)
    here.s.publish(here.s.domain.root, here.s.domain.jwt, JwtAuthority("s.test more"))
    samples, types = metrics(here.workloads)
    label = lambda **labels: frozenset(labels.items())
    value = lambda name, **labels: samples.get((f"privyseal_bundle_{name}", label(trust_domain="s.test", **labels)))
    expect(0 <= value("age_seconds") < SETTLED_SECONDS, f"age {value('age_seconds')}")
    expect(value("sequence") == here.s.sequence, f"sequence {value('sequence')}, not {here.s.sequence}")
    expect((value("keys", use="jwt-svid"), value("keys", use="x509-svid")) == (2, 1), f"{samples}")
    expect(types["privyseal_bundle_age_seconds"] == types["privyseal_bundle_keys"] == "gauge", f"{types}")
    # The parser calls a counter by its name without `_total`.
    expect(types["privyseal_bundle_fetches"] == "counter", f"{types}")
    fetches = {labels: count for (name, labels), count in samples.items() if name == "privyseal_bundle_fetches_total"}
    of_s = sum(count for labels, count in fetches.items() if ("trust_domain", "s.test") in labels)
    here.workloads.refresh("s.test")
    samples, _ = metrics(here.workloads)
    now = sum(
        n for (name, labels), n in samples.items() if name.endswith("fetches_total") and ("trust_domain", "s.test") in labels
    )
    expect(now == of_s + 1, f"{of_s} fetches, one more, and then {now}")
    domains = {dict(labels)["trust_domain"] for (name, labels) in samples if name == "privyseal_bundle_age_seconds"}
    expect(domains == {"s.test", "n.test", "w.test", "m-one.test", "m-two.test"}, f"{domains}")


@case("bundles: readiness tells a stale trust domain, and its tokens are refused")
def stale(env):
    domain = TrustDomain("stale.test")
    folder = env.folder / "bundles-stale"
    folder.mkdir()
    file = folder / "stale.test.json"
    file.write_bytes(domain.document())
    endpoint_svid = domain.root.svid(domain.id("/spire/server")).write(folder / "endpoint.pem")
    endpoint = Endpoint(env.cache, folder / "endpoint.log", domain.name, file, endpoint_svid)
    env.running.append(endpoint)
    url = f"https://localhost:{endpoint.address.rpartition(':')[2]}/"
    source = {"https_spiffe": url, "endpoint_id": domain.id("/spire/server"), "bootstrap_file": file}
    workloads = Workloads(env, "stale-instance", trust_domain(domain.name, source, stale_seconds=3))
    asked = lambda: workloads.by_token(domain.jwt.token(domain.id("/a"), AUDIENCE), domain.id("/a"))["accepted"]
    reported = lambda: json.loads(workloads.instance.get("/readyz").body)["trust_domains"]["stale"]
    workloads.refresh(domain.name)
    expect(asked() and reported() == [], f"fresh, and reported as {reported()}")
    endpoint.stop()
    workloads.wait_until("it is stale", lambda: reported() == [domain.name])
    expect(not asked(), "a token of a stale trust domain is taken")
