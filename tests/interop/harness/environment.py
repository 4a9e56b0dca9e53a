"""What the cases share: the instances, the workstations and the signed things, each made when it is first needed."""

import functools
import http.server
import json
import socket
import subprocess
import threading
import time
from urllib.parse import parse_qs, urlencode, urlsplit

from .browser import Browser
from .case import Failed, expect
from .cosign import Cosign
from .instance import Instance
from .issuer import Issuer
from .program import must
from .sigstore_js import SigstoreJs
from .sigstore_python import SigstorePython
from .stamping import Unit
from .web import http as web
from .workstation import HERE, Workstation

PREDICATE = {
    "buildDefinition": {
        "buildType": "https://example.com/build/v1",
        "externalParameters": {"source": "https://example.com/repository"},
    },
    "runDetails": {"builder": {"id": "https://example.com/builder"}},
}
# Names of units, which are the kinds of their keys.
UNITS = ("p256", "rsa3072")
CLIENTS = {client.name: client for client in (Cosign, SigstorePython, SigstoreJs)}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Environment:
    def __init__(self, binary, cache, folder, root):
        self.binary, self.cache, self.folder, self.root = binary, cache, folder, root
        self.running, self.workstations = [], 0
        self.artifact = folder / "artifact.txt"
        self.artifact.write_text("what the instance signs\n")
        self.other_artifact = folder / "other.txt"
        self.other_artifact.write_text("what nobody signed\n")
        self.predicate = folder / "predicate.json"
        self.predicate.write_text(json.dumps(PREDICATE))

    def build_instance(self, name, *arguments, **options):
        if (self.folder / name).exists():
            raise Failed(f"the instance {name} did not start before: see the first case that needed it")
        instance = Instance(self.binary, self.folder / name, *arguments, **options).start()
        self.running.append(instance)
        return instance

    @functools.cached_property
    def instance(self):
        """As a newcomer starts it: no configuration but the defaults, plain HTTP on loopback."""
        return self.build_instance("instance")

    def workstation(self, instance, programs, **options):
        self.workstations += 1
        return Workstation(self.cache, self.folder / f"workstation-{self.workstations}", instance, programs, **options)

    def client(self, name, instance=None, **options):
        """A client that has never seen this instance."""
        instance = instance or self.instance
        return CLIENTS[name](self.workstation(instance, CLIENTS[name].programs, **options))

    @functools.lru_cache
    def trusting(self, name, instance=None):
        """A client of which the instance's trust root has been introduced by TUF, once for all cases."""
        client = self.client(name, instance)
        client.trust()
        return client

    def token(self):
        """An ID token of our provider, by a real login: at most four of its ten minutes old, however long a run takes."""
        return self._token_since(time.monotonic() // 240)

    @functools.lru_cache
    def _token_since(self, _period):
        return self.trusting("sigstore-python").identity_token()

    @functools.lru_cache
    def bundle(self, name, kind):
        """What the client signed ("blob") or attested ("attestation") after an interactive login."""
        client = self.trusting(name)
        bundle = self.folder / f"{name}.{kind}.sigstore.json"
        if kind == "blob":
            must(client.sign(self.artifact, bundle))
        else:
            must(client.attest(self.artifact, bundle, self.predicate))
        expect(client.workstation.browser_log.exists(), f"{name} signed without a login in the browser")
        return bundle

    @functools.cached_property
    def lying_issuer(self):
        return Issuer()

    @functools.cached_property
    def mute_issuer(self):
        """Registered, and granted nothing."""
        return Issuer()

    @functools.cached_property
    def upstream(self):
        """A process of node oidc-provider, configured with our connector's callback. Answers its issuer."""
        port = self.guarded_port
        job = {
            "clientId": "privyseal",
            "clientSecret": "interop-secret",
            "redirectUri": f"http://127.0.0.1:{port}/oidc/callback/upstream",
        }
        script = self.folder / "upstream.mjs"
        script.write_bytes((HERE / "upstream.mjs").read_bytes())
        modules = self.folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(self.cache / "node/node_modules")
        node = self.cache / "node/node_modules/.bin/node"
        self.upstream_log = self.folder / "upstream.log"
        process = subprocess.Popen(
            [node, script, json.dumps(job)],
            stdout=subprocess.PIPE,
            stderr=self.upstream_log.open("wb"),
            text=True,
        )
        self.running.append(UpstreamProcess(process))
        issuer = process.stdout.readline().strip()
        if not issuer.startswith("http"):
            raise Failed(f"oidc-provider did not start\n{self.upstream_log.read_text()}")
        return issuer

    def upstream_token(self, email):
        """The ID token that the upstream gives its own client `sigstore` when `email` logs in there."""
        callback = CallbackPage()
        request = {
            "response_type": "code",
            "client_id": "sigstore",
            "scope": "openid email",
            "redirect_uri": callback.address,
            "state": "interop",
            "nonce": "interop",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        Browser(email, "any", "", self.folder / "direct.log").visit(f"{self.upstream}/auth?{urlencode(request)}")
        form = {
            "grant_type": "authorization_code",
            "client_id": "sigstore",
            "code": callback.code,
            "redirect_uri": callback.address,
            "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        }
        answer = web(f"{self.upstream}/token", urlencode(form).encode(), "application/x-www-form-urlencoded")
        expect(answer.status == 200, f"the upstream answers {answer.status}: {answer.body}")
        return json.loads(answer.body)["id_token"]

    @functools.cached_property
    def guarded_port(self):
        return free_port()

    @functools.cached_property
    def guarded_instance(self):
        """An instance with other issuers than itself: one that may assert partner.example and lies, one that may assert
        nothing, and an upstream for corp.example."""
        secret = self.folder / "upstream.secret"
        secret.write_text("interop-secret\n")
        config = f"""
[[connectors]]
id = "upstream"
name = "Upstream"
iss = "{self.upstream}"
client_id = "privyseal"
client_secret_file = "{secret}"
danger_loopback_http = true
grants = [{{ email = "corp.example" }}]

[[issuers]]
id = "partner"
iss = "{self.lying_issuer.iss}"
profile = "email"
danger_loopback_http = true
grants = [{{ email = "partner.example" }}]

[[issuers]]
id = "mute"
iss = "{self.mute_issuer.iss}"
profile = "email"
danger_loopback_http = true
grants = []

[log]
serve_audit = true
"""
        return self.build_instance("guarded", config, f"127.0.0.1:{self.guarded_port}")

    @functools.cached_property
    def tls_instance(self):
        """HTTPS with a certificate of an authority that no machine trusts."""
        folder = self.folder / "tls"
        folder.mkdir()
        make_authority(folder)
        port = free_port()
        config = f"""
[instance]
origin = "https://localhost:{port}"

[listen]
tls = {{ certificate = "{folder}/tls.crt", key = "{folder}/tls.key" }}
"""
        return self.build_instance("tls-instance", config, f"127.0.0.1:{port}", ca_file=folder / "ca.crt")

    @functools.cached_property
    def stamping_instance(self):
        """Plain HTTP, with a timestamp unit for each kind of key beside the first one, which is P-384."""
        return self.build_instance("stamping", revocation(), units=UNITS)

    @functools.cached_property
    def stamping_tls_instance(self):
        folder = self.folder / "stamping-tls-authority"
        folder.mkdir()
        make_authority(folder)
        port = free_port()
        config = f"""
[instance]
origin = "https://localhost:{port}"

[listen]
tls = {{ certificate = "{folder}/tls.crt", key = "{folder}/tls.key" }}
{revocation()}"""
        return self.build_instance("stamping-tls", config, f"127.0.0.1:{port}", ca_file=folder / "ca.crt", units=UNITS)

    @functools.lru_cache
    def unit(self, kind, scheme="http"):
        """The timestamp unit with such a key, of an instance with that URL scheme."""
        instance = self.stamping_tls_instance if scheme == "https" else self.stamping_instance
        path = f"/tsa/{kind if kind in UNITS else 'unit-1'}"
        return Unit(instance, kind, path, f"{path}/certchain", self.folder)

    def stop(self):
        for running in reversed(self.running):
            running.stop()


class CallbackPage:
    """A client's page on loopback (RFC 8252 §7.3), which keeps the code that the browser brings."""

    def __init__(page):
        page.code = None

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page.code = parse_qs(urlsplit(self.path).query).get("code", [None])[0]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        page.address = f"http://127.0.0.1:{server.server_address[1]}/callback"
        threading.Thread(target=server.serve_forever, daemon=True).start()


def revocation():
    """Lists and answers about revocation in plain HTTP at a port of their own, and in all certificates."""
    place = f"127.0.0.1:{free_port()}"
    return f'[revocation]\norigin = "http://{place}"\nlisten = "{place}"\n'


class UpstreamProcess:
    def __init__(self, process):
        self.process = process

    def stop(self):
        self.process.terminate()
        self.process.wait()


def make_authority(folder):
    """An internal authority and a server certificate for localhost, as an enterprise has them."""
    commands = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=Interop CA" -keyout ca.key -out ca.crt
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" -keyout tls.key -out tls.csr
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n' >tls.ext
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile tls.ext -out tls.crt
"""
    done = subprocess.run(["sh", "-ec", commands], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr)
