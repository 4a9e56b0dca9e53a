"""An owner brings an issuer (node oidc-provider) for a domain that BIND serves and signs; all of it from the command line."""

import functools
import re
import subprocess
import time

from harness import fulcio
from harness.case import case, expect
from harness.named import Named, ZoneKeys

ZONE = "corp.example"
OWNER = "owner@seal.example.com"
CAROL = "carol@corp.example"


class Scene:
    """An instance, two name servers, and the owner of the domain."""

    def __init__(self, env):
        folder = env.folder / "owners"
        self.keys = ZoneKeys(folder / "keys", ZONE)
        self.servers = [Named(folder / f"named-{number}", ZONE, self.keys) for number in (1, 2)]
        for server in self.servers:
            server.serve()
            env.running.append(server)
        config = (
            f'[api]\nadmins = ["alice@example.com"]\nnamespace_owners = [{{ address = "{OWNER}", domains = ["{ZONE}"] }}]\n'
            f'[registration]\nresolvers = ["{self.servers[0].address}", "{self.servers[1].address}"]\nsystem_resolvers = false\n'
            f'trust_anchor_file = "{self.keys.anchor}"\ndanger_loopback_http = true\n'
            f"recheck_seconds = 2\nretry_seconds = 1\nconfirm_seconds = 2\n"
        )
        self.folder, self.issuer = folder, env.upstream
        self.instance = env.build_instance("owners-instance", config)
        self.instance.stop()
        self.instance.command(
            "user", "add", "--data", self.instance.data, OWNER, "--password-file", self.instance.password_file
        )
        self.instance.start()
        self.logins = {who: self.log_in(who) for who in (OWNER, self.instance.EMAIL)}

    def log_in(self, who):
        file = self.folder / f"{who}.token"
        login = ["--user", who, "--password-file", self.instance.password_file]
        self.instance.command("login", "--server", self.instance.origin, *login, "--out", file)
        return file

    def issuer_command(self, who, *words, code=0):
        words = [self.instance.binary, "issuer", *words, "--server", self.instance.origin, "--login", self.logins[who]]
        done = subprocess.run([*map(str, words)], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == code, f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    @functools.cached_property
    def asked(self):
        """The registration, and the record to publish, as the command line printed it."""
        output = self.issuer_command(OWNER, "request", "--domain", ZONE, "--issuer", self.issuer, "--kind", "email")
        name = re.search(r"Registration ([0-9a-f]{20})", output)
        record = re.search(r"^_sigstore-issuer\..* IN TXT .*$", output, re.MULTILINE)
        expect(name and record, output)
        return name[1], record[0]

    def publish(self, *records, **options):
        for server in self.servers:
            server.serve(*records, **options)

    def certificate(self, env):
        status, answer = fulcio.ask_certificate(self.instance.origin, fulcio.request_by_key(env.upstream_token(CAROL)))
        return status, str(answer)


@functools.lru_cache
def scene(env):
    return Scene(env)


@case("owners: a record that BIND signed proves, an administrator approves, and oidc-provider's token gets a certificate")
def brings(env):
    here = scene(env)
    name, record = here.asked
    output = here.issuer_command(OWNER, "prove", name, code=1)
    expect("NXDOMAIN" in output and "Publish this at" in output, output)
    here.publish(record)
    output = here.issuer_command(OWNER, "prove", name)
    expect("signed" in output and "not signed" not in output and f"privyseal issuer approve {name}" in output, output)
    status, answer = here.certificate(env)
    expect(status == 400 and "I2" in answer, f"before the approval: {status} {answer}")
    output = here.issuer_command(OWNER, "approve", name, code=1)
    expect("rule ROLE" in output, output)
    here.issuer_command(here.instance.EMAIL, "approve", name)
    status, answer = here.certificate(env)
    expect(status == 200, f"{status} {answer}")


@case("owners: a signature of BIND's that was spoiled proves nothing")
def spoiled(env):
    here = scene(env)
    name, record = here.asked
    here.publish(record, spoil=("kinds=email", "kinds=emall"))
    output = here.issuer_command(OWNER, "prove", name, code=1)
    expect("DNSSEC" in output, output)
    here.publish(record)
    here.issuer_command(OWNER, "prove", name)


@case("owners: frozen by its owner it gets no certificate, until it is proven again")
def freezes(env):
    here = scene(env)
    name, _ = here.asked
    here.issuer_command(OWNER, "freeze", name, "--reason", "a rehearsal")
    status, answer = here.certificate(env)
    expect(status == 400 and "I2" in answer, f"{status} {answer}")
    here.issuer_command(OWNER, "prove", name)
    status, answer = here.certificate(env)
    expect(status == 200, f"{status} {answer}")


@case("owners: a record that BIND no longer has freezes the registration by itself")
def vanishes(env):
    here = scene(env)
    name, _ = here.asked
    here.publish()
    for _ in range(300):
        output = here.issuer_command(OWNER, "show", name)
        if "state         frozen" in output:
            break
        time.sleep(0.1)
    expect("took its word back" in output, output)
    status, answer = here.certificate(env)
    expect(status == 400 and "I2" in answer, f"{status} {answer}")
    here.issuer_command(OWNER, "release", name, code=1)
    here.issuer_command(here.instance.EMAIL, "release", name)
    output = here.issuer_command(OWNER, "list")
    expect("tombstoned" in output, output)
