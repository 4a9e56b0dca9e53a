"""Every client of RFC 3161 authorities against every unit, through plain HTTP and through TLS."""

import socket

from harness import stamping
from harness.case import case, expect
from harness.timestamp import QUERY, REPLY, Timestamp

# The programs, the folders of the cache that they need on PATH, and the kinds of unit that they know.
ALL = ("p384", "p256", "rsa3072")
CLIENTS = (
    (stamping.openssl, [], ALL),
    (stamping.rfc3161_client, ["python/bin"], ALL),
    # It verifies RSA signatures alone.
    (stamping.rfc3161ng, ["python/bin"], ("rsa3072",)),
    (stamping.sigstore_python, ["python/bin"], ALL),
    (stamping.sigstore_js, ["node/node_modules/.bin"], ALL),
    (stamping.cosign, ["bin"], ALL),
    (stamping.osslsigncode, [], ALL),
    (stamping.jarsigner, [], ALL),
    (stamping.pyhanko, ["python/bin"], ALL),
    (stamping.pyhanko_ltv, ["python/bin"], ALL),
    (stamping.bouncycastle, [], ALL),
    (stamping.notation, [], ALL),
    (stamping.dss, [], ALL),
)


def declare(client, programs, kind, scheme):
    name = client.__name__.replace("_", "-")

    @case(f"stamp: {name}, {kind}, {scheme}")
    def stamps(env):
        unit = env.unit(kind, scheme)
        workstation = env.workstation(unit.instance, programs, ca_file=unit.instance.ca_file)
        client(unit, workstation, env)


for each, folders, kinds in CLIENTS:
    for each_kind in kinds:
        # A document for the long term differs in what goes into it, not in how it was fetched.
        for each_scheme in ("http",) if each is stamping.pyhanko_ltv else ("http", "https"):
            declare(each, folders, each_kind, each_scheme)


@case("stamp: HTTP/1.0, without a user agent, with types as old clients write them")
def old_clients(env):
    unit = env.unit("p384")
    stamp = Timestamp(env.workstation(unit.instance, []), env.artifact)
    query = stamp.query_file.read_bytes()
    host, port = unit.instance.origin.removeprefix("http://").split(":")
    for kind in (QUERY, QUERY.upper(), f"{QUERY}; charset=binary", f'  {QUERY} ;x="y"'):
        head = f"POST {unit.path} HTTP/1.0\r\nContent-Type: {kind}\r\nContent-Length: {len(query)}\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(head.encode() + query)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        expect(lines[0].split()[1] == "200", f"{kind}: {lines[0]}")
        expect(f"content-type: {REPLY}" in lines, f"{kind}: {lines}")
        stamp.reply_file.write_bytes(body)
        stamp.must_verify(unit.chain)
