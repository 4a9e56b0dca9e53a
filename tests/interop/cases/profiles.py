"""Claims to certificates: the documented claims of each platform, and what real Fulcio makes of the very same token."""

import base64
import functools
import json
import time

from cryptography import x509

from harness import fulcio, peer
from harness import keycloak as enterprise
from harness.case import case, expect
from harness.platforms import FULCIO_TABLES, PINNED, SERVED, Platform, fulcio_config, toml_record, yaml_issuer
from harness.web import http

ARC = "1.3.6.1.4.1.57264.1."
SAN = "2.5.29.17"
CLUSTER = "https://kubernetes.default.svc.cluster.local"
# Where we differ on purpose (docs/divergences.md): extensions of Fulcio's that our certificate has not.
LEFT_OUT = {"circleci": {ARC + "11": b'\x0c\x02""'}}


class Platforms:
    """An instance and a Fulcio that know the same issuers."""

    def __init__(self, env):
        self.served = {name: Platform(name, env.root) for name in SERVED}
        self.clusters = {name: Platform("kubernetes", env.root) for name in ("prod-eu", "prod-us")}
        records = [platform.record() for platform in self.served.values()]
        for cluster, issuer in self.clusters.items():
            # Two clusters of one `iss`, distinguished by audience and keys; only one of them lets its builder sign.
            issuer.iss = CLUSTER
            records.append(toml_record({
                "id": cluster, "iss": CLUSTER, "audience": f"sigstore-{cluster}", "profile": "kubernetes",
                "issuer_label": f"https://{cluster}.clusters.example.com",
                "kubernetes": {"cluster": cluster, "namespaces": ["ci"], "service_accounts": ["builder"]},
                "base_url": "https://seal.example.com/k8s", "jwks_file": keys_file(env, cluster, issuer),
                "grants": [{"uri": f"https://seal.example.com/k8s/{cluster}"}],
            }))  # fmt: skip
        self.instance = env.build_instance("platforms", "\n".join(records))
        self.fulcio = self.start_fulcio(env)

    def start_fulcio(self, env):
        issuers, metadata = fulcio_config(self.served.values(), (env.cache / "fulcio-identity.yaml").read_text())
        issuers += yaml_issuer(self.served["email"].iss, {"type": "email"})
        issuers += yaml_issuer(self.served["spiffe"].iss, {"type": "spiffe", "spiffe-trust-domain": "example.org"})
        # An issuer of a pattern may assert names of another host than its own.
        meta = ""
        for name, domain in (("uri", "https://build.example.com"), ("username", "example.com")):
            pattern = self.served[name].iss.replace("127.0.0.1", "127.0.0.*")
            meta += yaml_issuer(pattern, {"type": name, "subject-domain": domain})
        config = f"oidc-issuers:\n{issuers}meta-issuers:\n{meta}ci-issuer-metadata:\n{metadata}"
        server = peer.fulcio(env.cache, env.folder / "peers", "P-256", config)
        env.running.append(server)
        return server


def keys_file(env, name, issuer):
    file = env.folder / f"{name}.jwks.json"
    file.write_text(json.dumps(issuer.keys()))
    return str(file)


@functools.lru_cache
def platforms(env):
    return Platforms(env)


def certificate(origin, token):
    """The leaf that the authority at `origin` issues."""
    status, answer = fulcio.ask_certificate(origin, fulcio.request_by_key(token))
    expect(status == 200, f"{origin} answers {status}: {answer}")
    answer = answer.get("signedCertificateEmbeddedSct") or answer["signedCertificateDetachedSct"]
    return x509.load_pem_x509_certificate(answer["chain"]["certificates"][0].encode())


def identity(leaf):
    """The name and Fulcio's extensions: octets and criticality by OID."""
    extensions = {}
    for extension in leaf.extensions:
        oid = extension.oid.dotted_string
        if oid == SAN or oid.startswith(ARC):
            extensions[oid] = (extension.critical, extension.value.public_bytes())
    return extensions


