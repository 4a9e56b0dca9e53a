"""A configuration that changes under a running instance, explanations that agree with what the instance does, and
exported policy as cosign reads it."""

import base64
import hashlib
import json
import shlex
import signal
import subprocess
import time

from cryptography import x509

from harness.case import case, expect
from harness.issuer import Issuer
from harness.program import must, must_refuse

BOB = "bob@partner.example"
NEIGHBOUR = "bob@partner.example.net"
SETTLED_SECONDS = 30


def issuer_section(name, issuer, domain):
    return f"""
[[issuers]]
id = "{name}"
iss = "{issuer.iss}"
profile = "email"
danger_loopback_http = true
grants = [{{ email = "{domain}" }}]
"""


class Bench:
    """An instance with two issuers, each for a domain whose name begins like the other's."""

    def __init__(self, env):
        self.partner, self.neighbour = Issuer(), Issuer()
        both = issuer_section("partner", self.partner, "partner.example")
        self.config = both + issuer_section("neighbour", self.neighbour, "partner.example.net")
        self.instance = env.build_instance("changing", self.config)
        self.cosign = env.client("cosign", self.instance)
        self.cosign.trust()

    def token_file(self, token):
        path = self.instance.folder / f"token-{hashlib.sha256(token.encode()).hexdigest()[:8]}"
        path.write_text(token + "\n")
        return path

    def explain(self, token, *flags):
        output = self.instance.command("explain", "--token", self.token_file(token), "--json", *flags)
        expect(token not in output, "the token is repeated")
        return json.loads(output)

    def explain_here(self, token):
        return self.explain(token, "--server", self.instance.origin)

    def login(self):
        path = self.instance.folder / "login"
        who = ["--user", self.instance.EMAIL, "--password-file", self.instance.password_file]
        output = self.instance.command("login", "--server", self.instance.origin, *who, "--out", path)
        expect(output.strip() == f"{self.instance.EMAIL}: admin", f"the first user is no administrator: {output}")
        expect(path.stat().st_mode & 0o077 == 0, "others may read the login file")
        return ["--server", self.instance.origin, "--login", path]

    def wait_until(self, what, is_so):
        ends = time.monotonic() + SETTLED_SECONDS
        while not is_so():
            expect(time.monotonic() < ends, f"after {SETTLED_SECONDS} seconds it is not so: {what}")
            time.sleep(0.2)


BENCHES = {}


def bench(env):
    if env not in BENCHES:
        BENCHES[env] = Bench(env)
    return BENCHES[env]


@case("change: what explain says is what the certificate says")
def explained_and_issued(env):
    here = bench(env)
    token = here.partner.token(BOB)
    output = here.explain_here(token)
    expect(output["verdict"] == "ACCEPT", f"{output}")
    expect(output["tokenSha256"] == hashlib.sha256(token.encode()).hexdigest(), "another token was explained")
    bundle = env.folder / "explained.sigstore.json"
    must(here.cosign.sign(env.artifact, bundle, token))
    raw = json.loads(bundle.read_text())["verificationMaterial"]["certificate"]["rawBytes"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(raw))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expect([name.value for name in names] == [output["certificate"]["name"]], f"{names} and {output['certificate']}")
    promised = {one["oid"]: one["value"] for one in output["certificate"]["extensions"]}
    arc = "1.3.6.1.4.1.57264.1."
    found = {one.oid.dotted_string: one.value.value for one in certificate.extensions if one.oid.dotted_string.startswith(arc)}
    expect(sorted(promised) == sorted(found), f"promised {sorted(promised)}, found {sorted(found)}")
    for oid, value in promised.items():
        expect(found[oid].endswith(value.encode()), f"{oid}: promised {value}, found {found[oid]}")


REFUSED = {
    "of another audience": (lambda here: here.partner.token(BOB, aud="other"), "audience", "T3"),
    "that has expired": (lambda here: here.partner.token(BOB, iat=1, exp=2), "times", "T4"),
    "with an unverified address": (lambda here: here.partner.token(BOB, email_verified=False), "claim", "E1"),
    "for a neighbour's name": (lambda here: here.partner.token(NEIGHBOUR), "grant", "E6"),
    "signed by another key": (lambda here: here.partner.token(BOB, key=here.neighbour.key), "signature", "T1"),
    "of an unknown issuer": (lambda here: here.partner.token(BOB, iss="https://issuer.invalid"), "issuer", "I2"),
}


def declare_refused(words, make, step, rule):
    @case(f"change: a token {words} is refused by {rule}, and explain says so beforehand")
    def refused(env):
        here = bench(env)
        token = make(here)
        output = here.explain_here(token)
        expect((output["refusal"]["step"], output["refusal"]["rule"]) == (step, rule), f"{output}")
        offline = here.explain(token, "--config", here.instance.config)
        expect(offline["refusal"]["rule"] == rule, f"from the configuration alone: {offline}")
        failed = must_refuse(here.cosign.sign(env.artifact, env.folder / "never.sigstore.json", token))
        if "Fulcio returned" in failed.text or "400" in failed.text:
            expect(f"(rule {rule})" in failed.text, f"the refusal does not name the rule\n{failed}")


