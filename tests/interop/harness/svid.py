"""A trust domain of our own making, good or bad as a case wants it: authorities, X.509-SVIDs, JWT-SVIDs and bundle documents."""

import base64
import hashlib
import json
import time
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
TLS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


def new_key(kind="P-256"):
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind]())
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind))


def public_jwk(key):
    """The members of RFC 7518 §6 that say which key it is."""
    number = lambda value, octets=None: base64url(value.to_bytes(octets or (value.bit_length() + 7) // 8, "big"))
    if isinstance(key, rsa.RSAPrivateKey):
        public = key.public_key().public_numbers()
        return {"kty": "RSA", "n": number(public.n), "e": number(public.e)}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}
    public, octets = key.public_key().public_numbers(), (key.curve.key_size + 7) // 8
    curve = next(name for name, curve in CURVES.items() if isinstance(key.curve, curve))
    return {"kty": "EC", "crv": curve, "x": number(public.x, octets), "y": number(public.y, octets)}


def sign(algorithm, key, message, der=False):
    """The JWS signature. With a key of another kind than the algorithm's, what that key can do over the algorithm's hash."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    chosen = HASHES[algorithm[2:]]()
    if isinstance(key, rsa.RSAPrivateKey):
        scheme = padding.PSS(padding.MGF1(chosen), chosen.digest_size) if algorithm.startswith("PS") else padding.PKCS1v15()
        return key.sign(message, scheme, chosen)
    signature = key.sign(message, ec.ECDSA(chosen))
    octets = (key.curve.key_size + 7) // 8
    return signature if der else b"".join(part.to_bytes(octets, "big") for part in decode_dss_signature(signature))


def compact(header, payload, signer):
    """A compact JWS; header and payload may be octets that no encoder would make."""
    encode = lambda part: base64url(part if isinstance(part, bytes) else json.dumps(part).encode())
    signing_input = f"{encode(header)}.{encode(payload)}"
    return f"{signing_input}.{base64url(signer(signing_input.encode()))}"


class JwtAuthority:
    """A key of a bundle with `use` "jwt-svid"."""

    def __init__(self, kid, kind="P-256", key=None):
        self.kid, self.key = kid, key or new_key(kind)
        self.algorithm = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}.get(kind, "RS256")

    def entry(self, **changes):
        """Its JWK, with the `changes` that make it a bad one (None leaves a member out)."""
        whole = {**public_jwk(self.key), "kid": self.kid, "use": "jwt-svid", **changes}
        return {name: value for name, value in whole.items() if value is not None}

    @property
    def digest(self):
        public = self.key.public_key()
        return digest(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))

    def token(self, sub, audience, header=None, payload=None, **claims):
        """A JWT-SVID. `header` and `claims` change single members (None leaves one out); `payload` is octets instead of claims."""
        now = int(time.time())
        head = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        whole = {"sub": sub, "aud": [audience], "iat": now, "exp": now + 300, **claims}
        whole = {name: value for name, value in whole.items() if value is not None}
        return compact(head, payload or whole, lambda message: sign(head["alg"], self.key, message))


class Svid:
    """Certificates, leaf first, and the leaf's key."""

    def __init__(self, chain, key):
        self.chain, self.key = chain, key

    @property
    def leaf(self):
        return self.chain[0]

    def certificates(self):
        return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in self.chain)

    def private_key(self):
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    def write(self, file):
        """One PEM file with everything."""
        file.write_bytes(self.certificates() + self.private_key())
        file.chmod(0o600)
        return file


class X509Authority:
    """A certificate that signs: a root, or an intermediate of one."""

    def __init__(self, trust_domain, issuer=None, key=None, **changes):
        self.trust_domain, self.issuer = trust_domain, issuer
        self.key = key or new_key()
        usage = changes.pop("usage", {"key_cert_sign": True, "crl_sign": True})
        names = [f"spiffe://{trust_domain}"]
        common_name = f"{trust_domain} {'intermediate' if issuer else 'root'}"
        settings = {"ca": True, "usage": usage, "extended": (), "names": names, "common_name": common_name, **changes}
        self.certificate = certificate(self.key.public_key(), (issuer or self).signs(common_name), **settings)

    def signs(self, own_name=None):
        """Whose name and key stand behind what it issues."""
        subject = self.certificate.subject if hasattr(self, "certificate") else name(own_name)
        return subject, self.key

    @property
    def above(self):
        """The intermediates from this one up, without the root."""
        return [self.certificate, *self.issuer.above] if self.issuer else []

    def entry(self, **changes):
        """Its JWK in a bundle, with `changes`."""
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        whole = {**public_jwk(self.key), "use": "x509-svid", "x5c": [base64.b64encode(der).decode()], **changes}
        return {name: value for name, value in whole.items() if value is not None}

    @property
    def digest(self):
        return digest(self.certificate.public_bytes(serialization.Encoding.DER))

    def svid(self, spiffe_id, key=None, beside=(), **changes):
        """An X.509-SVID, with the `changes` to its leaf that `certificate` knows, and more certificates beside its chain."""
        key = key or new_key()
        settings = {"names": [spiffe_id], "extended": TLS, "usage": {"digital_signature": True}, "common_name": None, **changes}
        return Svid([certificate(key.public_key(), self.signs(), **settings), *self.above, *beside], key)


def name(common_name):
    whole = [x509.NameAttribute(NameOID.COUNTRY_NAME, "XX"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "interop")]
    return x509.Name(whole + ([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []))


def certificate(
    public, signs, *, names, usage, extended, common_name=None, ca=False, dns=(), empty_subject=False, start=-60, seconds=3600,
    usage_critical=True, permitted=(),
):  # fmt: skip
    """A certificate for `public`. `usage` is None for no key usage at all, `start` the seconds from now to its first; below an
    authority with `permitted`, only URIs of these hosts may stand."""
    issuer, key = signs
    begins = datetime.now(timezone.utc) + timedelta(seconds=start)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]) if empty_subject else name(common_name))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(seconds=seconds))
    )
    alternatives = [x509.UniformResourceIdentifier(one) for one in names] + [x509.DNSName(one) for one in dns]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=empty_subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if usage is not None:
        none = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
            + ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
            False,
        )
        builder = builder.add_extension(x509.KeyUsage(**{**none, **usage}), critical=usage_critical)
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if permitted:
        hosts = [x509.UniformResourceIdentifier(host) for host in permitted]
        builder = builder.add_extension(x509.NameConstraints(permitted_subtrees=hosts, excluded_subtrees=None), critical=True)
    return builder.sign(key, hashes.SHA256())


class TrustDomain:
    """A name with one authority of each kind, and the bundle document of both."""

    def __init__(self, name):
        self.name = name
        self.root = X509Authority(name)
        self.jwt = JwtAuthority(f"{name} 1")

    def id(self, path):
        return f"spiffe://{self.name}{path}"

    def document(self, entries=None, **members):
        """The bundle, with other `entries` or `members` if a case wants them (None leaves a member out)."""
        keys = [self.root.entry(), self.jwt.entry()] if entries is None else entries
        whole = {"keys": keys, "spiffe_sequence": 1, "spiffe_refresh_hint": 60, **members}
        return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()
