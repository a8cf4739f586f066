"""Certificates for one test run: an authority, and servers and clients that it vouches for."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates and keeps them as PEM files in a folder."""

    def __init__(self, folder: Path, name: str = "Test CA"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._builder(self.subject, self.key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(self.key, hashes.SHA256())
        self.file = self._write(name.replace(" ", "-"), certificate, self.key)[0]

    def issue(self, name: str, subject: dict, *alternatives) -> "Pair":
        """`alternatives`: DNS names, e-mail addresses, `spiffe://…` or IP addresses, told by their look."""
        key = ec.generate_private_key(ec.SECP256R1())
        oids = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME}
        names = x509.Name([x509.NameAttribute(oids[kind], value) for kind, value in subject.items()])
        builder = self._builder(names, key)
        if alternatives:
            general = [self._general_name(text) for text in alternatives]
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
        return Pair(*self._write(name, builder.sign(self.key, hashes.SHA256()), key))

    def _builder(self, subject, key):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=2)))

    @staticmethod
    def _general_name(text):
        if "://" in text:
            return x509.UniformResourceIdentifier(text)
        if "@" in text:
            return x509.RFC822Name(text)
        try:
            return x509.IPAddress(ipaddress.ip_address(text))
        except ValueError:
            return x509.DNSName(text)

    def _write(self, name, certificate, key):
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return files


class Pair:
    """The files of a certificate and its key."""

    def __init__(self, certificate: Path, key: Path):
        self.certificate = certificate
        self.key = key

    @property
    def block(self) -> str:
        """As it stands in a `tls` block."""
        return f'cert_file: "{self.certificate}", key_file: "{self.key}"'
