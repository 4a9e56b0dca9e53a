"""Timestamp units, keys in a token, and revocation, as openssl, SoftHSM and zlint see them."""

import base64
import functools
import os
import re
import subprocess
import time

from harness.case import case, expect
from harness.enterprise import PASSPHRASE, Enterprise, pem
from harness.environment import free_port
from harness.hsm import KINDS, Token
from harness.instance import Instance
from harness.program import must, must_refuse, program
from harness.time_servers import FakeClock
from harness.timestamp import Timestamp
from harness.web import http

ALGORITHMS = tuple(KINDS)


def run(*words, **options):
    return program(words, os.environ | options, "/")


class Revoking:
    """An instance whose certificates name addresses, with a unit of each kind in files and in the token, and its CA key
    in it."""

    def __init__(self, env):
        self.token = Token(env.folder / "hsm", {"issuing": KINDS["p384"]})
        port = free_port()
        self.plain = f"http://127.0.0.1:{free_port()}"
        config = (
            f'[keys]\nissuing_ca = "{self.token.uri("issuing")}"\n'
            f'[revocation]\norigin = "{self.plain}"\nlisten = "{self.plain[7:]}"\n'
        )
        folder = env.folder / "revoking"
        self.instance = Instance(env.binary, folder, config, listen=f"127.0.0.1:{port}")
        who = ["--user", Instance.EMAIL, "--password-file", self.instance.password_file]
        self.command("init", *who)
        for algorithm in ALGORITHMS:
            self.command("tsa", "unit", "add", f"file-{algorithm}", "--algorithm", algorithm)
            key = self.token.uri(algorithm)
            self.command("tsa", "unit", "add", f"token-{algorithm}", "--algorithm", algorithm, "--key", key)
        env.running.append(self.instance.start())
        self.root = self.instance.data / "certificates" / "root-ca.pem"

    def command(self, *words):
        return self.instance.command(*words, "--data", self.instance.data, "--config", self.instance.config)

    def refused(self, *words):
        return run(self.instance.binary, *words, "--data", self.instance.data)

    def restart(self):
        self.instance.stop()
        self.instance.start()

    def leaf(self, unit):
        file = self.instance.folder / f"{unit}.pem"
        file.write_bytes(self.instance.get(f"/tsa/{unit}/certchain").body)
        return file

    def crl(self):
        file = self.instance.folder / "root-ca.crl"
        file.write_bytes(http(self.plain + "/crl/root-ca.crl").body)
        pem = self.instance.folder / "root-ca.crl.pem"
        must(run("openssl", "crl", "-inform", "DER", "-in", file, "-out", pem, "-CAfile", self.root, "-verify"))
        return pem

    def ocsp(self, leaf, *words):
        url = self.plain + "/ocsp"
        done = run("openssl", "ocsp", *words, "-issuer", self.root, "-cert", leaf, "-url", url, "-CAfile", self.root)
        expect("Response verify OK" in must(done).text, str(done))
        return done.text


@functools.lru_cache
def revoking(env):
    return Revoking(env)


def stamped(env, unit):
    here = revoking(env)
    stamp = Timestamp(env.workstation(here.instance, []), env.artifact)
    stamp.ask(f"/tsa/{unit}")
    return stamp


for where in ("file", "token"):
    for algorithm in ALGORITHMS:

        @case(f"units: openssl verifies a token of a {algorithm} key in a {where}")
        def verifies(env, unit=f"{where}-{algorithm}"):
            stamped(env, unit).must_verify(revoking(env).root)


@case("units: cosign verifies what an issuing key in a token certified")
def cosign(env):
    instance = revoking(env).instance
    client, bundle = env.trusting("cosign", instance), instance.folder / "cosign.bundle"
    must(client.sign(env.artifact, bundle, env.trusting("sigstore-python", instance).identity_token()))
    must(client.verify(env.artifact, bundle, Instance.EMAIL, instance.issuer))
    must_refuse(client.verify(env.other_artifact, bundle, Instance.EMAIL, instance.issuer))