def declare_same(name):
    @case(f"profile: {name}, the same name and extensions as Fulcio's, octet by octet")
    def same(env):
        both = platforms(env)
        token = both.served[name].id_token()
        ours, theirs = (
            identity(certificate(both.instance.origin, token)),
            identity(certificate(both.fulcio.origin, token)),
        )
        for oid, value in LEFT_OUT.get(name, {}).items():
            expect(theirs.pop(oid, None) == (False, value), f"Fulcio's {oid} is not what docs/divergences.md lists")
        expect(len(theirs) >= 4, f"Fulcio has only {theirs}")
        expect(list(ours) == [SAN, *sorted(list(ours)[1:], key=lambda oid: int(oid.rpartition(".")[2]))], f"order: {list(ours)}")
        different = {oid: (ours.get(oid), theirs.get(oid)) for oid in ours | theirs if ours.get(oid) != theirs.get(oid)}
        expect(not different, f"ours and theirs: {different}")


for each in (*FULCIO_TABLES, "email", "uri", "username", "spiffe"):
    declare_same(each)


def declare_refused(name, words, changes, rule, theirs):
    @case(f"profile: {name}, {words}: refused by {rule}, {'also' if theirs == 400 else 'though not'} by Fulcio")
    def refused(env):
        both = platforms(env)
        body = fulcio.request_by_key(both.served[name].id_token(**changes))
        status, answer = fulcio.ask_certificate(both.instance.origin, body)
        expect(status == 400 and f"(rule {rule})" in answer["message"], f"{status} {answer}")
        status, answer = fulcio.ask_certificate(both.fulcio.origin, body)
        expect(status == theirs, f"Fulcio answers {status} {answer}")


GITLAB = {"ci_config_ref_uri": "evil.example/acme/app//.gitlab-ci.yml@refs/heads/main"}
for each in (
    ("github", "a claim missing", {"repository_id": None}, "N1", 400),
    ("github", "an empty claim", {"repository_owner_id": ""}, "N1", 200),
    ("github", "a claim that is a list", {"repository_owner_id": ["1234567"]}, "N1", 200),
    ("github", "a workflow above the host", {"job_workflow_ref": "../evil/x.yml@refs/heads/main"}, "N1", 200),
    ("github", "a workflow with a query", {"job_workflow_ref": "acme-tools/x.yml?y@refs/heads/main"}, "N1", 200),
    ("github", "another owner's workflow", {"job_workflow_ref": "evil/x/.github/workflows/x.yml@refs/heads/main"}, "V4", 200),
    ("gitlab", "the configuration of another host", GITLAB, "N1", 200),
    ("codefresh", "an address of its own choosing", {"platform_url": "https://evil.example"}, "N1", 200),
    ("circleci", "a login by SSH", {"oidc.circleci.com/ssh-rerun": True}, "N1", 200),
    ("email", "not verified", {"email_verified": False}, "E1", 400),
    ("username", "another domain", {"sub": "alice!evil.example"}, "N2", 400),
    ("username", "a name with a space", {"sub": "alice b"}, "N2", 200),
    ("spiffe", "another trust domain", {"sub": "spiffe://evil.example/ci/build"}, "S4", 400),
    ("spiffe", "no path", {"sub": "spiffe://example.org"}, "S2", 200),
    ("spiffe", "a path that was not granted", {"sub": "spiffe://example.org/cicd/x"}, "S9", 200),
):
    declare_refused(*each)


@case("profile: github, a claim called url replaces nothing, though it does in Fulcio")
def constants(env):
    both = platforms(env)
    token = both.served["github"].id_token(url="https://evil.example")
    name = both.served["github"].vector["name"]
    expect(name.encode() in identity(certificate(both.instance.origin, token))[SAN][1], "the name is not github.com's")
    theirs = identity(certificate(both.fulcio.origin, token))[SAN][1]
    expect(b"https://evil.example/" in theirs, f"Fulcio has mended this: {theirs}")


