"""SoftHSM2: a hardware security module in software, which pkcs11-tool fills. Neither is ours."""

import os

from .case import Failed
from .program import must, program

MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
)
PIN = "1234"
# What pkcs11-tool calls the keys that our units have.
KINDS = {"p384": "EC:secp384r1", "p256": "EC:prime256v1", "rsa3072": "rsa:3072"}


class Token:
    """A token with a key of each kind, labelled by it, and those of `others`, by label and kind."""

    LABEL = "seal"

    def __init__(self, folder, others=None):
        self.module = next((module for module in MODULES if os.path.exists(module)), None)
        if not self.module:
            raise Failed("no SoftHSM: install it with the system's package manager (Debian: softhsm2 opensc)")
        self.tokens = folder / "tokens"
        self.tokens.mkdir(parents=True)
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        # The instance loads the module into its own process, which must find the same token.
        os.environ["SOFTHSM2_CONF"] = str(configuration)
        self.pin, self.bad_pin = folder / "pin", folder / "bad-pin"
        for file, text in ((self.pin, PIN), (self.bad_pin, "9999")):
            file.write_text(text + "\n")
            file.chmod(0o600)
        must(run("softhsm2-util", "--init-token", "--free", "--label", self.LABEL, "--pin", PIN, "--so-pin", "0000"))
        for label, kind in {**(others or {}), **KINDS}.items():
            words = ["--keypairgen", "--key-type", kind, "--label", label]
            must(run("pkcs11-tool", "--module", self.module, "--token-label", self.LABEL, "-l", "--pin", PIN, *words))

    def uri(self, label, pin=None, token=LABEL):
        return f"pkcs11:token={token};object={label}?module-path={self.module}&pin-source={pin or self.pin}"


def run(*words):
    return program(words, os.environ, "/")
