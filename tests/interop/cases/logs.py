"""The three logs as an auditor who is not ours sees them: tessera's fsck fetches every tile, rebuilds the tree from the entries and
compares it with the signed checkpoint."""

import base64
import hashlib
import json

from harness.case import case, expect
from harness.program import must
from harness.environment import CLIENTS


def verifier_key(name, spki):
    """The note verifier key of an ECDSA log: algorithm 2, key hash over the SubjectPublicKeyInfo."""
    key_hash = hashlib.sha256(spki).hexdigest()[:8]
    algorithm_and_key = base64.b64encode(b"\x02" + spki).decode()
    return f"{name}+{key_hash}+{algorithm_and_key}"


def published_keys(house, list_name):
    root = json.loads((house.trust_files() / "trusted_root.json").read_bytes())
    return [base64.b64decode(log["publicKey"]["rawBytes"]) for log in root[list_name]]


def check(world, house, path, spki):
    checkpoint = house.get(f"{path}/checkpoint")
    expect(checkpoint.status == 200, f"{path}/checkpoint answers {checkpoint.status}")
    name, size = checkpoint.body.decode().split("\n")[:2]
    expect(int(size) > 0, "the log is empty: nothing was checked")
    desk = world.desk(house, ["bin"])
    (desk.folder / "log.vkey").write_text(verifier_key(name, spki))
    argv = ["fsck", "--ui=false", "--logtostderr", "-v=1", "--storage_url", house.origin + path + "/"]
    done = desk.run(*argv, "--public_key", "log.vkey")
    # It ends with 0 whatever it finds, and says so only in its log.
    expect(done.code == 0 and "fsck failed" not in done.text and "ompleted" in done.text, str(done))
    return int(size)


@case("log: fsck takes the signature log")
def signatures(world):
    for name in CLIENTS:
        world.bundle(name, "blob")
    check(world, world.house, "/api/v2", published_keys(world.house, "tlogs")[0])


@case("log: fsck takes the certificate log")
def certificates(world):
    check(world, world.house, "/ct", published_keys(world.house, "ctlogs")[0])


@case("log: fsck takes the audit log, where it is served")
def audit(world):
    house = world.guarded_house
    # Its key stands in no Sigstore document: whoever runs the house hands it to the auditor.
    key = ["-in", house.data / "keys/audit-log.pem", "-passin", f"file:{house.data / 'key-file'}"]
    out = world.folder / "audit.der"
    must(world.desk(house, []).run("openssl", "pkey", *key, "-pubout", "-outform", "DER", "-out", out))
    check(world, house, "/audit", out.read_bytes())


@case("log: the audit log is not served unless asked for")
def no_audit(world):
    answer = world.house.get("/audit/checkpoint")
    expect(answer.status == 404, f"/audit/checkpoint answers {answer.status}")


@case("log: privyseal audit verify agrees, the house being closed")
def offline(world):
    house = world.build_house("audited")
    client = world.client("sigstore-python", house)
    client.trust()
    must(client.sign(world.artifact, world.folder / "audited.sigstore.json"))
    status = house.stop()
    expect(status == 0, f"SIGTERM ended it with {status}")
    house.command("audit", "verify", "--data", house.data)