@case("profile: numbers keep all their digits, though Fulcio drops some")
def digits(env):
    both = platforms(env)
    token = both.served["github"].id_token(repository_owner_id=9007199254740993)
    found = [
        identity(certificate(origin, token))[ARC + "17"][1] for origin in (both.instance.origin, both.fulcio.origin)
    ]
    expect(found[0] == b"\x0c\x109007199254740993", f"ours: {found[0]}")
    expect(found[1] != found[0], "Fulcio has mended this")


def text_of(arc, value):
    """.1 to .6 are bare text; the others are a UTF8String of less than 64 KiB."""
    header = {0x81: 3, 0x82: 4}.get(value[1], 2)
    return (value if arc <= 6 else value[header:]).decode()


def vector_of(name, leaf, vector):
    """Compares with the vector what Fulcio has no table for."""
    found = identity(leaf)
    expect(vector["name"].encode() in found[SAN][1], f"{name}: {found[SAN]}")
    arcs = {oid.removeprefix(ARC): value for oid, (_, value) in found.items() if oid != SAN}
    for arc in ("1", "8", "24"):
        expect(arc in arcs, f"{name}: no extension .{arc}")
        del arcs[arc]
    texts = {arc: text_of(int(arc), value) for arc, value in arcs.items()}
    expect(texts == vector["extensions"], f"{name}: {texts}")


@case("profile: buddy and a table of the operator's own, as documented")
def own_tables(env):
    both = platforms(env)
    for name in ("buddy", "ci"):
        platform = both.served[name]
        vector_of(name, certificate(both.instance.origin, platform.id_token()), platform.vector)


@functools.lru_cache
def pinned(env):
    """An instance that knows each platform by its own name, as it is met in the field, and pins it."""
    named, records = {}, []
    for name, pins in PINNED.items():
        platform = named[name] = Platform(name, env.root)
        platform.iss = platform.vector["iss"]
        records.append(platform.record(jwks_file=keys_file(env, name, platform), pins=pins))
    return named, env.build_instance("pinned-instance", "\n".join(records))


def declare_pinned(name):
    @case(f"profile: {name} by its own issuer: the documented claims and no other's")
    def by_its_own_name(env):
        named, instance = pinned(env)
        platform = named[name]
        vector_of(name, certificate(instance.origin, platform.id_token()), platform.vector)
        for claim, value in PINNED[name].items():
            top = claim.split("/")[1] if claim.startswith("/") else claim
            for changed, rule in ((None, "C1"), ({} if claim.startswith("/") else "other", "C1" if claim.startswith("/") else "C2")):
                body = fulcio.request_by_key(platform.id_token(**{top: changed}))
                status, answer = fulcio.ask_certificate(instance.origin, body)
                expect(status == 400 and f"(rule {rule})" in answer["message"], f"{claim}={changed!r}: {status} {answer}")


for each in PINNED:
    declare_pinned(each)


@case("profile: projected tokens of two Kubernetes clusters with one issuer have two names")
def clusters(env):
    both = platforms(env)
    names = set()
    for cluster, issuer in both.clusters.items():
        leaf = certificate(both.instance.origin, issuer.id_token(aud=[f"sigstore-{cluster}"]))
        names.add(identity(leaf)[SAN][1])
        expect(f"https://seal.example.com/k8s/{cluster}/ns/ci/sa/builder".encode() in identity(leaf)[SAN][1], str(names))
    expect(len(names) == 2, str(names))


def declare_cluster_refusal(words, rule, make_token):
    @case(f"profile: kubernetes, {words}: refused by {rule}")
    def refused(env):
        both = platforms(env)
        status, answer = fulcio.ask_certificate(both.instance.origin, fulcio.request_by_key(make_token(both.clusters)))
        expect(status == 400 and f"(rule {rule})" in answer["message"], f"{status} {answer}")


