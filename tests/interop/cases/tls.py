"""The same over HTTPS, with a certificate of an internal authority: what docs/clients says about its variables is what is set here."""

from harness.case import case, expect
from harness.program import must, must_refuse
from harness.timestamp import Timestamp
from harness.environment import CLIENTS


def declare(name):
    @case(f"tls: {name} trusts, logs in, signs and verifies")
    def signs(world):
        house = world.tls_house
        client = world.client(name, house, ca_file=house.ca_file)
        client.trust()
        bundle = world.folder / f"{name}.tls.sigstore.json"
        must(client.sign(world.artifact, bundle))
        must(client.verify(world.artifact, bundle, house.EMAIL, house.issuer))

    @case(f"tls: {name} refuses an authority that it was not told of")
    def refuses(world):
        # Everything is at hand but the authority, so nothing else can be what stops it.
        client = world.client(name, world.tls_house)
        done = client.sign_by_files(world.artifact, world.folder / f"{name}.untrusted.sigstore.json", world.token())
        must_refuse(done, "certificate signed by unknown authority", "CERTIFICATE_VERIFY_FAILED", "UNABLE_TO_VERIFY")


for each in CLIENTS:
    declare(each)


@case("tls: HTTP/1.1 and HTTP/2 on one port")
def alpn(world):
    house = world.tls_house
    desk = world.desk(house, [])
    for flag, version in (("--http1.1", "1.1"), ("--http2", "2")):
        argv = ["curl", "-sS", "--cacert", house.ca_file, flag, "-o", "/dev/null", "-w", "%{http_version}"]
        done = must(desk.run(*argv, f"{house.origin}/trust/root.json"))
        expect(done.stdout == version, f"asked for {version}, got {done.stdout}")


@case("tls: openssl's timestamp by curl")
def timestamp(world):
    stamp = Timestamp(world.desk(world.tls_house, []), world.artifact)
    expect(stamp.ask("/tsa").status == 200, "no timestamp")
    chain = world.folder / "tls-tsa-chain.pem"
    chain.write_bytes(world.tls_house.get("/api/v1/timestamp/certchain").body)
    stamp.must_verify(chain)


@case("tls: plain HTTP at the TLS port is no login")
def plain(world):
    desk = world.desk(world.tls_house, [])
    done = desk.run("curl", "-sS", "--max-time", "10", world.tls_house.origin.replace("https:", "http:") + "/oidc/keys")
    expect(done.code != 0 or "keys" not in done.stdout, str(done))
