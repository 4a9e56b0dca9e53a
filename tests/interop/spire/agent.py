"""spire-agent: what hands out identities on a machine, over the socket of its Workload API."""

import base64
import json
import tempfile
from pathlib import Path

from harness.case import expect

from . import programs
from .process import Process, run
from .svid import JwtSvid, X509Svid


class Agent:
    """An agent of the server's trust domain. It keeps its key on disk, so it comes back without being introduced again."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.socket = folder / "agent.sock"
        folder.mkdir(parents=True)
        self.token = server.join_token()
        self.config = folder / "agent.conf"
        bootstrap = folder / "bootstrap.pem"
        bootstrap.write_text(server.command("bundle show"))
        self.config.write_text(
            f"""
agent {{
  trust_domain = "{server.trust_domain}"
  server_address = "127.0.0.1"
  server_port = "{server.port}"
  socket_path = "{self.socket}"
  data_dir = "{folder}"
  trust_bundle_path = "{bootstrap}"
  experimental {{
    sync_interval = "1s"
  }}
}}
plugins {{
  NodeAttestor "join_token" {{
    plugin_data {{}}
  }}
  KeyManager "disk" {{
    plugin_data {{
      directory = "{folder}"
    }}
  }}
  WorkloadAttestor "unix" {{
    plugin_data {{
      discover_workload_path = true
    }}
  }}
}}
"""
        )

    @property
    def node_id(self):
        return f"spiffe://{self.server.trust_domain}/spire/agent/join_token/{self.token}"

    @property
    def own_svid(self):
        """The serial number of the agent's own certificate, by which the server knows it."""
        return self.server.ask("agent show", "-spiffeID", self.node_id)["x509svid_serial_number"]

    def launch(self, running):
        words = [programs.find(programs.AGENT), "run", "-config", self.config, "-joinToken", self.token]
        self.process = Process(self.folder, words)
        running.append(self.process)
        return self

    def await_identity(self):
        """Waits until it serves the workload that we are. An entry takes a moment from the server's table to the agent."""
        self.process.wait_until(lambda: self.fetch("jwt", "-audience", "ready")[0] == 0)
        return self

    def fetch(self, *words, program=None):
        """As the workload that spire-agent's own command line is, or a copy of it: the status, and what was said."""
        return run(program or programs.find(programs.AGENT), "api", "fetch", *words, "-socketPath", self.socket)

    def jwt_svid(self, audience="sigstore"):
        status, said = self.fetch("jwt", "-audience", audience, "-output", "json")
        expect(status == 0, f"no JWT-SVID from the agent of {self.server.trust_domain}\n{said}")
        return JwtSvid(json.loads(said)[0]["svids"][0]["svid"])

    def jwt_bundle(self, trust_domain, program):
        """The keys of that trust domain that come with the JWT-SVID of the workload that the `program` is, or None."""
        status, said = self.fetch("jwt", "-audience", "bundles", "-output", "json", program=program)
        bundle = json.loads(said)[1]["bundles"].get(f"spiffe://{trust_domain}") if status == 0 else None
        return json.loads(base64.b64decode(bundle)) if bundle else None

    def x509_svid(self):
        folder = Path(tempfile.mkdtemp(prefix="svid-", dir=self.folder))
        status, said = self.fetch("x509", "-write", folder)
        expect(status == 0, f"no X.509-SVID from the agent of {self.server.trust_domain}\n{said}")
        return X509Svid(folder / "svid.0.pem", folder / "svid.0.key", folder / "bundle.0.pem")
