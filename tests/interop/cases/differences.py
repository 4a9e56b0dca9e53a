"""Our authority beside OpenSSL's own (`openssl ts -reply`): the same requests, and each difference with its reason. And both readers on
all that we issue: they must agree on every field."""

import json
import re
import subprocess
from datetime import datetime, timezone

from harness.case import case, expect
from harness.program import must
from harness.timestamp import QUERY, Timestamp
from harness.web import http

# Rule of tests/vectors/tsa/requests.tsv → what OpenSSL answers where we answer otherwise, and why. docs/divergences.md has them too.
DIFFERENCES = {
    "Q1 trailing octet": ("granted", "RFC 3161 §2.4.1 knows one TimeStampReq and nothing after it"),
    "Q1 indefinite length": ("granted", "BER is not DER; what a hash or a log covers must be one encoding"),
    "Q1 long-form length": ("granted", "as above"),
    "Q1 certReq encoded FALSE": ("granted", "DER leaves a DEFAULT out (X.690 §11.5)"),
    "Q1 certReq not 0xff": ("granted", "DER knows one TRUE (X.690 §11.1)"),
    "Q1 empty extensions": ("granted", "Extensions has one element at least (RFC 5280 §4.1)"),
    "Q3 too many arcs": ("badAlg", "an identifier of more than 32 arcs is refused before it is compared: reading such was a denial of service"),
    "Q4 NULL with contents": ("badDataFormat", "it stands where parameters stand, and parameters other than NULL are badAlg"),
    "Q6 policy with too many arcs": ("unacceptedPolicy", "as above"),
    "Q6 policy with a huge arc": ("unacceptedPolicy", "as above, with arcs of more than 63 bits"),
    "Q7 qualified statement": ("unacceptedExtension", "we know this extension, and this unit does not make the statement"),
    "Q7 another statement": ("unacceptedExtension", "we know this extension, and not the statement"),
    "Q7 qualified statement twice": ("unacceptedExtension", "an extension stands there once (RFC 5280 §4.2)"),
    "Q8 nonce of 65 octets": ("granted", "a cap: every client sends 8 to 20 octets"),
}
CONFIG = """
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = tsa.pem
signer_digest = sha256
default_policy = 0.4.0.2023.1.1
digests = sha256, sha384, sha512, sha3-256, sha3-384, sha3-512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
KEY = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/O=interop/CN=tsa" -keyout tsa.key -out tsa.pem \\
  -addext extendedKeyUsage=critical,timeStamping -addext keyUsage=critical,digitalSignature -addext basicConstraints=critical,CA:FALSE
echo 01 >serial
"""


def inspected(env, file):
    done = subprocess.run([env.binary, "tsa", "inspect", "--json", file], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"privyseal tsa inspect {file}\n{done.stderr}")
    return json.loads(done.stdout)


def verdict(seen):
    status = seen["status"]
    return "granted" if status["status"] == 0 else "+".join(status["failures"])


def openssl_verdict(env, workstation, query):
    reply = workstation.folder / "openssl.tsr"
    reply.unlink(missing_ok=True)
    workstation.run("openssl", "ts", "-reply", "-queryfile", query, "-config", "tsa.cnf", "-out", reply)
    return verdict(inspected(env, reply)) if reply.exists() and reply.stat().st_size else "no answer"


def our_verdict(env, workstation, query):
    answer = http(env.instance.origin + "/tsa", query.read_bytes(), QUERY)
    reply = workstation.folder / "ours.tsr"
    reply.write_bytes(answer.body)
    return verdict(inspected(env, reply))


@case("differences: the requests of every rule, against openssl ts -reply")
def requests(env):
    workstation = env.workstation(env.instance, [])
    (workstation.folder / "tsa.cnf").write_text(CONFIG)
    must(workstation.run("bash", "-euc", KEY))
    surprises = []
    for line in (env.root / "tests/vectors/tsa/requests.tsv").read_text().splitlines():
        rule, _, request = line.split("\t")
        query = workstation.folder / "query.tsq"
        query.write_bytes(bytes.fromhex(request))
        ours, theirs = our_verdict(env, workstation, query), openssl_verdict(env, workstation, query)
        expected = DIFFERENCES.get(rule)
        if (ours != theirs) != (expected is not None) or (expected and theirs != expected[0]):
            surprises.append(f"{rule}: ours {ours}, OpenSSL's {theirs}, expected {expected}")
    expect(not surprises, "\n".join(surprises))


def fields_of_text(text):
    """What `openssl ts -reply -text` shows, in the words of our reader."""

    def after(name):
        found = re.search(rf"^{name}: (.*)$", text, re.MULTILINE)
        return found[1].strip() if found else None

    number = lambda shown: None if shown in (None, "unspecified") else int(shown, 16)
    accuracy = re.search(r"^Accuracy: (\S+) seconds, (\S+) millis, (\S+) micros$", text, re.MULTILINE)
    parts = [0 if part == "unspecified" else int(part, 16) for part in accuracy.groups()]
    when = re.sub(r"\.\d+", "", after("Time stamp"))
    dump = re.search(r"^Message data:\n((?:    .*\n)+)", text, re.MULTILINE)[1]
    octets = "".join(re.sub(r"[^0-9a-f]", "", line[11:60]) for line in dump.splitlines())
    return {
        "policy": after("Policy OID"),
        "hash": after("Hash Algorithm"),
        "imprint": octets,
        "serial": number(after("Serial number")),
        "time": datetime.strptime(when, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=timezone.utc),
        "accuracy": parts[0] * 1_000_000 + parts[1] * 1_000 + parts[2],
        "ordering": after("Ordering") == "yes",
        "nonce": number(after("Nonce")),
    }


def fields_of_inspection(info):
    names = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
    names |= {"2.16.840.1.101.3.4.2.8": "sha3-256", "2.16.840.1.101.3.4.2.9": "sha3-384", "2.16.840.1.101.3.4.2.10": "sha3-512"}
    oid = re.search(r"\(([\d.]+)\)", info["hash_algorithm"])
    return {
        "policy": info["policy"],
        "hash": names[oid[1] if oid else info["hash_algorithm"]],
        "imprint": info["imprint"],
        "serial": int(info["serial"], 16),
        "time": datetime.strptime(info["gen_time"], "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc),
        "accuracy": info["accuracy_us"],
        "ordering": info["ordering"],
        "nonce": int(info["nonce"], 16) if info["nonce"] else None,
    }


def declare(kind):
    @case(f"differences: OpenSSL and our reader agree on every field of a token, {kind}")
    def agree(env):
        unit = env.unit(kind)
        serials = set()
        for digest in ("sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"):
            for certificates in (True, False):
                for nonce in (True, False):
                    stamp = Timestamp(env.workstation(unit.instance, []), env.artifact, digest, certificates, nonce)
                    stamp.ask(unit.path)
                    theirs = fields_of_text(stamp.text())
                    token = inspected(env, stamp.reply_file)["token"]
                    ours = fields_of_inspection(token["info"])
                    expect(ours == theirs, f"{digest}: ours {ours}\nOpenSSL's {theirs}")
                    expect(bool(token["certificates"]) == certificates, f"{len(token['certificates'])} certificates")
                    expect((ours["nonce"] is not None) == nonce, f"nonce {ours['nonce']}")
                    serials.add(ours["serial"])
                    chain = [env.binary, "tsa", "verify", "--root", unit.root, "--untrusted", unit.below]
                    must(stamp.workstation.run(*chain, "--query", stamp.query_file, stamp.reply_file))
        expect(len(serials) == 24, "a serial number came twice")


for each in ("p384", "p256", "rsa3072"):
    declare(each)
