"""A configuration that changes under a running house, explanations that agree with what the house does, and exported policy as
cosign reads it."""

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
    """A house with two issuers, each for a domain whose name begins like the other's."""

    def __init__(self, world):
        self.partner, self.neighbour = Issuer(), Issuer()
        both = issuer_section("partner", self.partner, "partner.example")
        self.config = both + issuer_section("neighbour", self.neighbour, "partner.example.net")
        self.house = world.build_house("changing", self.config)
        self.cosign = world.client("cosign", self.house)
        self.cosign.trust()

    def token_file(self, token):
        path = self.house.folder / f"token-{hashlib.sha256(token.encode()).hexdigest()[:8]}"
        path.write_text(token + "\n")
        return path

    def explain(self, token, *flags):
        told = self.house.command("explain", "--token", self.token_file(token), "--json", *flags)
        expect(token not in told, "the token is repeated")
        return json.loads(told)

    def explain_here(self, token):
        return self.explain(token, "--server", self.house.origin)

    def login(self):
        path = self.house.folder / "login"
        who = ["--user", self.house.EMAIL, "--password-file", self.house.password_file]
        told = self.house.command("login", "--server", self.house.origin, *who, "--out", path)
        expect(told.strip() == f"{self.house.EMAIL}: admin", f"the first user is no administrator: {told}")
        expect(path.stat().st_mode & 0o077 == 0, "others may read the login file")
        return ["--server", self.house.origin, "--login", path]

    def wait_until(self, what, is_so):
        ends = time.monotonic() + SETTLED_SECONDS
        while not is_so():
            expect(time.monotonic() < ends, f"after {SETTLED_SECONDS} seconds it is not so: {what}")
            time.sleep(0.2)


BENCHES = {}


def bench(world):
    if world not in BENCHES:
        BENCHES[world] = Bench(world)
    return BENCHES[world]


@case("change: what explain says is what the certificate says")
def explained_and_issued(world):
    here = bench(world)
    token = here.partner.token(BOB)
    told = here.explain_here(token)
    expect(told["verdict"] == "ACCEPT", f"{told}")
    expect(told["tokenSha256"] == hashlib.sha256(token.encode()).hexdigest(), "another token was explained")
    bundle = world.folder / "explained.sigstore.json"
    must(here.cosign.sign(world.artifact, bundle, token))
    raw = json.loads(bundle.read_text())["verificationMaterial"]["certificate"]["rawBytes"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(raw))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expect([name.value for name in names] == [told["certificate"]["name"]], f"{names} and {told['certificate']}")
    promised = {one["oid"]: one["value"] for one in told["certificate"]["extensions"]}
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
    def refused(world):
        here = bench(world)
        token = make(here)
        told = here.explain_here(token)
        expect((told["refusal"]["step"], told["refusal"]["rule"]) == (step, rule), f"{told}")
        offline = here.explain(token, "--config", here.house.config)
        expect(offline["refusal"]["rule"] == rule, f"from the configuration alone: {offline}")
        failed = must_refuse(here.cosign.sign(world.artifact, world.folder / "never.sigstore.json", token))
        if "Fulcio returned" in failed.text or "400" in failed.text:
            expect(f"(rule {rule})" in failed.text, f"the refusal does not name the rule\n{failed}")


for words, (make, step, rule) in REFUSED.items():
    declare_refused(words, make, step, rule)