EU = {"aud": ["sigstore-prod-eu"]}
OTHER = {"namespace": "ci", "serviceaccount": {"name": "deployer", "uid": "1"}}
declare_cluster_refusal("the other cluster's keys", "T1", lambda both: both["prod-us"].id_token(**EU))
declare_cluster_refusal(
    "sub of another account", "K2", lambda both: both["prod-eu"].id_token(**EU, sub="system:serviceaccount:ci:deployer")
)
declare_cluster_refusal(
    "an account that is not on the list", "K3",
    lambda both: both["prod-eu"].id_token(**EU, sub="system:serviceaccount:ci:deployer", **{"kubernetes.io": OTHER}),
)  # fmt: skip


@functools.lru_cache
def keycloak(env):
    """Keycloak, and an instance that knows its two realms."""
    server = enterprise.keycloak(env)
    realms = {
        "people": {"profile": "email", "grants": [{"email": "corp.example"}]},
        "machines": {
            "profile": "ci",
            "ci": {"name": "https://idp.corp.example/clients/{azp}", "extensions": {"run-invocation-uri": "{jti}"}},
            "grants": [{"uri": "https://idp.corp.example/clients/builder"}],
        },
    }
    records = [
        toml_record({"id": realm, "iss": server.iss(realm), "danger_loopback_http": True, **settings})
        for realm, settings in realms.items()
    ]
    return server, env.build_instance("keycloak-instance", "\n".join(records))


@case("profile: Keycloak, a person's ID token")
def keycloak_person(env):
    server, instance = keycloak(env)
    found = identity(certificate(instance.origin, server.person("carol")))
    expect(b"carol@corp.example" in found[SAN][1], str(found))
    expect(found[ARC + "1"][1].decode() == server.iss("people"), str(found))


@case("profile: Keycloak, a person whose address is not verified: refused by E1")
def keycloak_unverified(env):
    server, instance = keycloak(env)
    status, answer = fulcio.ask_certificate(instance.origin, fulcio.request_by_key(server.person("erin")))
    expect(status == 400 and "(rule E1)" in answer["message"], f"{status} {answer}")


@case("profile: Keycloak, a service account's access token")
def keycloak_machine(env):
    server, instance = keycloak(env)
    token = server.machine("builder")
    found = identity(certificate(instance.origin, token))
    expect(b"https://idp.corp.example/clients/builder" in found[SAN][1], str(found))
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    expect(found[ARC + "21"][1].endswith(claims["jti"].encode()), str(found))


@case("profile: Keycloak, a service account without a grant: refused by V4")
def keycloak_ungranted(env):
    server, instance = keycloak(env)
    status, answer = fulcio.ask_certificate(instance.origin, fulcio.request_by_key(server.machine("ungranted")))
    expect(status == 400 and "(rule V4)" in answer["message"], f"{status} {answer}")


@case("profile: Keycloak's keys turn, and the new key is found")
def keycloak_rotation(env):
    server, instance = keycloak(env)
    before = server.key_of(server.person("carol"))
    server.turn_keys("people")
    token = server.person("carol")
    expect(server.key_of(token) != before, "the key is the same")
    # An unknown key is asked for at once, but one issuer at most every ten seconds.
    deadline, status = time.monotonic() + 60, 0
    while status != 200 and time.monotonic() < deadline:
        status, answer = fulcio.ask_certificate(instance.origin, fulcio.request_by_key(token))
        time.sleep(0 if status == 200 else 1)
    expect(status == 200, f"{status} {answer}")


@case("profile: node oidc-provider, its ID token straight to the authority")
def oidc_provider(env):
    records = toml_record({
        "id": "oidc-provider", "iss": env.upstream, "profile": "email", "danger_loopback_http": True,
        "grants": [{"email": "corp.example"}],
    })  # fmt: skip
    instance = env.build_instance("direct-instance", records)
    answer = http(f"{env.upstream}/.well-known/openid-configuration")
    expect(answer.status == 200, str(answer))
    found = identity(certificate(instance.origin, env.upstream_token("carol@corp.example")))
    expect(b"carol@corp.example" in found[SAN][1], str(found))
    status, refused = fulcio.ask_certificate(
        instance.origin, fulcio.request_by_key(env.upstream_token("dave@elsewhere.example"))
    )
    expect(status == 400 and "(rule E6)" in refused["message"], f"{status} {refused}")
