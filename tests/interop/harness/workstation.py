"""A workstation, at which a client runs: a home of its own, the programs on PATH, and a person's browser."""

import os
import re
from pathlib import Path
from urllib.parse import urlencode

from .browser import STUCK, Browser
from .case import Failed
from .program import program

HERE = Path(__file__).resolve().parent


class Workstation:
    """One client's workstation for one instance. Nothing of the caller's own home, configuration or caches reaches
    it."""

    def __init__(
        self, cache, folder, instance, programs, email=None, password_file=None, connector="local", ca_file=None
    ):
        self.folder, self.instance = folder, instance
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        tools = folder / "bin"
        tools.mkdir()
        # cosign looks for `xdg-open` on PATH; sigstore-python and sigstore-js end at $BROWSER.
        (tools / "xdg-open").symlink_to(HERE / "browser.py")
        self.browser_log, self.code_file = folder / "browser.log", folder / "code"
        # Two clients are both called `sigstore`: each workstation has only the folders of its own programs.
        path = [tools, *(cache / programs for programs in programs), os.environ["PATH"]]
        self.env = {
            "PATH": ":".join(map(str, path)),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "BROWSER": str(tools / "xdg-open"),
            "BROWSER_EMAIL": email or instance.EMAIL,
            "BROWSER_PASSWORD_FILE": str(password_file or instance.password_file),
            "BROWSER_CODE_FILE": str(self.code_file),
            "BROWSER_CONNECTOR": connector,
            "BROWSER_LOG": str(self.browser_log),
            "NO_COLOR": "1",
        }
        if ca_file:
            # What docs/clients says to users whose instance uses an internal authority: Go and python-tuf, requests,
            # Node.
            for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
                self.env[name] = str(ca_file)
        # Modules are found from the folder that a script lies in.
        (folder / "node_modules").symlink_to(cache / "node/node_modules")

    def run(self, *argv, stdin=None, terminal=False, answer=None, **variables):
        self.browser_log.unlink(missing_ok=True)
        return program(argv, {**self.env, **variables}, self.folder, stdin, terminal, self.browser_stuck, answer)

    def browser(self, connector="local"):
        """The person's browser, for the links that a client prints instead of opening them."""
        with open(self.env["BROWSER_PASSWORD_FILE"], encoding="utf-8") as file:
            return Browser(self.env["BROWSER_EMAIL"], file.read().strip(), connector, self.browser_log)

    def out_of_band_link(self):
        """The request of the public client `sigstore` that ends at a page with a code (verifier: RFC 7636, appendix B)."""
        request = {
            "response_type": "code",
            "client_id": "sigstore",
            "scope": "openid email",
            "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
            "state": "interop",
            "nonce": "interop",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return f"{self.instance.issuer}/auth?{urlencode(request)}"

    def type_code(self, said):
        """A person's part in the flow without a callback: opens the link that the client printed; answers the code on the page."""
        link = re.search(r"^\s*(https?://\S+response_type=code\S*)", said, re.MULTILINE)
        if not link or "code:" not in said:
            return None
        code = self.browser().visit(link[1])
        if not code:
            raise Failed(f"the last page of {link[1]} shows no code")
        return code

    def break_browser(self):
        """From here on no browser opens: the clients must go on without one."""
        opener = self.folder / "bin/xdg-open"
        opener.unlink()
        opener.write_text("#!/bin/sh\nexit 3\n")
        opener.chmod(0o755)

    def browser_stuck(self):
        """Why the browser gave up, when it did: its client would wait for the callback until its own patience ends."""
        log = self.browser_log.read_text() if self.browser_log.exists() else ""
        stuck = log.rpartition(STUCK)[2].strip()
        return f"the browser gave up: {stuck}" if STUCK in log else None