@case("units: a wrong PIN, a missing key, a key of another kind and a missing token are distinguished")
def refusals(env):
    here = revoking(env)
    here.instance.stop()
    try:
        # Without the configuration: it would log in with the right PIN first, and a process logs in to a token once.
        for uri, algorithm, reason in (
            (here.token.uri("p384", here.token.bad_pin), "p384", "refused the PIN"),
            (here.token.uri("nobody"), "p384", "0 private keys"),
            (here.token.uri("p256"), "p384", "of another kind"),
            (here.token.uri("p384", token="elsewhere"), "p384", "no token `elsewhere`"),
        ):
            must_refuse(here.refused("tsa", "unit", "add", "no", "--algorithm", algorithm, "--key", uri), reason)
        # The certificate of the issuing authority is for another key: nothing takes the key's place.
        text = here.instance.config.read_text()
        here.instance.config.write_text(text.replace("object=issuing", "object=p384"))
        must_refuse(here.refused("up", "--listen", "127.0.0.1:0", "--config", here.instance.config), "does not belong")
        here.instance.config.write_text(text)
    finally:
        here.instance.start()


@case("units: a token that vanishes stops its units and comes back by itself")
def reconnects(env):
    here = revoking(env)
    aside = here.token.tokens.with_name("aside")
    here.token.tokens.rename(aside)
    here.token.tokens.mkdir()
    stamp = stamped(env, "token-p384")
    expect("the request cannot be handled due to system failure" in stamp.text(), stamp.text())
    stamped(env, "file-p384").must_verify(here.root)
    expect(here.instance.get("/readyz").status == 503, "ready without its token")
    here.token.tokens.rmdir()
    aside.rename(here.token.tokens)
    stamped(env, "token-p384").must_verify(here.root)


@case("units: an enterprise's own chain serves in any order, and ends with its certificate; one with a gap does not begin")
def own_chain(env):
    folder, enterprise = env.folder / "own-chain", Enterprise()
    folder.mkdir()
    config = (
        f'[[timestamps.units]]\nname = "corporate"\nalgorithm = "p256"\ncertificate_chain_file = "{folder}/chain.pem"\n'
        f'key = "{folder}/key.pem"\nkey_passphrase_file = "{folder}/pass"\n'
    )
    (folder / "key.pem").write_bytes(enterprise.key())
    (folder / "pass").write_text(PASSPHRASE + "\n")
    for file in ("key.pem", "pass"):
        (folder / file).chmod(0o600)
    (folder / "root.pem").write_bytes(pem(enterprise.root))
    instance = Instance(env.binary, folder / "instance", config)
    life = 15
    unit, ends = enterprise.certify("unit", "intermediate", life), time.time() + life
    above = (enterprise.intermediate, enterprise.root)
    chain = folder / "chain.pem"
    check = (env.binary, "config", "check", instance.config)
    for who, certificates, reason in (
        ("unit", (unit, enterprise.root), "whose certificate is missing"),
        ("unit", above, "none of the certificates is for the key"),
        ("other", (unit, *above), "none of the certificates is for the key"),
        ("unit", (unit, *above, Enterprise().root), "is on no path from the key's certificate to a root"),
    ):
        (folder / "key.pem").write_bytes(enterprise.key(who))
        chain.write_bytes(pem(*certificates))
        must_refuse(run(*check), reason)
    (folder / "key.pem").write_bytes(enterprise.key())
    # In no order, with a second way up that ends earlier.
    chain.write_bytes(pem(enterprise.root, enterprise.cross, unit, enterprise.old_root, enterprise.intermediate))
    must(run(*check))
    env.running.append(instance.start())
    served = instance.get("/tsa/corporate/certchain").body
    expect(served == pem(unit, *above), f"the chain is another\n{served.decode()}")
    stamp = Timestamp(env.workstation(instance, []), env.artifact)
    stamp.ask("/tsa/corporate")
    stamp.must_verify(folder / "root.pem")
    expect(instance.get("/readyz").status == 200, "not ready")
    time.sleep(max(0, ends + 1 - time.time()))
    stamp.ask("/tsa/corporate")
    expect("the request cannot be handled due to system failure" in stamp.text(), stamp.text())
    expect(instance.get("/readyz").status == 503, "ready with a certificate that has ended")
    instance.stop()
    must_refuse(
        run(instance.binary, "up", "--data", instance.data, "--config", instance.config, "--listen", "127.0.0.1:0"),
        "may sign from",
    )


