"""spire-server: the authority of a trust domain."""

import base64
import json
import re

import jwt
from cryptography.hazmat.primitives import serialization
from jwt.algorithms import ECAlgorithm

from harness.case import expect
from harness.environment import free_port

from . import programs
from .process import Process, run
from .svid import JwtSvid, X509Svid


class Server:
    """A trust domain. Its bundle endpoint presents the server's own SVID (https_spiffe), or, with `web_tls`, a certificate and its key
    (https_web)."""

    def __init__(self, folder, trust_domain, authority, web_tls=None, issuer=None, key_type="ec-p256", flags=()):
        self.folder, self.trust_domain, self.authority = folder, trust_domain, authority
        self.socket, self.port, self.bundle_port = folder / "server.sock", free_port(), free_port()
        folder.mkdir(parents=True)
        self.config = folder / "server.conf"
        profile = '"https_spiffe" {}'
        if web_tls:
            # It does not start without the interval, for which its documentation has a default.
            files = 'cert_file_path = "{}"\n key_file_path = "{}"\n file_sync_interval = "1h"'.format(*web_tls)
            profile = f'"https_web" {{ serving_cert_file {{\n {files}\n }} }}'
        settings = [f'jwt_issuer = "{issuer}"'] if issuer else []
        experiments = [f"feature_flags = {json.dumps(flags)}"] if flags else []
        # The keys are on disk so that a case can sign what the server never would. 60 s is the shortest refresh hint that counts.
        self.config.write_text(
            f"""
server {{
  trust_domain = "{trust_domain}"
  bind_address = "127.0.0.1"
  bind_port = "{self.port}"
  socket_path = "{self.socket}"
  data_dir = "{folder}"
  jwt_key_type = "{key_type}"
  {"".join(settings)}
  experimental {{
    cache_reload_interval = "200ms"
    {"".join(experiments)}
  }}
  federation {{
    bundle_endpoint {{
      address = "127.0.0.1"
      port = {self.bundle_port}
      refresh_hint = "60s"
      profile {profile}
    }}
  }}
}}
plugins {{
  DataStore "sql" {{
    plugin_data {{
      database_type = "sqlite3"
      connection_string = "{folder}/datastore.sqlite3"
    }}
  }}
  NodeAttestor "join_token" {{
    plugin_data {{}}
  }}
  KeyManager "disk" {{
    plugin_data {{
      keys_path = "{folder}/keys.json"
    }}
  }}
}}
"""
        )

    def launch(self, running):
        """Starts it; `await_ready` waits, so that several start at the same time."""
        # What it believes of other bundle endpoints with a certificate for the web.
        trust = {"SSL_CERT_FILE": str(self.authority)}
        self.process = Process(self.folder, [programs.find(programs.SERVER), "run", "-config", self.config], **trust)
        running.append(self.process)
        return self

    def await_ready(self):
        self.process.wait_until(lambda: run(*self.words("healthcheck"))[0] == 0)
        return self

    def words(self, command, *flags):
        return [programs.find(programs.SERVER), *command.split(), "-socketPath", self.socket, *flags]

    def command(self, command, *flags):
        status, said = run(*self.words(command, *flags))
        expect(status == 0, f"spire-server {command} {' '.join(map(str, flags))} ends with {status}\n{said}")
        return said

    def ask(self, command, *flags):
        return json.loads(self.command(command, *flags, "-output", "json"))

    @property
    def bundle_address(self):
        return f"https://localhost:{self.bundle_port}/"

    @property
    def endpoint_id(self):
        return f"spiffe://{self.trust_domain}/spire/server"

    def bundle(self):
        """What its bundle endpoint says, but for the refresh hint."""
        return json.loads(self.command("bundle show", "-format", "spiffe"))

    def federated_bundle(self, trust_domain):
        """The bundle that it holds of another trust domain, or None."""
        status, said = run(*self.words("bundle list", "-id", f"spiffe://{trust_domain}", "-format", "spiffe"))
        return json.loads(said) if status == 0 else None

    def federate(self, trust_domain, address, endpoint_id=None, bootstrap=None):
        """With an `endpoint_id`, over https_spiffe; `bootstrap` is what is believed of the trust domain before its endpoint was asked."""
        where = ["-trustDomain", trust_domain, "-bundleEndpointURL", address]
        how = ["https_spiffe", "-endpointSpiffeID", endpoint_id] if endpoint_id else ["https_web"]
        if bootstrap:
            file = self.folder / f"{trust_domain}.bootstrap.json"
            file.write_text(json.dumps(bootstrap))
            how += ["-trustDomainBundlePath", file, "-trustDomainBundleFormat", "spiffe"]
        self.command("federation create", *where, "-bundleEndpointProfile", *how)

    def register(self, path, agent, program, *flags):
        """From now on the `program` is the workload of that path whenever it asks the `agent`."""
        who = ["-parentID", agent.node_id, "-spiffeID", f"spiffe://{self.trust_domain}{path}", "-selector", f"unix:path:{program}"]
        self.command("entry create", *who, *flags)

    def join_token(self):
        return re.search(r"Token: (\S+)", self.command("token generate"))[1]

    def mint_jwt(self, path, audience="sigstore", *flags):
        """A JWT-SVID by the key that is active now, without an agent."""
        who = ["-spiffeID", f"spiffe://{self.trust_domain}{path}", "-audience", audience]
        return JwtSvid(self.command("jwt mint", *who, *flags).strip())

    def mint_x509(self, path, *flags):
        folder = self.folder / f"minted{path.replace('/', '-')}"
        folder.mkdir(exist_ok=True)
        self.command("x509 mint", "-spiffeID", f"spiffe://{self.trust_domain}{path}", "-write", folder, *flags)
        return X509Svid(folder / "svid.pem", folder / "key.pem", folder / "bundle.pem")

    def mint_wit(self, path):
        """A WIT-SVID, and the key that proves its possession."""
        folder = self.folder / "wit"
        folder.mkdir(exist_ok=True)
        words = self.words("wit mint", "-spiffeID", f"spiffe://{self.trust_domain}{path}", "-write", folder)
        status, said = run(*words, SPIRE_SERVER_FFLAGS="wit-svid")
        expect(status == 0, said)
        return JwtSvid((folder / "token").read_text().strip()), ECAlgorithm.from_jwk((folder / "key").read_text())

    def active(self, kind):
        """The identifier of the authority that signs now: `kid` of a JWT-SVID, key identifier of an X.509 authority."""
        return self.ask(f"localauthority {kind} show")["active"]["authority_id"]

    def prepare(self, kind):
        return self.ask(f"localauthority {kind} prepare")["prepared_authority"]["authority_id"]

    def turn(self, kind, act, authority):
        """`act` is activate, taint or revoke."""
        self.command(f"localauthority {kind} {act}", "-authorityID", authority)

    def jwt_key(self, kid):
        """The private key itself."""
        return self.private_key(next(key.key for key in jwt.PyJWKSet.from_dict(self.bundle()).keys if key.key_id == kid))

    def private_key(self, public):
        keys = json.loads((self.folder / "keys.json").read_text())["keys"].values()
        keys = [serialization.load_der_private_key(base64.b64decode(key), None) for key in keys]
        return next(key for key in keys if key.public_key() == public)

    def wit_public_key(self):
        """Which is in no bundle: SPIRE 1.15 mints WIT-SVIDs and publishes no key for them."""
        key = json.loads((self.folder / "keys.json").read_text())["keys"]["WIT-Signer-A"]
        return serialization.load_der_private_key(base64.b64decode(key), None).public_key()
