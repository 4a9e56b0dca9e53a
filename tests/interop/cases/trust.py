"""Trust is introduced by TUF or by files, and what is published is what clients look for."""

import json

from harness.case import case, expect
from harness.program import must
from harness.environment import CLIENTS


@case("trust: cosign initialize")
def cosign_initialize(world):
    done = world.trusting("cosign").trust()
    expect("WARNING" not in done.text, f"cosign initialize warned\n{done}")


@case("trust: sigstore-python trust-instance")
def python_trust_instance(world):
    world.trusting("sigstore-python")


@case("trust: sigstore-js initialize")
def js_initialize(world):
    world.trusting("sigstore-js")


@case("trust: python-tuf refreshes and downloads every target")
def tuf_targets(world):
    from tuf.ngclient import Updater, UpdaterConfig

    folder = world.folder / "python-tuf"
    (folder / "targets").mkdir(parents=True)
    config = UpdaterConfig(prefix_targets_with_hash=True)
    root = (world.house.trust_files() / "root.json").read_bytes()
    updater = Updater(
        str(folder), f"{world.house.origin}/tuf/", str(folder / "targets"), f"{world.house.origin}/tuf/targets/",
        config=config, bootstrap=root,
    )  # fmt: skip
    updater.refresh()
    for name in ("trusted_root.json", "signing_config.v0.2.json"):
        target = updater.get_targetinfo(name)
        expect(target, f"TUF names no target {name}")
        same = (world.house.trust_files() / name).read_text()
        with open(updater.download_target(target), encoding="utf-8") as file:
            expect(json.load(file) == json.loads(same), f"TUF's {name} is not the one under /trust/")


@case("trust: the next root is 404 until there is one")
def next_root(world):
    version = json.loads((world.house.trust_files() / "root.json").read_bytes())["signed"]["version"]
    answer = world.house.get(f"/tuf/{version + 1}.root.json")
    expect(answer.status == 404, f"{version + 1}.root.json answers {answer.status}: clients would take it for a root")
    answer = world.house.get(f"/tuf/{version}.root.json")
    expect(answer.status == 200, f"{version}.root.json answers {answer.status}")


@case("trust: the client trust configuration holds the two others")
def one_source(world):
    documents = [
        json.loads((world.house.trust_files() / name).read_bytes())
        for name in ("client_trust_config.json", "trusted_root.json", "signing_config.v0.2.json")
    ]
    expect(documents[0]["trustedRoot"] == documents[1], "client_trust_config.json holds another trusted root")
    expect(documents[0]["signingConfig"] == documents[2], "client_trust_config.json holds another signing config")


def declare_files(name):
    @case(f"trust: {name} signs and verifies with files only")
    def by_files(world):
        client = world.client(name)
        bundle = world.folder / f"{name}.files.sigstore.json"
        must(client.sign_by_files(world.artifact, bundle))
        must(client.verify_by_files(world.artifact, bundle, world.house.EMAIL, world.house.issuer))


for each in CLIENTS:
    declare_files(each)
