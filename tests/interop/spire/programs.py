"""Where SPIRE's programs are. No registry has them by name: they are taken from the folder $SPIRE_BIN, or from PATH."""

import os
import shutil
from pathlib import Path

SERVER, AGENT, DISCOVERY = PROGRAMS = ("spire-server", "spire-agent", "oidc-discovery-provider")


def find(name):
    """The file itself, as the kernel names a running program of it, or None."""
    folders = filter(None, (os.environ.get("SPIRE_BIN"), os.environ["PATH"]))
    found = shutil.which(name, path=os.pathsep.join(folders))
    return Path(found).resolve() if found else None


def missing():
    """What stands in the way of all of this, in the words of the report; None when nothing does."""
    absent = [name for name in PROGRAMS if not find(name)]
    return f"{absent[0]} not found" if absent else None
