"""SVIDs as SPIRE gave them, and forgeries of them."""

from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class JwtSvid(str):
    """The token itself."""

    @property
    def header(self):
        return jwt.get_unverified_header(self)

    @property
    def claims(self):
        return jwt.decode(self, options={"verify_signature": False})

    @property
    def subject(self):
        return self.claims["sub"]

    @property
    def authority(self):
        return self.header["kid"]

    def forged(self, key, kid=None, **claims):
        """The same claims but for those given, signed by the `key`, which calls itself `kid`."""
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        headers = {"kid": kid} if kid else None
        return JwtSvid(jwt.encode({**self.claims, **claims}, key, algorithm, headers=headers))


@dataclass(frozen=True)
class X509Svid:
    """Files with the chain, leaf first, its key, and the authorities of its trust domain."""

    chain: Path
    key: Path
    roots: Path

    @property
    def leaf(self):
        return x509.load_pem_x509_certificate(self.chain.read_bytes())

    @property
    def subject(self):
        names = self.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)[0]

    @property
    def authority(self):
        return authority_of(self.leaf)

    def forged(self, certificate, key):
        """The same names, usages and key, signed by the authority with that certificate and key."""
        leaf, issuer = self.leaf, x509.load_pem_x509_certificate(certificate.encode())
        builder = x509.CertificateBuilder(
            issuer.subject, leaf.subject, leaf.public_key(), x509.random_serial_number(),
            leaf.not_valid_before_utc, leaf.not_valid_after_utc,
        )  # fmt: skip
        for extension in leaf.extensions:
            if extension.oid != x509.AuthorityKeyIdentifier.oid:
                builder = builder.add_extension(extension.value, extension.critical)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
        forged = builder.add_extension(identifier, False).sign(key, hashes.SHA256())
        file = self.chain.with_name("forged.pem")
        file.write_bytes(forged.public_bytes(serialization.Encoding.PEM))
        return X509Svid(file, self.key, self.roots)


def authority_of(leaf):
    """The key identifier of who signed it, as SPIRE names its authorities."""
    return leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier.hex()
