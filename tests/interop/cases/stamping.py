"""Every client of RFC 3161 authorities against every unit, through plain HTTP and through TLS."""

from strangers import stamping
from strangers.case import case

# The programs, the folders of the cache that they need on PATH, and the kinds of unit that they know.
ALL = ("p384", "p256", "rsa3072")
STRANGERS = (
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
    (stamping.bouncycastle, [], ALL),
    (stamping.notation, [], ALL),
    (stamping.dss, [], ALL),
)


def declare(stranger, programs, kind, scheme):
    name = stranger.__name__.replace("_", "-")

    @case(f"stamp: {name}, {kind}, {scheme}")
    def stamps(world):
        unit = world.unit(kind, scheme)
        desk = world.desk(unit.house, programs, ca_file=unit.house.ca_file)
        stranger(unit, desk, world)


for each, folders, kinds in STRANGERS:
    for each_kind in kinds:
        for each_scheme in ("http", "https"):
            declare(each, folders, each_kind, each_scheme)
