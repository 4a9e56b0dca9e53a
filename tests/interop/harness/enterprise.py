"""An enterprise's own authority for timestamps, made with `cryptography`: an intermediate without an extended key usage, which two
roots have signed, and a unit's certificate below it."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = 86_400
PASSPHRASE = "open sesame"


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Enterprise"), x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Enterprise:
    def __init__(self):
        self.keys = {who: ec.generate_private_key(ec.SECP256R1()) for who in ("root", "old root", "intermediate", "unit", "other")}
        self.root = self.certify("root", "root", 100 * DAY)
        self.old_root = self.certify("old root", "old root", 50 * DAY)
        self.intermediate = self.certify("intermediate", "root", 90 * DAY)
        self.cross = self.certify("intermediate", "old root", 40 * DAY)

    def certify(self, subject, issuer, seconds):
        now = datetime.datetime.now(datetime.timezone.utc)
        key, is_ca = self.keys[subject], subject != "unit"
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(seconds=seconds))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.keys[issuer].public_key()), critical=False)
            .add_extension(usage(is_ca), critical=True)
        )
        if not is_ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return builder.sign(self.keys[issuer], hashes.SHA256())

    def key(self, who="unit"):
        """Encrypted PKCS#8."""
        how = serialization.BestAvailableEncryption(PASSPHRASE.encode())
        return self.keys[who].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def usage(is_ca):
    uses = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    return x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **dict.fromkeys(uses, False))


def pem(*certificates):
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)
