"""What the cases share: two trust domains with an agent each, two without, and three instances that know them."""

import functools
import json
from urllib.parse import urlencode

from cryptography import x509
from jwt.algorithms import ECAlgorithm
from prometheus_client.parser import text_string_to_metric_families

from harness import case, fulcio
from harness.case import Failed, expect
from harness.environment import free_port, make_authority
from harness.web import http
from harness.workloads import leaf_of, proof

from . import programs
from .agent import Agent
from .channel import Channel
from .discovery import Discovery
from .process import wait_for
from .server import Server

ALPHA, BETA, GAMMA, DELTA, SEAL = "alpha.test", "beta.test", "gamma.test", "delta.test", "seal.test"
# The workload that may sign, the one that was granted nothing, and the instance itself.
BUILD, OTHER, INSTANCE = "/ci/build", "/cicd/other", "/seal"
ARC = "1.3.6.1.4.1.57264.1."
FORM = "application/x-www-form-urlencoded"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"


def spire(name):
    """Declares a case that needs SPIRE's programs."""
    return case.case(f"spire: {name}", needs=programs.missing)


class Stage:
    """Alpha signs with P-256, says who it is in `iss`, and serves its bundle by its own SVID (https_spiffe). Beta has an RSA key for
    tokens, no `iss`, and a certificate for its bundle endpoint (https_web). Gamma is known by a file. Delta is known to
    the neighbour alone."""

    def __init__(self, env):
        self.env, self.folder = env, env.folder / "spire"
        if self.folder.exists():
            raise Failed("SPIRE or its instance did not come up before: see the first case that needed it")
        self.folder.mkdir()
        make_authority(self.folder)
        self.ca_file = self.folder / "ca.crt"
        self.web_tls = (self.folder / "tls.crt", self.folder / "tls.key")
        running = env.running
        issuer_port = free_port()
        self.alpha = self.server(ALPHA, issuer=f"https://localhost:{issuer_port}")
        self.beta = self.server(BETA, web_tls=self.web_tls, key_type="rsa-2048")
        self.gamma = self.server(GAMMA, flags=["wit-svid"])
        self.delta = self.server(DELTA)
        for server in (self.alpha, self.beta, self.gamma, self.delta):
            server.await_ready()
        self.discovery = Discovery(self.folder / "discovery", self.alpha, issuer_port, self.web_tls, self.ca_file).launch(running)
        # An agent gives a workload the bundles that its entry federates with: the instances get beta's from alpha's
        # agent.
        self.alpha.federate(BETA, self.beta.bundle_address)
        wait_for(lambda: self.alpha.federated_bundle(BETA), 10, "alpha has beta's bundle")
        self.agents = {
            server.trust_domain: Agent(self.folder / f"{server.trust_domain}-agent", server) for server in (self.alpha, self.beta)
        }
        cosign = (env.cache / "bin/cosign").resolve()
        self.alpha.register(INSTANCE, self.agents[ALPHA], env.binary, "-federatesWith", f"spiffe://{BETA}")
        for server in (self.alpha, self.beta):
            for program in (cosign, programs.find(programs.AGENT)):
                server.register(BUILD, self.agents[server.trust_domain], program)
        for agent in self.agents.values():
            agent.launch(running)
        for agent in self.agents.values():
            agent.await_identity()
        self.discovery.await_ready()
        self.instance = self.build_instance()

    def server(self, trust_domain, **options):
        return Server(self.folder / trust_domain, trust_domain, self.ca_file, **options).launch(self.env.running)

    def build_instance(self):
        """It takes the bundles from where the trust domains serve them, and what it is itself from alpha's agent."""
        port, self.svid_port, self.metrics = free_port(), free_port(), f"127.0.0.1:{free_port()}"
        bootstrap, file = self.folder / "alpha.bootstrap.json", self.folder / "gamma.json"
        bootstrap.write_text(json.dumps(self.alpha.bundle()))
        file.write_text(json.dumps(self.gamma_bundle()))
        config = f"""
[instance]
origin = "https://localhost:{port}"

[listen]
tls = {{ certificate = "{self.web_tls[0]}", key = "{self.web_tls[1]}" }}
metrics = "{self.metrics}"

[listen.svid]
address = "127.0.0.1:{self.svid_port}"
identity = "workload-api"

[spiffe]
trust_domain = "{SEAL}"
workload_api = "unix://{self.agents[ALPHA].socket}"

[[trust_domains]]
name = "{ALPHA}"
bundle = {{ https_spiffe = "{self.alpha.bundle_address}", endpoint_id = "{self.alpha.endpoint_id}", bootstrap_file = "{bootstrap}" }}
danger_loopback = true
uses_per_minute = 6000
max_svid_seconds = 7200
grants = [{{ spiffe = "spiffe://{ALPHA}/ci" }}]

[[trust_domains]]
name = "{BETA}"
bundle = {{ https_web = "{self.beta.bundle_address}", ca_file = "{self.ca_file}" }}
danger_loopback = true
iss = "absent"
algorithms = ["RS256"]
uses_per_minute = 6000
grants = [{{ spiffe = "spiffe://{BETA}/ci" }}]

[[trust_domains]]
name = "{GAMMA}"
bundle = {{ file = "{file}" }}
accept = ["jwt", "x509", "wit"]
grants = [{{ spiffe = "spiffe://{GAMMA}/ci" }}]
"""
        return self.build("spire-instance", config, port, self.metrics, (ALPHA, BETA, GAMMA))

    @functools.cached_property
    def neighbour(self):
        """An instance that knows alpha by a file with a map of bundles, beta by alpha's agent, and the first instance
        by its bundle, which it fetches over https_spiffe: the endpoint is of another trust domain than the bundle.
        Delta asserts nothing here: it is polled."""
        port, self.neighbour_svid_port, self.neighbour_metrics = free_port(), free_port(), f"127.0.0.1:{free_port()}"
        bundles, bootstrap = self.folder / "bundles.json", self.folder / "delta.bootstrap.json"
        bootstrap.write_text(json.dumps(self.delta.bundle()))
        bundles.write_text(json.dumps({"trust_domains": {ALPHA: self.alpha.bundle()}}))
        config = f"""
[instance]
origin = "https://localhost:{port}"

[listen]
tls = {{ certificate = "{self.web_tls[0]}", key = "{self.web_tls[1]}" }}
metrics = "{self.neighbour_metrics}"

[listen.svid]
address = "127.0.0.1:{self.neighbour_svid_port}"

[spiffe]
trust_domain = "neighbour.test"
workload_api = "unix://{self.agents[ALPHA].socket}"

[[trust_domains]]
name = "{ALPHA}"
bundle = {{ map_file = "{bundles}" }}
grants = [{{ spiffe = "spiffe://{ALPHA}/ci" }}]

[[trust_domains]]
name = "{BETA}"
bundle = {{ workload_api = true }}
grants = [{{ spiffe = "spiffe://{BETA}/ci" }}]

[[trust_domains]]
name = "{DELTA}"
bundle = {{ https_spiffe = "{self.delta.bundle_address}", endpoint_id = "{self.delta.endpoint_id}", bootstrap_file = "{bootstrap}" }}
danger_loopback = true
grants = []

[[trust_domains]]
name = "{SEAL}"
bundle = {{ https_spiffe = "{self.spiffe_bundle_address}", endpoint_id = "{self.instance_id}" }}
danger_loopback = true
grants = []
"""
        return self.build("spire-neighbour", config, port, self.neighbour_metrics, (ALPHA, BETA, DELTA, SEAL))

    @functools.cached_property
    def relying_instance(self):
        """An instance that knows alpha's tokens as those of an OpenID provider, and nothing of SPIFFE."""
        port = free_port()
        config = f"""
[instance]
origin = "https://localhost:{port}"

[listen]
tls = {{ certificate = "{self.web_tls[0]}", key = "{self.web_tls[1]}" }}

[[issuers]]
id = "alpha"
iss = "{self.discovery.address}"
profile = "spiffe"
ca_file = "{self.ca_file}"
danger_loopback_http = true
grants = [{{ spiffe = "spiffe://{ALPHA}/ci" }}]
"""
        return self.build("spire-relying-instance", config, port)

    def build(self, name, config, port, metrics=None, trust_domains=()):
        instance = self.env.build_instance(name, config, f"127.0.0.1:{port}", ca_file=self.ca_file)
        # It serves before it has fetched anything.
        for each in trust_domains:
            age = functools.partial(metric, metrics, "privyseal_bundle_age_seconds", trust_domain=each)
            wait_for(lambda age=age: age() is not None, 15, f"{name} holds the bundle of {each}")
        return instance

    def gamma_bundle(self):
        """SPIRE 1.15 mints WIT-SVIDs and publishes no key for them: the operator adds it by hand."""
        bundle, (wit, _) = self.gamma.bundle(), self.gamma.mint_wit(BUILD)
        key = ECAlgorithm.to_jwk(self.gamma.wit_public_key(), as_dict=True)
        bundle["keys"].append({**key, "use": "wit-svid", "kid": wit.authority})
        return bundle

    @property
    def spiffe_bundle_address(self):
        """Where the instance presents its SVID to clients that fetch its bundle."""
        return f"https://localhost:{self.svid_port}/spiffe/bundle.json"

    @property
    def instance_id(self):
        return f"spiffe://{ALPHA}{INSTANCE}"

    def channel(self, svid=None, roots=None):
        """To the instance's listener for workloads, which is a workload of alpha itself: another one knows it by the
        authorities that came with its own SVID, any other client by `roots`, which are alpha's of the moment by
        default."""
        if not roots:
            is_alphas = svid and svid.subject.startswith(f"spiffe://{ALPHA}/")
            roots = svid.roots.read_text() if is_alphas else self.alpha.command("bundle show")
        return Channel(self.svid_port, roots, self.instance_id, svid)

    @functools.cached_property
    def login(self):
        file = self.folder / "login"
        who = ["--user", self.instance.EMAIL, "--password-file", self.instance.password_file]
        self.instance.command("login", "--server", self.instance.origin, "--ca-file", self.ca_file, *who, "--out", file)
        return file

    def trust_domain(self, *words):
        """`privyseal trust-domain …`, as the operator types it."""
        who = ["--server", self.instance.origin, "--ca-file", self.ca_file, "--login", self.login]
        return self.instance.command("trust-domain", *words, *who)

    @functools.lru_cache
    def client(self, name):
        client = self.env.client(name, self.instance, ca_file=self.ca_file)
        client.trust()
        return client


