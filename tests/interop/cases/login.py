"""The clients' other ways to log in."""

import jwt

from harness.browser import Stuck
from harness.case import case, expect
from harness.program import must


@case("login: sigstore-js command line logs in, signs and timestamps")
def js_command_line(env):
    """It speaks Rekor v1 only, so it leaves the log out; the library, which speaks v2, does not (see the matrix)."""
    client = env.trusting("sigstore-js")
    instance, statement = env.instance, client.workstation.folder / "cli-statement.json"
    statement.write_text('{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x","predicate":{}}')
    bundle = client.workstation.folder / "cli.sigstore.json"
    where = ["--fulcio-url", instance.origin, "--tsa-server-url", instance.origin, "--oidc-issuer", instance.issuer]
    must(client.workstation.run("sigstore", "attest", *where, "--no-tlog-upload", "--output-file", bundle, statement))
    trust = ["--tuf-mirror-url", f"{instance.origin}/tuf", "--tuf-root-path", instance.trust_files() / "root.json"]
    claims = ["--certificate-identity-email", instance.EMAIL, "--certificate-issuer", instance.issuer]
    cache = ["--tuf-cache-path", client.cache]
    must(client.workstation.run("sigstore", "verify", *trust, *cache, *claims, "--tlog-threshold", "0", bundle))


@case("login: sigstore-python out of band")
def python_out_of_band(env):
    client = env.trusting("sigstore-python")
    argv = ["sigstore", *client.tuf_instance, "get-identity-token", "--oauth-force-oob"]
    done = must(client.workstation.run(*argv, terminal=True, answer=client.workstation.type_code))
    claims = jwt.decode(done.stdout.strip().split()[-1], options={"verify_signature": False})
    expect(claims.get("email") == env.instance.EMAIL, f"the token is for {claims}")


@case("login: cosign out of band, no browser at hand")
def cosign_out_of_band(env):
    client = env.client("cosign")
    client.trust()
    client.workstation.break_browser()
    bundle = client.workstation.folder / "oob.sigstore.json"
    argv = ["cosign", "sign-blob", "-y", "--bundle", bundle, env.artifact]
    must(client.workstation.run(*argv, terminal=True, answer=client.workstation.type_code))
    must(client.verify(env.artifact, bundle, env.instance.EMAIL, env.instance.issuer))


@case("login: a wrong password signs nothing")
def wrong_password(env):
    wrong = env.folder / "wrong-password"
    wrong.write_text("correct horse battery stable\n")
    workstation = env.workstation(env.instance, [], password_file=wrong)
    browser, answer = workstation.browser(), None
    try:
        answer = browser.visit(workstation.out_of_band_link())
    except Stuck:
        pass  # it shows the form again, or refuses
    expect(not answer, "a wrong password was given a code")
