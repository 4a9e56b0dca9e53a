"""The same over HTTPS, with a certificate of an internal authority: what docs/clients says about its variables is what is set here."""

from harness.case import case, expect
from harness.environment import CLIENTS
from harness.program import must, must_refuse
from harness.timestamp import Timestamp


def declare(name):
    @case(f"tls: {name} trusts, logs in, signs and verifies")
    def signs(env):
        instance = env.tls_instance
        client = env.client(name, instance, ca_file=instance.ca_file)
        client.trust()
        bundle = env.folder / f"{name}.tls.sigstore.json"
        must(client.sign(env.artifact, bundle))
        must(client.verify(env.artifact, bundle, instance.EMAIL, instance.issuer))

    @case(f"tls: {name} refuses an authority that it does not know")
    def refuses(env):
        # Everything is at hand but the authority, so nothing else can be what stops it.
        client = env.client(name, env.tls_instance)
        done = client.sign_by_files(env.artifact, env.folder / f"{name}.untrusted.sigstore.json", env.token())
        must_refuse(done, "certificate signed by unknown authority", "CERTIFICATE_VERIFY_FAILED", "UNABLE_TO_VERIFY")


for each in CLIENTS:
    declare(each)


@case("tls: HTTP/1.1 and HTTP/2 on one port")
def alpn(env):
    instance = env.tls_instance
    workstation = env.workstation(instance, [])
    for flag, version in (("--http1.1", "1.1"), ("--http2", "2")):
        argv = ["curl", "-sS", "--cacert", instance.ca_file, flag, "-o", "/dev/null", "-w", "%{http_version}"]
        done = must(workstation.run(*argv, f"{instance.origin}/trust/root.json"))
        expect(done.stdout == version, f"asked for {version}, got {done.stdout}")


@case("tls: openssl's timestamp by curl")
def timestamp(env):
    stamp = Timestamp(env.workstation(env.tls_instance, []), env.artifact)
    expect(stamp.ask("/tsa").status == 200, "no timestamp")
    chain = env.folder / "tls-tsa-chain.pem"
    chain.write_bytes(env.tls_instance.get("/api/v1/timestamp/certchain").body)
    stamp.must_verify(chain)


@case("tls: plain HTTP at the TLS port is no login")
def plain(env):
    workstation = env.workstation(env.tls_instance, [])
    done = workstation.run(
        "curl", "-sS", "--max-time", "10", env.tls_instance.origin.replace("https:", "http:") + "/oidc/keys"
    )
    expect(done.code != 0 or "keys" not in done.stdout, str(done))
