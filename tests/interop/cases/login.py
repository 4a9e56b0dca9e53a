"""The clients' other ways to log in."""

import jwt

from harness.browser import Stuck
from harness.case import case, expect
from harness.program import must


@case("login: sigstore-js command line logs in, signs and timestamps")
def js_command_line(world):
    """It speaks Rekor v1 only, so it leaves the log out; the library, which speaks v2, does not (see the matrix)."""
    client = world.trusting("sigstore-js")
    house, statement = world.house, client.desk.folder / "cli-statement.json"
    statement.write_text('{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x","predicate":{}}')
    bundle = client.desk.folder / "cli.sigstore.json"
    where = ["--fulcio-url", house.origin, "--tsa-server-url", house.origin, "--oidc-issuer", house.issuer]
    must(client.desk.run("sigstore", "attest", *where, "--no-tlog-upload", "--output-file", bundle, statement))
    trust = ["--tuf-mirror-url", f"{house.origin}/tuf", "--tuf-root-path", house.trust_files() / "root.json"]
    claims = ["--certificate-identity-email", house.EMAIL, "--certificate-issuer", house.issuer]
    cache = ["--tuf-cache-path", client.cache]
    must(client.desk.run("sigstore", "verify", *trust, *cache, *claims, "--tlog-threshold", "0", bundle))


@case("login: sigstore-python out of band")
def python_out_of_band(world):
    client = world.trusting("sigstore-python")
    argv = ["sigstore", *client.instance, "get-identity-token", "--oauth-force-oob"]
    done = must(client.desk.run(*argv, terminal=True, answer=client.desk.type_code))
    claims = jwt.decode(done.stdout.strip().split()[-1], options={"verify_signature": False})
    expect(claims.get("email") == world.house.EMAIL, f"the token is for {claims}")


@case("login: cosign out of band, no browser at hand")
def cosign_out_of_band(world):
    client = world.client("cosign")
    client.trust()
    client.desk.break_browser()
    bundle = client.desk.folder / "oob.sigstore.json"
    argv = ["cosign", "sign-blob", "-y", "--bundle", bundle, world.artifact]
    must(client.desk.run(*argv, terminal=True, answer=client.desk.type_code))
    must(client.verify(world.artifact, bundle, world.house.EMAIL, world.house.issuer))


@case("login: a wrong password signs nothing")
def wrong_password(world):
    wrong = world.folder / "wrong-password"
    wrong.write_text("correct horse battery stable\n")
    desk = world.desk(world.house, [], password_file=wrong)
    browser, answer = desk.browser(), None
    try:
        answer = browser.visit(desk.out_of_band_link())
    except Stuck:
        pass  # it shows the form again, or refuses
    expect(not answer, "a wrong password was given a code")
