"""The Go programs that do the same work, each with its keys in files as we have ours, logging to a file as they do in production."""

import json
import subprocess
import time
import urllib.error
import urllib.request

from strangers.web import http
from strangers.world import free_port

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
TSA_EXTENSIONS = """keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
subjectKeyIdentifier=hash"""
READY_SECONDS = 30


class Peer:
    def __init__(self, cache, folder, name, argv, port, ready):
        self.name, self.origin = name, f"http://127.0.0.1:{port}"
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
            return http(self.origin + path).status == 200
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


def timestamp_authority(cache, folder, curve):
    keys, port = chain(folder / f"tsa-{curve}", curve, "tsa", TSA_EXTENSIONS), free_port()
    argv = ["timestamp-server", "serve", "--host", "127.0.0.1", "--port", port, "--timestamp-signer", "file"]
    argv += ["--file-signer-key-path", "leaf.key", "--file-signer-passwd", PASSWORD, "--certificate-chain-path", "chain.pem"]
    argv += ["--timestamp-signer-hash", "sha384" if curve == "P-384" else "sha256", "--disable-ntp-monitoring", "--log-type", "prod"]
    return Peer(cache, keys, f"TSA {curve}", argv, port, "/ping")


def fulcio(cache, folder, curve, issuer):
    keys, port = chain(folder / f"fulcio-{curve}", curve, "fulcio", CA_EXTENSIONS), free_port()
    config = {"OIDCIssuers": {issuer.iss: {"IssuerURL": issuer.iss, "ClientID": "sigstore", "Type": "email"}}}
    (keys / "config.json").write_text(json.dumps(config))
    argv = ["fulcio", "serve", "--host", "127.0.0.1", "--port", port, "--grpc-host", "127.0.0.1", "--grpc-port", free_port()]
    argv += ["--metrics-port", free_port(), "--legacy-unix-domain-socket", f"@load-{port}", "--config-path", "config.json"]
    argv += ["--ca", "fileca", "--fileca-cert", "chain.pem", "--fileca-key", "leaf.key", "--fileca-key-passwd", PASSWORD]
    return Peer(cache, keys, f"Fulcio {curve}", [*argv, "--ct-log-url", "", "--log_type", "prod"], port, "/healthz")


def rekor(cache, folder):
    keys, port = folder / "rekor", free_port()
    keys.mkdir(parents=True)
    make = f"""
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:{PASSWORD} -out log.key
openssl pkey -in log.key -passin pass:{PASSWORD} -pubout -out log.pub"""
    subprocess.run(["sh", "-ec", make], cwd=keys, check=True, capture_output=True)
    argv = ["posix", "serve", "--http-port", port, "--grpc-port", free_port(), "--http-metrics-port", free_port()]
    argv += ["--signer-filepath", "log.key", "--signer-password", PASSWORD, "--storage-dir", "tiles", "--hostname", "rekor.local"]
    # Its least interval: with the default of 10 s an entry takes 11 s.
    return Peer(cache, keys, "rekor-tiles", [*argv, "--checkpoint-interval", "1s"], port, "/healthz")


def trust(cache, folder, authority, ca, log):
    """The trusted root and the signing configuration of that stack, as its own tool makes them. Answers cosign's flags."""
    start = "2026-01-01T00:00:00Z"
    origin = f"http://rekor.local:{log.origin.rpartition(':')[2]}"
    root = [
        f"--fulcio=url={ca.origin},certificate-chain={folder}/fulcio-P-384/chain.pem",
        f"--tsa=url={authority.origin}/api/v1/timestamp,certificate-chain={folder}/tsa-P-384/chain.pem",
        f"--rekor=url={origin},public-key={folder}/rekor/log.pub,start-time={start},origin=rekor.local",
    ]
    rest = f"start-time={start},operator=peers"
    config = [
        f"--fulcio=url={ca.origin},api-version=1,{rest}",
        f"--oidc-provider=url=http://localhost:1,api-version=1,{rest}",
        f"--rekor=url={log.origin},api-version=2,{rest}",
        "--rekor-config=ANY",
        f"--tsa=url={authority.origin}/api/v1/timestamp,api-version=1,{rest}",
        "--tsa-config=ANY",
    ]
    cosign = cache / "bin/cosign"
    for kind, flags, name in (("trusted-root", root, "trusted_root.json"), ("signing-config", config, "signing_config.json")):
        subprocess.run([cosign, kind, "create", *flags, "--out", folder / name], check=True, capture_output=True)
    return ["--trusted-root", folder / "trusted_root.json", "--signing-config", folder / "signing_config.json"]
