"""Keycloak as an enterprise has it: a realm of people, one of machines, and the realms that cases add."""

import functools
import json
import os
import signal
import subprocess
import time
import urllib.error
from urllib.parse import urlencode

import jwt

from .case import Failed, expect
from .environment import free_port, make_authority
from .web import http

READY_SECONDS = 180
SECRET = "interop-secret"


def person(name, verified):
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@corp.example",
        "emailVerified": verified,
        "firstName": name,
        "lastName": "Corp",
        "credentials": [{"type": "password", "value": SECRET}],
    }


def machine(name):
    """A client with a service account, whose access tokens are for `sigstore`."""
    audience = {"included.custom.audience": "sigstore", "access.token.claim": "true"}
    mapper = {"name": "sigstore", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "config": audience}
    return {
        "clientId": name,
        "enabled": True,
        "secret": SECRET,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "fullScopeAllowed": False,
        "defaultClientScopes": ["basic"],
        "protocolMappers": [mapper],
    }


REALMS = {
    "people": {
        "users": [person("carol", True), person("erin", False)],
        "clients": [{"clientId": "sigstore", "publicClient": True, "directAccessGrantsEnabled": True}],
    },
    "machines": {"clients": [machine("builder"), machine("ungranted")]},
}


class Keycloak:
    def __init__(self, env):
        home = env.cache / "keycloak"
        imports = home / "data/import"
        imports.mkdir(parents=True, exist_ok=True)
        for realm, content in REALMS.items():
            settings = {"realm": realm, "enabled": True, "sslRequired": "none", **content}
            (imports / f"{realm}.json").write_text(json.dumps(settings))
        port = free_port()
        self.origin = f"http://127.0.0.1:{port}"
        log = env.folder / "keycloak.log"
        # Whose servers it believes when it fetches something.
        self.authority = env.folder / "keycloak-authority"
        self.authority.mkdir()
        make_authority(self.authority)
        argv = [home / "bin/kc.sh", "start-dev", "--import-realm", "--db=dev-mem", "--cache=local", "--http-host=127.0.0.1"]
        argv += [f"--http-port={port}", f"--hostname={self.origin}", f"--truststore-paths={self.authority / 'ca.crt'}"]
        # Client authentication with a JWT-SVID is a preview.
        argv += ["--features=spiffe"]
        admin = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": SECRET}
        # It lives for a minute: the second compiler would only make it start later.
        quick = {"JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"}
        self.process = subprocess.Popen(
            list(map(str, argv)), stdout=log.open("wb"), stderr=subprocess.STDOUT, env={**os.environ, **admin, **quick},
            start_new_session=True,
        )  # fmt: skip
        env.running.append(self)
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers("machines"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"Keycloak did not start\n{log.read_text()[-3000:]}")
            time.sleep(0.2)

    def iss(self, realm):
        return f"{self.origin}/realms/{realm}"

    def answers(self, realm):
        try:
            return http(f"{self.iss(realm)}/.well-known/openid-configuration").status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def ask(self, realm, wanted, **form):
        endpoint = f"{self.iss(realm)}/protocol/openid-connect/token"
        answer = http(endpoint, urlencode(form).encode(), "application/x-www-form-urlencoded")
        expect(answer.status == 200, f"Keycloak answers {answer.status}: {answer.body}")
        return json.loads(answer.body)[wanted]

    def person(self, name):
        """The ID token of a login."""
        who = {"username": name, "password": SECRET}
        return self.ask("people", "id_token", grant_type="password", client_id="sigstore", scope="openid email", **who)

    def machine(self, name):
        """The access token of a service account."""
        return self.ask("machines", "access_token", grant_type="client_credentials", client_id=name, client_secret=SECRET)

    def key_of(self, token):
        return jwt.get_unverified_header(token)["kid"]

    def administer(self, path, content=None):
        """What an administrator gets, or posts."""
        who = {"username": "admin", "password": SECRET}
        token = self.ask("master", "access_token", grant_type="password", client_id="admin-cli", **who)
        bearer = {"Authorization": f"Bearer {token}"}
        body = json.dumps(content).encode() if content else None
        answer = http(f"{self.origin}/admin/realms{path}", body, "application/json", **bearer)
        expect(answer.status == (201 if content else 200), f"Keycloak answers {answer.status}: {answer.body}")
        return answer

    def add_realm(self, name, **content):
        self.administer("", {"realm": name, "enabled": True, "sslRequired": "none", **content})

    def turn_keys(self, realm):
        """An administrator adds a key that comes before the others."""
        realm_id = json.loads(self.administer(f"/{realm}").body)["id"]
        component = {
            "name": "newer",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm_id,
            "config": {"priority": ["200"]},
        }
        self.administer(f"/{realm}/components", component)

    def stop(self):
        # The script starts Java: both end with their session.
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


@functools.lru_cache
def keycloak(env):
    """One for all cases: it takes half a minute to start."""
    return Keycloak(env)
