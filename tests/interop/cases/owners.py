"""An owner brings an issuer (node oidc-provider) for a domain that BIND serves and signs; all of it from the command line."""

import functools
import re
import subprocess
import time

from harness import fulcio
from harness.case import case, expect
from harness.named import Named, ZoneKeys

ZONE = "corp.example"
OWNER = "owner@house.example"
CAROL = "carol@corp.example"


class Scene:
    """A house, two name servers, and somebody who looks after the domain."""

    def __init__(self, world):
        folder = world.folder / "owners"
        self.keys = ZoneKeys(folder / "keys", ZONE)
        self.servers = [Named(folder / f"named-{number}", ZONE, self.keys) for number in (1, 2)]
        for server in self.servers:
            server.serve()
            world.running.append(server)
        config = (
            f'[api]\nadmins = ["alice@example.com"]\nnamespace_owners = [{{ address = "{OWNER}", domains = ["{ZONE}"] }}]\n'
            f'[registration]\nresolvers = ["{self.servers[0].address}", "{self.servers[1].address}"]\nsystem_resolvers = false\n'
            f'trust_anchor_file = "{self.keys.anchor}"\ndanger_loopback_http = true\n'
            f"recheck_seconds = 2\nretry_seconds = 1\nconfirm_seconds = 2\n"
        )
        self.folder, self.issuer = folder, world.upstream
        self.house = world.build_house("owners-house", config)
        self.house.stop()
        self.house.command("user", "add", "--data", self.house.data, OWNER, "--password-file", self.house.password_file)
        self.house.start()
        self.logins = {who: self.log_in(who) for who in (OWNER, self.house.EMAIL)}

    def log_in(self, who):
        file = self.folder / f"{who}.token"
        words = ["login", "--server", self.house.origin, "--user", who, "--password-file", self.house.password_file, "--out", file]
        self.house.command(*words)
        return file

    def issuer_command(self, who, *words, code=0):
        words = [self.house.binary, "issuer", *words, "--server", self.house.origin, "--login", self.logins[who]]
        done = subprocess.run([*map(str, words)], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == code, f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    @functools.cached_property
    def asked(self):
        """The registration, and the record to publish, as the command line printed it."""
        told = self.issuer_command(OWNER, "request", "--domain", ZONE, "--issuer", self.issuer, "--kind", "email")
        name = re.search(r"Registration ([0-9a-f]{20})", told)
        record = re.search(r"^_sigstore-issuer\..* IN TXT .*$", told, re.MULTILINE)
        expect(name and record, told)
        return name[1], record[0]

    def publish(self, *records, **options):
        for server in self.servers:
            server.serve(*records, **options)

    def certificate(self, world):
        status, answer = fulcio.ask_certificate(self.house.origin, fulcio.request_by_key(world.upstream_token(CAROL)))
        return status, str(answer)


@functools.lru_cache
def scene(world):
    return Scene(world)


@case("owners: a record that BIND signed proves, an administrator approves, and oidc-provider's token gets a certificate")
def brings(world):
    here = scene(world)
    name, record = here.asked
    told = here.issuer_command(OWNER, "prove", name, code=1)
    expect("NXDOMAIN" in told and "there should be" in told, told)
    here.publish(record)
    told = here.issuer_command(OWNER, "prove", name)
    expect("signed" in told and "not signed" not in told and f"privyseal issuer approve {name}" in told, told)
    status, answer = here.certificate(world)
    expect(status == 400 and "I2" in answer, f"before the approval: {status} {answer}")
    told = here.issuer_command(OWNER, "approve", name, code=1)
    expect("rule ROLE" in told, told)
    here.issuer_command(here.house.EMAIL, "approve", name)
    status, answer = here.certificate(world)
    expect(status == 200, f"{status} {answer}")


@case("owners: a signature of BIND's that was spoiled proves nothing")
def spoiled(world):
    here = scene(world)
    name, record = here.asked
    here.publish(record, spoil=("kinds=email", "kinds=emall"))
    told = here.issuer_command(OWNER, "prove", name, code=1)
    expect("DNSSEC" in told, told)
    here.publish(record)
    here.issuer_command(OWNER, "prove", name)


@case("owners: frozen by its owner it gets no certificate, until it is proven again")
def freezes(world):
    here = scene(world)
    name, _ = here.asked
    here.issuer_command(OWNER, "freeze", name, "--reason", "a rehearsal")
    status, answer = here.certificate(world)
    expect(status == 400 and "I2" in answer, f"{status} {answer}")
    here.issuer_command(OWNER, "prove", name)
    status, answer = here.certificate(world)
    expect(status == 200, f"{status} {answer}")


@case("owners: a record that BIND no longer has freezes the registration by itself")
def vanishes(world):
    here = scene(world)
    name, _ = here.asked
    here.publish()
    for _ in range(300):
        told = here.issuer_command(OWNER, "show", name)
        if "state         frozen" in told:
            break
        time.sleep(0.1)
    expect("took its word back" in told, told)
    status, answer = here.certificate(world)
    expect(status == 400 and "I2" in answer, f"{status} {answer}")
    here.issuer_command(OWNER, "release", name, code=1)
    here.issuer_command(here.house.EMAIL, "release", name)
    told = here.issuer_command(OWNER, "list")
    expect("tombstoned" in told, told)
