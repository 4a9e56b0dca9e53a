"""Trust is introduced by TUF or by files, and what is published is what clients look for."""

import json

from harness.case import case, expect
from harness.environment import CLIENTS
from harness.program import must


@case("trust: cosign initialize")
def cosign_initialize(env):
    done = env.trusting("cosign").trust()
    expect("WARNING" not in done.text, f"cosign initialize warned\n{done}")


@case("trust: sigstore-python trust-instance")
def python_trust_instance(env):
    env.trusting("sigstore-python")


@case("trust: sigstore-js initialize")
def js_initialize(env):
    env.trusting("sigstore-js")


@case("trust: python-tuf refreshes and downloads every target")
def tuf_targets(env):
    from tuf.ngclient import Updater, UpdaterConfig

    folder = env.folder / "python-tuf"
    (folder / "targets").mkdir(parents=True)
    config = UpdaterConfig(prefix_targets_with_hash=True)
    root = (env.instance.trust_files() / "root.json").read_bytes()
    updater = Updater(
        str(folder), f"{env.instance.origin}/tuf/", str(folder / "targets"), f"{env.instance.origin}/tuf/targets/",
        config=config, bootstrap=root,
    )  # fmt: skip
    updater.refresh()
    for name in ("trusted_root.json", "signing_config.v0.2.json"):
        target = updater.get_targetinfo(name)
        expect(target, f"TUF names no target {name}")
        same = (env.instance.trust_files() / name).read_text()
        with open(updater.download_target(target), encoding="utf-8") as file:
            expect(json.load(file) == json.loads(same), f"TUF's {name} is not the one under /trust/")


@case("trust: the next root is 404 until there is one")
def next_root(env):
    version = json.loads((env.instance.trust_files() / "root.json").read_bytes())["signed"]["version"]
    answer = env.instance.get(f"/tuf/{version + 1}.root.json")
    expect(answer.status == 404, f"{version + 1}.root.json answers {answer.status}: clients would take it for a root")
    answer = env.instance.get(f"/tuf/{version}.root.json")
    expect(answer.status == 200, f"{version}.root.json answers {answer.status}")


@case("trust: the client trust configuration holds the two others")
def one_source(env):
    documents = [
        json.loads((env.instance.trust_files() / name).read_bytes())
        for name in ("client_trust_config.json", "trusted_root.json", "signing_config.v0.2.json")
    ]
    expect(documents[0]["trustedRoot"] == documents[1], "client_trust_config.json holds another trusted root")
    expect(documents[0]["signingConfig"] == documents[2], "client_trust_config.json holds another signing config")


def declare_files(name):
    @case(f"trust: {name} signs and verifies with files only")
    def by_files(env):
        client = env.client(name)
        bundle = env.folder / f"{name}.files.sigstore.json"
        must(client.sign_by_files(env.artifact, bundle))
        must(client.verify_by_files(env.artifact, bundle, env.instance.EMAIL, env.instance.issuer))


for each in CLIENTS:
    declare_files(each)
