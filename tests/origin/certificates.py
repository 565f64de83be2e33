"""Certificates for an origin that speaks TLS, made afresh each time.

Public: `Authority`.
"""

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


class Authority:
    """A root of our own. `pem` is what a client must trust; `folder` takes the certificates' files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "origin's root")])
        builder = self._builder(name, name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        self._root = builder.sign(self._key, hashes.SHA256())
        self.pem = self._root.public_bytes(serialization.Encoding.PEM)

    def load(self, context: ssl.SSLContext, kind: str) -> None:
        """Give `context` a certificate for localhost: `good`, `expired` or `wrong-host`."""
        path = self._folder / f"{kind}.pem"
        if not path.exists():
            path.write_bytes(self._leaf("elsewhere.test" if kind == "wrong-host" else "localhost", kind == "expired"))
        context.load_cert_chain(path)

    def _leaf(self, host: str, expired: bool) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        builder = self._builder(name, self._root.subject, key, ends_in=-_DAY if expired else _DAY)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return certificate.public_bytes(serialization.Encoding.PEM) + private

    @staticmethod
    def _builder(
        subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ends_in: datetime.timedelta = _DAY
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 5 * _DAY)
            .not_valid_after(now + ends_in)
        )
