"""oidc-discovery-provider: a trust domain's JWT keys, as an OpenID provider publishes them."""

import json
import urllib.error

from harness.web import http

from . import programs
from .process import Process


class Discovery:
    """It takes the keys from the `server` and stands at the server's `jwt_issuer`, which is https://localhost:`port`."""

    def __init__(self, folder, server, port, web_tls, authority):
        self.folder, self.address, self.authority = folder, f"https://localhost:{port}", authority
        folder.mkdir(parents=True)
        certificate, key = web_tls
        self.config = folder / "discovery.conf"
        self.config.write_text(
            f"""
domains = ["localhost"]
jwt_issuer = "{self.address}"
serving_cert_file {{
  cert_file_path = "{certificate}"
  key_file_path = "{key}"
  addr = "127.0.0.1:{port}"
}}
server_api {{
  address = "unix://{server.socket}"
  poll_interval = "1s"
}}
"""
        )

    def launch(self, running):
        self.process = Process(self.folder, [programs.find(programs.DISCOVERY), "-config", self.config])
        running.append(self.process)
        return self

    def await_ready(self):
        self.process.wait_until(self.keys)
        return self

    def keys(self):
        """The keys that it publishes; none while it does not answer."""
        try:
            answer = http(f"{self.address}/keys", ca_file=self.authority)
        except (urllib.error.URLError, ConnectionError):
            return []
        return json.loads(answer.body)["keys"] if answer.status == 200 else []