@case("units: zlint finds nothing to warn of in unit certificates")
def lints(env):
    for unit in [f"file-{algorithm}" for algorithm in ALGORITHMS]:
        leaf = revoking(env).leaf(unit)
        done = must(run(env.cache / "bin" / "zlint", leaf))
        findings = re.findall(r'"(\w+)":\{"result":"(?:warn|error|fatal)"', done.stdout)
        expect(not findings, f"{unit}: {findings}")


@case("revocation: openssl reads list and answers, by POST and by GET")
def good(env):
    here = revoking(env)
    leaf, crl = here.leaf("file-p384"), here.crl()
    must(run("openssl", "verify", "-crl_check_all", "-CRLfile", crl, "-CAfile", here.root, leaf))
    issuing = here.instance.data / "certificates" / "issuing-ca.pem"
    must(run("openssl", "verify", "-crl_check_all", "-CRLfile", crl, "-CAfile", here.root, issuing))
    must(run("openssl", "verify", "-crl_check", "-crl_download", "-CAfile", here.root, leaf))
    expect(f"{leaf}: good" in here.ocsp(leaf), "not good")
    expect(f"{leaf}: good" in here.ocsp(leaf, "-sha256", "-no_nonce"), "not good by SHA-256")
    unknown = run(
        *("openssl", "ocsp", "-issuer", here.root, "-serial", "0x1234", "-url", here.plain + "/ocsp", "-CAfile", here.root)
    )
    expect("0x1234: unknown" in must(unknown).text, str(unknown))
    query, answer = here.instance.folder / "ocsp.req", here.instance.folder / "ocsp.res"
    must(run("openssl", "ocsp", "-issuer", here.root, "-cert", leaf, "-no_nonce", "-reqout", query))
    got = http(here.plain + "/ocsp/" + base64.b64encode(query.read_bytes()).decode())
    expect("max-age=" in got.headers["Cache-Control"] and got.headers["Expires"], str(got.headers))
    answer.write_bytes(got.body)
    words = ["-respin", answer, "-issuer", here.root, "-cert", leaf, "-CAfile", here.root, "-no_nonce"]
    done = must(run("openssl", "ocsp", *words))
    expect(f"{leaf}: good" in done.text, str(done))


for algorithm in ALGORITHMS:

    @case(f"revocation: pyHanko keeps the status of a {algorithm} unit in a PDF, and requires it")
    def pdf(env, unit=f"file-{algorithm}"):
        here = revoking(env)
        script = env.root / "tests" / "interop" / "clients" / "pdf_ltv.py"
        python = env.cache / "python" / "bin" / "python"
        must(run(python, script, f"{here.instance.origin}/tsa/{unit}", here.root))


@case("revocation: Notation signs only after it heard that the unit's certificate is good")
def notation(env):
    here = revoking(env)
    asked = [env.cache / "bin" / "notation-stamp", f"{here.instance.origin}/tsa/file-p384", here.root]
    done = must(run(*asked))
    expect("of 2 certificates: OK" in done.text, str(done))


@case("revocation: a revoked unit is on the list with its reason, and serves no more")
def revoked(env):
    here = revoking(env)
    leaf = here.leaf("file-p256")
    serial = must(run("openssl", "x509", "-in", leaf, "-noout", "-serial")).stdout.strip().split("=")[1]
    here.instance.stop()
    here.command("ca", "revoke", serial, "--reason", "superseded")
    must_refuse(here.refused("ca", "revoke", serial, "--reason", "superseded"), "revoked already")
    must_refuse(here.refused("ca", "revoke", "1234", "--reason", "superseded"), "issued no certificate")
    here.instance.start()
    said = here.ocsp(leaf)
    expect(f"{leaf}: revoked" in said and "Reason: superseded" in said, said)
    text = must(run("openssl", "crl", "-in", here.crl(), "-noout", "-text")).stdout
    expect(serial in text and "Superseded" in text, text)
    must_refuse(run("openssl", "verify", "-crl_check_all", "-CRLfile", here.crl(), "-CAfile", here.root, leaf), "revoked")
    expect("Rejected" in stamped(env, "file-p256").text(), "it still serves")