@functools.lru_cache
def stage(env):
    return Stage(env)


def metric(address, name, **labels):
    """The value of a metric as Prometheus' own parser reads it, or None."""
    families = text_string_to_metric_families(http(f"http://{address}/metrics").body.decode())
    samples = [sample for family in families for sample in family.samples]
    return next((sample.value for sample in samples if (sample.name, sample.labels) == (name, labels)), None)


def by_token(instance, token, request=fulcio.request_by_key):
    """What comes of a JWT-SVID at the certificate authority: the status and the answer."""
    return fulcio.ask_certificate(instance.origin, request(token), instance.ca_file)


def by_channel(channel, svid):
    """What comes of an X.509-SVID there: the request holds no token, and the proof of possession signs the SPIFFE ID."""
    return channel.ask_certificate(proof(svid.subject))


def ask_token(instance, **form):
    """What the token endpoint answers without a client certificate."""
    answer = http(f"{instance.issuer}/token", urlencode(form).encode(), FORM, ca_file=instance.ca_file)
    return answer.status, json.loads(answer.body)


def exchange(instance, token, **changes):
    """RFC 8693, for an ID token that signing clients take."""
    form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": TOKEN_TYPE + "jwt", "audience": "sigstore"}
    return ask_token(instance, **{name: value for name, value in {**form, **changes}.items() if value is not None})


def expect_certified(answer, subject, label):
    """A certificate for exactly that SPIFFE ID, which calls the issuer so."""
    status, body = answer
    expect(status == 200, f"{status} {body}")
    leaf = leaf_of(body)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    expect(names.critical and list(names.value) == [x509.UniformResourceIdentifier(subject)], str(names))
    said = {extension.oid.dotted_string: extension.value for extension in leaf.extensions}
    said = {oid.removeprefix(ARC): value.value for oid, value in said.items() if oid.startswith(ARC)}
    wanted = {"1": label.encode(), "8": utf8_string(label), "24": utf8_string(subject)}
    expect({arc: said.get(arc) for arc in wanted} == wanted, f"the extensions are {said}, not {wanted}")


def expect_refused(answer, *rules):
    status, body = answer
    expect(status == 400, f"{status} {body}")
    found = body["details"][0]["reason"]
    expect(found in rules, f"refused by {found}, not {' or '.join(rules)}: {body['message']}")


def utf8_string(text):
    """DER of a UTF8String that is shorter than 128 bytes."""
    return bytes([0x0C, len(text)]) + text.encode()
