"""Our own strict verifier takes what every client makes and nothing else; `privyseal demo` ends well, and the commands that it prints
are the ones that verify what it left."""

import re

from harness.case import case, expect
from harness.program import must, must_refuse, program
from harness.environment import CLIENTS

PROGRAMS = {"cosign": "cosign", "sigstore": "sigstore-python", "openssl": "cosign"}


def verify(world, bundle, identity=None, issuer=None, artifact=None):
    trusted_root = world.house.trust_files() / "trusted_root.json"
    argv = [world.binary, "verify", "--bundle", bundle, "--trusted-root", trusted_root]
    who = ["--identity", identity or world.house.EMAIL, "--issuer", issuer or world.house.issuer]
    return program([*argv, *who, artifact or world.artifact], {}, world.folder)


def declare_verifying(signer, kind):
    @case(f"verify: privyseal takes the {kind} of {signer}")
    def verifies(world):
        must(verify(world, world.bundle(signer, kind)))


for each_kind in ("blob", "attestation"):
    for each_signer in CLIENTS:
        declare_verifying(each_signer, each_kind)


@case("verify: privyseal refuses another name, another issuer and another artifact")
def refuses(world):
    bundle = world.bundle("cosign", "blob")
    must_refuse(verify(world, bundle, identity="mallory@example.com"), "not for")
    must_refuse(verify(world, bundle, issuer="https://issuer.example"), "the identity comes from")
    must_refuse(verify(world, bundle, artifact=world.other_artifact), "digest")


@case("demo: ends well, and the commands that it prints verify what it left")
def demo(world):
    folder = world.folder / "demo"
    done = must(program([world.binary, "demo", "--out", folder, world.artifact], {"PATH": "/usr/bin:/bin"}, world.folder))
    commands = re.findall(r"^  ((?:cosign|sigstore|openssl) (?:.*\\\n)?.*)$", done.stdout, re.MULTILINE)
    expect(len(commands) == 4, f"the demo printed {len(commands)} commands\n{done}")
    for command in commands:
        client = world.client(PROGRAMS[command.split()[0]])
        must(client.desk.run("sh", "-c", command))