@case("revocation: list and answers go on past a certificate's last day, and so do its timestamps")
def past_expiry(env):
    """An instance of ten days ago, with units whose certificates lived for two."""
    folder, plain = env.folder / "past-expiry", f"127.0.0.1:{free_port()}"
    config = (
        f'[revocation]\norigin = "http://{plain}"\nlisten = "{plain}"\n'
        "[timestamps]\ncertificate_days = 2\nkey_days = 1\nautomatic_rollover = false\n"
    )
    (env.folder / "past-expiry-clock").mkdir()
    clock = FakeClock(env.cache, env.folder / "past-expiry-clock")
    clock.set("-864000")
    instance = Instance(env.binary, folder, config, units=("p256", "p384"), variables=clock.variables).start()
    env.running.append(instance)
    root, chains = instance.data / "certificates" / "root-ca.pem", {}
    stamp = Timestamp(env.workstation(instance, []), env.artifact)
    stamp.ask("/tsa/p256")
    for unit in ("p384", "p256"):
        chains[unit] = folder / f"{unit}.pem"
        chains[unit].write_bytes(instance.get(f"/tsa/{unit}/certchain").body)
    serial = must(run("openssl", "x509", "-in", chains["p256"], "-noout", "-serial")).stdout.strip().split("=")[1]
    instance.stop()
    instance.command(
        "ca", "revoke", serial, "--reason", "superseded", "--data", instance.data, "--config", instance.config
    )
    clock.set("+0")
    instance.start()
    for unit, status in (("p384", "good"), ("p256", "revoked")):
        must_refuse(run("openssl", "x509", "-in", chains[unit], "-noout", "-checkend", "0"), "will expire")
        asked = ["-issuer", root, "-cert", chains[unit], "-url", f"http://{plain}/ocsp", "-CAfile", root, "-resp_text"]
        said = must(run("openssl", "ocsp", *asked)).text
        expect(f"{chains[unit]}: {status}" in said and "Response verify OK" in said and "Archive Cutoff" in said, said)
    crl = folder / "root-ca.crl"
    crl.write_bytes(http(f"http://{plain}/crl/root-ca.crl").body)
    text = must(run("openssl", "crl", "-inform", "DER", "-in", crl, "-noout", "-text")).stdout
    # 2.5.29.60 is expiredCertsOnCRL.
    expect(serial in text and "Superseded" in text and ("2.5.29.60" in text or "Expired Certificates" in text), text)
    # Its key's time is over, and none follows by itself.
    stale = Timestamp(env.workstation(instance, []), env.artifact)
    stale.ask("/tsa/p384")
    expect("the request cannot be handled due to system failure" in stale.text(), stale.text())
    # The timestamp from when the certificate was valid verifies by the time in it, which openssl is given.
    must(run(instance.binary, "tsa", "verify", "--root", root, "--query", stamp.query_file, stamp.reply_file))
    words = ["-in", stamp.reply_file, "-queryfile", stamp.query_file, "-CAfile", root]
    must_refuse(run("openssl", "ts", "-verify", *words), "certificate has expired")
    then = str(int(time.time()) - 864_000)
    expect("Verification: OK" in must(run("openssl", "ts", "-verify", *words, "-attime", then)).text, "not by the time in it")
    instance.stop()
    instance.command("tsa", "unit", "next", "p384", "--now", "--data", instance.data, "--config", instance.config)
    instance.start()
    deadline = time.monotonic() + 60
    while "Granted" not in stale.text():
        expect(time.monotonic() < deadline, f"its next key does not sign\n{stale.text()}")
        time.sleep(0.5)
        stale.ask("/tsa/p384")
    stale.must_verify(root)


@case("units: the next key takes over, and what the last one signed verifies on")
def rolls_over(env):
    here = revoking(env)
    before = stamped(env, "file-p384")
    old = here.leaf("file-p384").read_bytes()
    here.instance.stop()
    here.command("tsa", "unit", "next", "file-p384", "--now")
    here.instance.start()
    subprocess.run(["sleep", "2"], check=True)
    after = stamped(env, "file-p384")
    expect(here.leaf("file-p384").read_bytes() != old, "the chain is the old one")
    for stamp in (before, after):
        stamp.must_verify(here.root)
    here.restart()
    keys = sorted(path.name for path in (here.instance.data / "keys").glob("tsa-file-p384-*"))
    expect(keys == ["tsa-file-p384-2.pem"], f"keys left: {keys}")
