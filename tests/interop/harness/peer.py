"""The Go programs that do the same work as the instance, each with its keys in files as we have ours."""

import json
import subprocess
import time
import urllib.error

from .environment import free_port
from .web import http

PASSWORD = "peers"
# Fulcio and the timestamp authority want an issuer below a root, and a usage that fits.
CHAIN = """
curve="ec -pkeyopt ec_paramgen_curve:$1"
openssl req -x509 -newkey $curve -nodes -days 2 -subj "/O=peers/CN=root" -addext keyUsage=critical,keyCertSign \\
  -addext basicConstraints=critical,CA:TRUE -keyout root.key -out root.pem
openssl req -new -newkey $curve -passout pass:peers -subj "/O=peers/CN=$2" -keyout leaf.key -out leaf.csr
printf '%s\\n' "$3" >leaf.ext
openssl x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.pem
cat leaf.pem root.pem >chain.pem
"""
CA_EXTENSIONS = """basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign
extendedKeyUsage=codeSigning
subjectKeyIdentifier=hash"""
READY_SECONDS = 30


class Peer:
    def __init__(self, cache, folder, name, argv, port, ready, ca_file=None):
        self.name, self.ca_file = name, ca_file
        self.origin = f"https://localhost:{port}" if ca_file else f"http://127.0.0.1:{port}"
        log = (folder / f"{name}.log").open("wb")
        self.process = subprocess.Popen([cache / "bin" / argv[0], *map(str, argv[1:])], stdout=log, stderr=log, cwd=folder)
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers(ready):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{name} did not start\n" + (folder / f"{name}.log").read_text()[-3000:])
            time.sleep(0.05)

    def answers(self, path):
        try:
            return http(self.origin + path, ca_file=self.ca_file).status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait()


def chain(folder, curve, name, extensions):
    folder.mkdir(parents=True)
    argv = ["bash", "-euc", CHAIN, "chain", curve, name, extensions]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    return folder


def fulcio(cache, folder, curve, config):
    """Fulcio with the `config` of its issuers, on an authority of its own and without a log."""
    keys, port = chain(folder / f"fulcio-{curve}", curve, "fulcio", CA_EXTENSIONS), free_port()
    (keys / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    argv = ["fulcio", "serve", "--host", "127.0.0.1", "--port", port, "--grpc-host", "127.0.0.1", "--grpc-port", free_port()]
    argv += ["--metrics-port", free_port(), "--legacy-unix-domain-socket", f"@peer-{port}", "--config-path", "config.json"]
    argv += ["--ca", "fileca", "--fileca-cert", "chain.pem", "--fileca-key", "leaf.key", "--fileca-key-passwd", PASSWORD]
    return Peer(cache, keys, f"Fulcio {curve}", [*argv, "--ct-log-url", "", "--log_type", "prod"], port, "/healthz")
