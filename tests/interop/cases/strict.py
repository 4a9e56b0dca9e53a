"""Our own strict verifier takes what every client makes and nothing else; `privyseal demo` ends well, and the commands that it prints
are the ones that verify what it left."""

import re

from harness.case import case, expect
from harness.environment import CLIENTS
from harness.program import must, must_refuse, program

PROGRAMS = {"cosign": "cosign", "sigstore": "sigstore-python", "openssl": "cosign"}


def verify(env, bundle, identity=None, issuer=None, artifact=None):
    trusted_root = env.instance.trust_files() / "trusted_root.json"
    argv = [env.binary, "verify", "--bundle", bundle, "--trusted-root", trusted_root]
    who = ["--identity", identity or env.instance.EMAIL, "--issuer", issuer or env.instance.issuer]
    return program([*argv, *who, artifact or env.artifact], {}, env.folder)


def declare_verifying(signer, kind):
    @case(f"verify: privyseal takes the {kind} of {signer}")
    def verifies(env):
        must(verify(env, env.bundle(signer, kind)))


for each_kind in ("blob", "attestation"):
    for each_signer in CLIENTS:
        declare_verifying(each_signer, each_kind)


@case("verify: privyseal refuses another name, another issuer and another artifact")
def refuses(env):
    bundle = env.bundle("cosign", "blob")
    must_refuse(verify(env, bundle, identity="mallory@example.com"), "not for")
    must_refuse(verify(env, bundle, issuer="https://issuer.example"), "the identity was authenticated by")
    must_refuse(verify(env, bundle, artifact=env.other_artifact), "digest")


@case("demo: ends well, and the commands that it prints verify what it left")
def demo(env):
    folder = env.folder / "demo"
    done = must(program([env.binary, "demo", "--out", folder, env.artifact], {"PATH": "/usr/bin:/bin"}, env.folder))
    commands = re.findall(r"^  ((?:cosign|sigstore|openssl) (?:.*\\\n)?.*)$", done.stdout, re.MULTILINE)
    expect(len(commands) == 4, f"the demo printed {len(commands)} commands\n{done}")
    for command in commands:
        client = env.client(PROGRAMS[command.split()[0]])
        must(client.workstation.run("sh", "-c", command))
