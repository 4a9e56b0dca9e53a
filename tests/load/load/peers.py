"""The Go programs that do the same work, each with its keys in files as we have ours, logging to a file as they do in production."""

import subprocess

from harness import peer
from harness.environment import free_port
from harness.peer import PASSWORD, Peer, chain

TSA_EXTENSIONS = """keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
subjectKeyIdentifier=hash"""


def timestamp_authority(cache, folder, curve, tls=None):
    """With `tls`, the folder of a certificate for localhost, it speaks TLS."""
    keys, port = chain(folder / f"tsa-{curve}", curve, "tsa", TSA_EXTENSIONS), free_port()
    argv = ["timestamp-server", "serve", "--timestamp-signer", "file"]
    if tls:
        argv += ["--scheme", "https", "--tls-host", "127.0.0.1", "--tls-port", port]
        argv += ["--tls-certificate", tls / "tls.crt", "--tls-key", tls / "tls.key"]
    else:
        argv += ["--host", "127.0.0.1", "--port", port]
    argv += ["--file-signer-key-path", "leaf.key", "--file-signer-passwd", PASSWORD, "--certificate-chain-path", "chain.pem"]
    argv += ["--timestamp-signer-hash", "sha384" if curve == "P-384" else "sha256", "--disable-ntp-monitoring", "--log-type", "prod"]
    return Peer(cache, keys, f"TSA {curve}", argv, port, "/ping", tls / "ca.crt" if tls else None)


def fulcio(cache, folder, curve, issuer):
    config = {"OIDCIssuers": {issuer.iss: {"IssuerURL": issuer.iss, "ClientID": "sigstore", "Type": "email"}}}
    return peer.fulcio(cache, folder, curve, config)


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
