"""Issuers that imitate build platforms: the claims of tests/vectors/claims, signed by keys of ours. For each there is a
record in the instance's configuration, and one in Fulcio's, which takes the platforms' tables from the configuration
that Fulcio itself ships."""

import json
import re
import time

import jwt

from .issuer import Issuer

# Vectors whose issuer has an address of ours, so that both can ask it for its keys.
SERVED = (
    "github", "github-enterprise-server", "gitlab", "gitlab-self-managed", "buildkite", "circleci", "codefresh", "buddy",
    "email", "uri", "username", "spiffe", "ci",
)  # fmt: skip
# Vectors that keep the platform's own `iss`, with keys from a file, and what that shared issuer is pinned to.
PINNED = {
    "github": {"repository_owner_id": "1234567"},
    "gitlab": {"namespace_id": "72"},
    "buildkite": {"organization_id": "0184990a-477b-4fa8-9968-496074483cee"},
    "circleci": {"oidc.circleci.com/project-id": "1a2b3c4d-0000-4000-8000-0123456789ab"},
    "codefresh": {"account_id": "628a80b693a15c0f9c13ab75"},
    "buddy": {"workspace_id": 12},
    "gcp": {"/google/compute_engine/project_number": 739419398126},
    "azure": {"tid": "72f988bf-86f1-41af-91ab-2d7cd011db47"},
    "aws": {},
}
# What Fulcio calls the table, and the address that it has in it instead of its default.
FULCIO_TABLES = {
    "github": ("github-workflow", None),
    "github-enterprise-server": ("github-workflow", "https://github.corp.example"),
    "gitlab": ("gitlab-pipeline", None),
    "gitlab-self-managed": ("gitlab-pipeline", "https://git.corp.example:8443/scm"),
    "buildkite": ("buildkite-job", None),
    "circleci": ("circleci-job", None),
    "codefresh": ("codefresh-workflow", None),
}


class Platform(Issuer):
    """An issuer with the claims of one vector."""

    def __init__(self, name, root):
        super().__init__()
        self.name = name
        self.vector = json.loads((root / f"tests/vectors/claims/{name}.json").read_text())

    def id_token(self, **changes):
        """A token with the platform's claims; None leaves one out."""
        now = int(time.time())
        frame = {"iss": self.iss, "aud": "sigstore", "iat": now, "exp": now + self.token_seconds}
        claims = {**frame, **self.vector["claims"], **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.key, "RS256", headers={"kid": self.KEY_ID})

    def record(self, **keys):
        """The record of the instance's configuration."""
        name = self.vector["name"]
        if self.name == "spiffe":
            grant = {"spiffe": "spiffe://example.org/ci"}
        elif self.name == "username":
            grant = {"usernames": self.vector["subject_domain"]}
        elif "://" not in name:
            grant = {"email": name.partition("@")[2]}
        else:
            grant = {"uri": re.match(r"https://[^/]+/[^/]+", name)[0]}
        settings = {"id": self.name, "iss": self.iss, "profile": self.vector["profile"], "danger_loopback_http": True}
        if self.vector["profile"] in ("github", "gitlab", "codefresh", "buddy"):
            settings["base_url"] = self.vector.get("base_url") or {
                "github": "https://github.com",
                "gitlab": "https://gitlab.com",
                "codefresh": "https://g.codefresh.io",
                "buddy": "https://app.buddy.works",
            }[self.vector["profile"]]
        settings |= {key: self.vector[key] for key in ("ci", "subject_domain") if key in self.vector}
        return toml_record({**settings, "grants": [grant], **keys})


def toml_record(settings):
    return "[[issuers]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in settings.items())


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def fulcio_tables(shipped):
    """The tables of the configuration that Fulcio ships, each as YAML text, by their names."""
    names = dict(re.findall(r'^  - &(\S+) "(\S+)"', shipped, re.MULTILINE))
    text = shipped.partition("\nci-issuer-metadata:\n")[2]
    parts = re.split(r"^  \*(\S+):\n", text, flags=re.MULTILINE)
    return {names[anchor]: body for anchor, body in zip(parts[1::2], parts[2::2])}


def fulcio_config(platforms, shipped):
    tables, issuers, metadata = fulcio_tables(shipped), "", ""
    for platform in platforms:
        if platform.name not in FULCIO_TABLES:
            continue
        table, address = FULCIO_TABLES[platform.name]
        body = tables[table]
        if address:
            body, count = re.subn(r'^      url: ".*"$', f'      url: "{address}"', body, flags=re.MULTILINE)
            assert count == 1, f"{table} has no address of its own"
        metadata += f'  "{platform.name}":\n{body}'
        issuers += yaml_issuer(platform.iss, {"type": "ci-provider", "ci-provider": platform.name})
    return issuers, metadata


def yaml_issuer(iss, settings):
    settings = {"issuer-url": iss, "client-id": "sigstore", **settings}
    return f'  "{iss}":\n' + "".join(f"    {key}: {json.dumps(value)}\n" for key, value in settings.items())
