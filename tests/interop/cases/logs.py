"""The three logs as an auditor who is not ours sees them: tessera's fsck fetches every tile, rebuilds the tree from the entries and
compares it with the signed checkpoint."""

import base64
import hashlib
import json

from harness.case import case, expect
from harness.environment import CLIENTS
from harness.program import must


def verifier_key(name, spki):
    """The note verifier key of an ECDSA log: algorithm 2, key hash over the SubjectPublicKeyInfo."""
    key_hash = hashlib.sha256(spki).hexdigest()[:8]
    algorithm_and_key = base64.b64encode(b"\x02" + spki).decode()
    return f"{name}+{key_hash}+{algorithm_and_key}"


def published_keys(instance, list_name):
    root = json.loads((instance.trust_files() / "trusted_root.json").read_bytes())
    return [base64.b64decode(log["publicKey"]["rawBytes"]) for log in root[list_name]]


def check(env, instance, path, spki):
    checkpoint = instance.get(f"{path}/checkpoint")
    expect(checkpoint.status == 200, f"{path}/checkpoint answers {checkpoint.status}")
    name, size = checkpoint.body.decode().split("\n")[:2]
    expect(int(size) > 0, "the log is empty: nothing was checked")
    workstation = env.workstation(instance, ["bin"])
    (workstation.folder / "log.vkey").write_text(verifier_key(name, spki))
    argv = ["fsck", "--ui=false", "--logtostderr", "-v=1", "--storage_url", instance.origin + path + "/"]
    done = workstation.run(*argv, "--public_key", "log.vkey")
    # It ends with 0 whatever it finds, and says so only in its log.
    expect(done.code == 0 and "fsck failed" not in done.text and "ompleted" in done.text, str(done))
    return int(size)


@case("log: fsck takes the signature log")
def signatures(env):
    for name in CLIENTS:
        env.bundle(name, "blob")
    check(env, env.instance, "/api/v2", published_keys(env.instance, "tlogs")[0])


@case("log: fsck takes the certificate log")
def certificates(env):
    check(env, env.instance, "/ct", published_keys(env.instance, "ctlogs")[0])


@case("log: fsck takes the audit log, where it is served")
def audit(env):
    instance = env.guarded_instance
    # Its key stands in no Sigstore document: the operator hands it to the auditor.
    key = ["-in", instance.data / "keys/audit-log.pem", "-passin", f"file:{instance.data / 'key-file'}"]
    out = env.folder / "audit.der"
    must(env.workstation(instance, []).run("openssl", "pkey", *key, "-pubout", "-outform", "DER", "-out", out))
    check(env, instance, "/audit", out.read_bytes())


@case("log: the audit log is not served unless asked for")
def no_audit(env):
    answer = env.instance.get("/audit/checkpoint")
    expect(answer.status == 404, f"/audit/checkpoint answers {answer.status}")


@case("log: privyseal audit verify agrees, while the instance is stopped")
def offline(env):
    instance = env.build_instance("audited")
    client = env.client("sigstore-python", instance)
    client.trust()
    must(client.sign(env.artifact, env.folder / "audited.sigstore.json"))
    status = instance.stop()
    expect(status == 0, f"SIGTERM ended it with {status}")
    instance.command("audit", "verify", "--data", instance.data)