for words, (make, step, rule) in REFUSED.items():
    declare_refused(words, make, step, rule)


@case("change: SIGHUP, a changed file and the API read the configuration again; a bad file keeps the old one")
def reloaded(env):
    here = bench(env)
    instance, login = here.instance, here.login()

    def granted(token):
        return here.explain_here(token)["verdict"] == "ACCEPT"

    def has_record(name):
        return json.loads(instance.get("/api/v2/configuration").body)["issuers"] and granted_by(name)

    def granted_by(domain):
        return granted(here.partner.token(f"bob@{domain}"))

    def write(domain):
        instance.config.write_text(here.config.replace('"partner.example"', f'"{domain}"'))

    try:
        write("by-file.example")
        here.wait_until("the changed file is in force", lambda: has_record("by-file.example"))
        expect(not granted(here.partner.token(BOB)), "the grant of before is still in force")
        write("by-api.example")
        output = instance.command("config", "reload", *login)
        expect("in force" in output and granted_by("by-api.example"), f"{output}")
        write("by-signal.example")
        instance.process.send_signal(signal.SIGHUP)
        here.wait_until("SIGHUP has the file read", lambda: granted_by("by-signal.example"))
        instance.config.write_text(
            "[listen]\ndrain_seconds = 3\n" + here.config.replace("[[issuers]]", "[[isuers]]", 1)
        )
        words = ["config", "reload", *map(str, login)]
        refused = subprocess.run([instance.binary, *words], capture_output=True, text=True, timeout=60, check=False)
        expect(refused.returncode == 1 and "isuers" in refused.stderr, f"{refused}")
        expect(granted_by("by-signal.example"), "a bad file changed what is in force")
        instance.config.write_text("[listen]\ndrain_seconds = 3\n" + here.config)
        refused = subprocess.run([instance.binary, *words], capture_output=True, text=True, timeout=60, check=False)
        expect("listen.drain_seconds: changing this needs a restart" in refused.stderr, f"{refused}")
    finally:
        instance.config.write_text(here.config)
        instance.command("config", "reload", *login)
    expect(granted(here.partner.token(BOB)), "the first configuration is not in force again")


@case("change: cosign with exported policy accepts whom the grants name, and no neighbour")
def exported(env):
    here = bench(env)
    origin = f'[instance]\norigin = "{here.instance.origin}"\n'
    config = here.instance.folder / "exported.toml"
    config.write_text(origin + here.config)
    local = ["--local-user", here.instance.EMAIL]
    text = here.instance.command("policy", "export", "--config", config, *local)
    commands = [line for line in text.splitlines() if line.startswith("cosign ")]
    expect(len(commands) == 3, text)
    for command in commands:
        expect("--certificate-identity" in command and "--certificate-oidc-issuer" in command, command)

    def signed(email, issuer):
        bundle = env.folder / f"policy-{email}.sigstore.json"
        must(here.cosign.sign(env.artifact, bundle, issuer.token(email)))
        return bundle

    def outcomes(bundle):
        said = []
        for command in commands:
            words = [
                word.replace("$BUNDLE", str(bundle)).replace("$FILE", str(env.artifact))
                for word in shlex.split(command)
            ]
            said.append(here.cosign.workstation.run(*words).code == 0)
        return said

    def position(issuer):
        return [issuer in command for command in commands]

    for email, issuer in [(BOB, here.partner), (NEIGHBOUR, here.neighbour)]:
        found = outcomes(signed(email, issuer))
        expect(found == position(issuer.iss), f"{email}: {found}\n{text}")
    bundle = env.folder / "policy-local.sigstore.json"
    must(here.cosign.sign(env.artifact, bundle))
    found = outcomes(bundle)
    expect(found == position(here.instance.issuer), f"{here.instance.EMAIL}: {found}\n{text}")


@case("change: users are added to a running instance, but not with an address that is somebody else's")
def users(env):
    here = bench(env)
    instance, login = here.instance, here.login()
    words = ["--password-file", instance.password_file]
    instance.command("user", "add", "eve@seal.example.com", *words, *login)
    who = ["--user", "eve@seal.example.com", "--password-file", instance.password_file]
    output = instance.command("login", "--server", instance.origin, *who, "--out", instance.folder / "eve")
    expect(output.strip() == "eve@seal.example.com: no role", output)
    argv = [instance.binary, "user", "add", BOB, *map(str, [*words, *login])]
    refused = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    expect(refused.returncode == 1 and "rule X1" in refused.stderr, f"{refused}")


@case("change: the cases of the rule set, one line a case")
def vectors(env):
    file = env.root / "tests/vectors/namespace-vectors.tsv"
    cases = [line.split("\t") for line in file.read_text().splitlines()[1:]]
    said = bench(env).instance.command("explain", "--vectors", file).splitlines()
    wanted = [f"{n}\t{expected}\t{rule.split(' ')[0]}" for n, _, expected, _, rule in cases]
    wrong = [f"{found!r}, not {line!r}" for found, line in zip(said, wanted) if found != line]
    expect(len(said) == len(wanted) and not wrong, "\n".join(wrong))
