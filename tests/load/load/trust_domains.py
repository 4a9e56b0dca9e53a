"""What it costs to look after many trust domains: an instance that polls a thousand bundle endpoints, and nothing else
to do.

    tests/load/run --trust-domains

Every trust domain has keys of its own, a certificate and a JWT key, as SPIRE publishes them, and a hint of one minute,
the shortest that counts; SPIRE's default is five. Each look is a new TLS connection, because looks at one endpoint are
minutes apart. The instance's CPU is read over whole minutes once everything has been fetched; the endpoint is a program
of its own.
"""

import base64
import datetime
import http.server
import json
import multiprocessing
import ssl
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.instance import Instance

from .server import cpu_seconds, resident_mib

COUNT = 1000
HINT = 60
WARM_SECONDS = 75


def b64url(number):
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def certificate(name, key, issuer, issuer_key, is_ca):
    now = datetime.datetime.now(datetime.timezone.utc)
    who, above = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, word)]) for word in (name, issuer))
    others = "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only".split()
    usage = {**dict.fromkeys(others, False), "digital_signature": not is_ca, "key_cert_sign": is_ca, "crl_sign": is_ca}
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    return made.sign(issuer_key, hashes.SHA256())


def bundle(name):
    key = ec.generate_private_key(ec.SECP256R1())
    der = certificate(name, key, name, key, is_ca=True).public_bytes(serialization.Encoding.DER)
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    entries = [
        {"use": "x509-svid", "kty": "EC", "crv": "P-256", "x5c": [base64.b64encode(der).decode()]},
        {"use": "jwt-svid", "kty": "EC", "crv": "P-256", "kid": name, "x": b64url(point.x), "y": b64url(point.y)},
    ]
    return json.dumps({"keys": entries, "spiffe_sequence": 1, "spiffe_refresh_hint": HINT}).encode()


def serve(folder, port, looks):
    """All endpoints in one program, distinguished by their paths."""
    bundles = {f"/td{number}.test": bundle(f"td{number}.test") for number in range(COUNT)}

    class Endpoint(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            document = bundles[self.path]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)
            with looks.get_lock():
                looks.value += 1

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Endpoint)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "endpoint.crt", folder / "endpoint.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    port.value = server.server_address[1]
    server.serve_forever()


def section(number, port):
    name = f"td{number}.test"
    return (
        f'[[trust_domains]]\nname = "{name}"\ndanger_loopback = true\n'
        f'bundle = {{ https_web = "https://localhost:{port}/{name}", ca_file = "web-ca.crt" }}\n'
        f'grants = [{{ spiffe = "spiffe://{name}" }}]\n'
    )


def measure(binary, scratch, minutes):
    """Prints the share of a core, and what one look costs."""
    folder = scratch / "endpoints"
    folder.mkdir()
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    pem = serialization.Encoding.PEM
    web_ca = certificate("web.test", ca_key, "web.test", ca_key, is_ca=True).public_bytes(pem)
    (folder / "endpoint.crt").write_bytes(certificate("localhost", key, "web.test", ca_key, is_ca=False).public_bytes(pem))
    (folder / "endpoint.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    port, looks = multiprocessing.Value("i", 0), multiprocessing.Value("q", 0)
    endpoint = multiprocessing.Process(target=serve, args=(folder, port, looks), daemon=True)
    endpoint.start()
    while not port.value:
        time.sleep(0.1)
    instance = Instance(binary, scratch / "instance", "".join(section(number, port.value) for number in range(COUNT)))
    (instance.folder / "web-ca.crt").write_bytes(web_ca)
    instance.start()
    try:
        deadline = time.monotonic() + 120
        while looks.value < COUNT and time.monotonic() < deadline:
            time.sleep(0.5)
        if looks.value < COUNT:
            raise SystemExit(f"only {looks.value} of {COUNT} bundles were fetched\n{instance.log.read_text()[-2000:]}")
        # The first round comes all at once; jitter spreads the next ones.
        time.sleep(WARM_SECONDS)
        pid, looked, cpu, began = instance.process.pid, looks.value, cpu_seconds(instance.process.pid), time.monotonic()
        time.sleep(60 * minutes)
        seconds, cpu, looked = time.monotonic() - began, cpu_seconds(pid) - cpu, looks.value - looked
        each, share = cpu / looked, cpu / seconds
        print(f"{COUNT} trust domains, a look at each about every {seconds * COUNT / looked:.0f} s: {looked} looks in {seconds:.0f} s")
        print(f"{each * 1e6:.0f} us of CPU a look, {share:.2%} of a core, {resident_mib(pid):.0f} MiB resident")
        print(f"at a hint of 300 s, SPIRE's default: {each * COUNT / 300:.2%} of a core")
    finally:
        instance.stop()
        endpoint.terminate()