@case("change: SIGHUP, a changed file and the API read the configuration again; a bad file keeps the old one")
def reloaded(world):
    here = bench(world)
    house, login = here.house, here.login()

    def granted(token):
        return here.explain_here(token)["verdict"] == "ACCEPT"

    def has_record(name):
        return json.loads(house.get("/api/v2/configuration").body)["issuers"] and granted_by(name)

    def granted_by(domain):
        return granted(here.partner.token(f"bob@{domain}"))

    def write(domain):
        house.config.write_text(here.config.replace('"partner.example"', f'"{domain}"'))

    try:
        write("by-file.example")
        here.wait_until("the changed file is in force", lambda: has_record("by-file.example"))
        expect(not granted(here.partner.token(BOB)), "the grant of before is still in force")
        write("by-api.example")
        told = house.command("config", "reload", *login)
        expect("in force" in told and granted_by("by-api.example"), f"{told}")
        write("by-signal.example")
        house.process.send_signal(signal.SIGHUP)
        here.wait_until("SIGHUP has the file read", lambda: granted_by("by-signal.example"))
        house.config.write_text("[listen]\ndrain_seconds = 3\n" + here.config.replace("[[issuers]]", "[[isuers]]", 1))
        words = ["config", "reload", *map(str, login)]
        refused = subprocess.run([house.binary, *words], capture_output=True, text=True, timeout=60, check=False)
        expect(refused.returncode == 1 and "isuers" in refused.stderr, f"{refused}")
        expect(granted_by("by-signal.example"), "a bad file changed what is in force")
        house.config.write_text("[listen]\ndrain_seconds = 3\n" + here.config)
        refused = subprocess.run([house.binary, *words], capture_output=True, text=True, timeout=60, check=False)
        expect("listen.drain_seconds: changing this needs a restart" in refused.stderr, f"{refused}")
    finally:
        house.config.write_text(here.config)
        house.command("config", "reload", *login)
    expect(granted(here.partner.token(BOB)), "the first configuration is not in force again")


@case("change: cosign with exported policy accepts whom the grants name, and no neighbour")
def exported(world):
    here = bench(world)
    origin = f'[house]\norigin = "{here.house.origin}"\n'
    config = here.house.folder / "exported.toml"
    config.write_text(origin + here.config)
    local = ["--local-user", here.house.EMAIL]
    text = here.house.command("policy", "export", "--config", config, *local)
    commands = [line for line in text.splitlines() if line.startswith("cosign ")]
    expect(len(commands) == 3, text)
    for command in commands:
        expect("--certificate-identity" in command and "--certificate-oidc-issuer" in command, command)

    def signed(email, issuer):
        bundle = world.folder / f"policy-{email}.sigstore.json"
        must(here.cosign.sign(world.artifact, bundle, issuer.token(email)))
        return bundle

    def outcomes(bundle):
        said = []
        for command in commands:
            words = [word.replace("$BUNDLE", str(bundle)).replace("$FILE", str(world.artifact)) for word in shlex.split(command)]
            said.append(here.cosign.desk.run(*words).code == 0)
        return said

    def position(issuer):
        return [issuer in command for command in commands]

    for email, issuer in [(BOB, here.partner), (NEIGHBOUR, here.neighbour)]:
        found = outcomes(signed(email, issuer))
        expect(found == position(issuer.iss), f"{email}: {found}\n{text}")
    bundle = world.folder / "policy-local.sigstore.json"
    must(here.cosign.sign(world.artifact, bundle))
    found = outcomes(bundle)
    expect(found == position(here.house.issuer), f"{here.house.EMAIL}: {found}\n{text}")


@case("change: users are added to a running house, but not with an address that is somebody else's")
def users(world):
    here = bench(world)
    house, login = here.house, here.login()
    words = ["--password-file", house.password_file]
    house.command("user", "add", "eve@house.example", *words, *login)
    who = ["--user", "eve@house.example", "--password-file", house.password_file]
    told = house.command("login", "--server", house.origin, *who, "--out", house.folder / "eve")
    expect(told.strip() == "eve@house.example: no role", told)
    argv = [house.binary, "user", "add", BOB, *map(str, [*words, *login])]
    refused = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    expect(refused.returncode == 1 and "rule X1" in refused.stderr, f"{refused}")


@case("change: the cases of the rule set, one line a case")
def vectors(world):
    file = world.root / "tests/vectors/namespace-vectors.tsv"
    cases = [line.split("\t") for line in file.read_text().splitlines()[1:]]
    said = bench(world).house.command("explain", "--vectors", file).splitlines()
    wanted = [f"{n}\t{expected}\t{rule.split(' ')[0]}" for n, _, expected, _, rule in cases]
    wrong = [f"{found!r}, not {line!r}" for found, line in zip(said, wanted) if found != line]
    expect(len(said) == len(wanted) and not wrong, "\n".join(wrong))
