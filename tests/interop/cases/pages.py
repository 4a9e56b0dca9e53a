"""The pages of docs/clients do what they say: their ```sh blocks are run in order, in an empty folder, by a person who has the client
and an account. Blocks of another kind (```console) are not run, but the versions that they install must be the ones that are tested."""

import re

from harness.case import Failed, case, expect
from harness.environment import CLIENTS
from harness.program import must
from harness.workstation import HERE

PAGES = {**{name: client.programs for name, client in CLIENTS.items()}, "openssl": []}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PIN = re.compile(r"[\w@./-]+(?:==|@v?)\d+\.\d+\.\d+")


def blocks(page, language):
    """The blocks of that language, each with the line on which it starts."""
    text = page.read_text()
    return [(text[: found.start()].count("\n") + 1, found[2]) for found in FENCE.finditer(text) if found[1] == language]


def script(page):
    """One shell for all blocks, so that what one sets the next one has; it says which block it is at."""
    lines = ["set -euo pipefail"]
    for line, block in blocks(page, "sh"):
        lines += [f"echo '--- {page.name}:{line}' >&2", block]
    return "\n".join(lines)


def page_of(env, name):
    page = env.root / "docs/clients" / f"{name}.md"
    expect(page.exists(), f"{page} is missing")
    return page


def declare(name, programs):
    @case(f"page: docs/clients/{name}.md does what it says")
    def runs(env):
        page = page_of(env, name)
        expect(len(blocks(page, "sh")) >= 3, "it has no commands")
        workstation = env.workstation(env.instance, programs)
        (workstation.folder / "page.sh").write_text(script(page))
        must(workstation.run("bash", "page.sh", terminal=True, ORIGIN=env.instance.origin, EMAIL=env.instance.EMAIL))

    @case(f"page: docs/clients/{name}.md installs the tested versions and loosens nothing")
    def pins(env):
        page = page_of(env, name)
        installed = "".join(file.read_text() for file in (HERE.parent / "install", *(HERE.parent / "clients").glob("*.*")))
        installed += "".join(f"{package}@{version} " for package, version in re.findall(r'"([^"]+)": "(\d[^"]+)"', installed))
        for _, block in blocks(page, "console"):
            for pin in PIN.findall(block):
                if pin not in installed:
                    raise Failed(f"{page.name} installs {pin}, which tests/interop/install does not")
        expect("--insecure" not in page.read_text(), "it tells people to use an --insecure flag")


for each_page, each_programs in PAGES.items():
    declare(each_page, each_programs)


@case("page: docs/timestamps.md does what it says")
def timestamps(env):
    page = env.root / "docs/timestamps.md"
    workstation = env.workstation(env.instance, ["bin"])
    (workstation.folder / "bin/privyseal").symlink_to(env.binary)
    (workstation.folder / "page.sh").write_text(script(page))
    must(workstation.run("bash", "page.sh", ORIGIN=env.instance.origin))
