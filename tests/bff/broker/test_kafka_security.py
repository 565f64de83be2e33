"""Signing in to Kafka: wrong settings are refused in words, right ones reach the client."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bff.broker import BrokerUnavailable, connect
from bff.broker.kafka_security import KafkaInsecure, security_of
from tests.support.broker_rig import POLICY, event

SIGNS_IN = {
    "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "mullion",
    "KAFKA_SASL_PASSWORD": "not-to-be-shown",
}
API_VERSIONS = 18


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Paths of a certificate for this machine and of its key."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kafka")]), datetime.now(UTC)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    builder = builder.add_extension(addresses, critical=False)
    paths = folder / "kafka.pem", folder / "kafka.key"
    made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    paths[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(*form))
    return paths


class TlsListener(threading.Thread):
    """Accepts TLS connections and records the kind of each one's first request; answers nothing."""

    def __init__(self, certificate):
        super().__init__(daemon=True)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.requests, self.refusals = [], 0

    def run(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(connection, server_side=True) as line:
                    line.settimeout(5)
                    self.requests.append(int.from_bytes(line.recv(8)[4:6]))
            except OSError:
                self.refusals += 1

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join(10)


@pytest.fixture
def listener(certificate):
    started = TlsListener(certificate)
    started.start()
    yield started
    started.close()


async def publish(listener, **environment):
    broker = connect(f"kafka://{listener.address}", POLICY, {"KAFKA_SECURITY_PROTOCOL": "ssl", **environment})
    with pytest.raises(BrokerUnavailable):
        await broker.publish("ledger", [event(1)])
    await broker.aclose()


async def test_client_speaks_kafka_over_tls_with_whom_its_authority_vouches_for(listener, certificate):
    """The first thing that it says stands behind the handshake."""
    await publish(listener, KAFKA_SSL_CA_FILE=str(certificate[0]))
    assert API_VERSIONS in listener.requests


async def test_client_says_nothing_to_whom_nobody_vouches_for(listener):
    """A certificate that the system does not know ends the connection, and it never falls to plain text."""
    await publish(listener)
    assert listener.requests == []
    assert listener.refusals


async def test_client_takes_the_name_and_the_secret_and_shows_neither():
    """What librdkafka does not know it refuses when a client is made."""
    broker = connect("kafka://127.0.0.1:9", POLICY, SIGNS_IN)
    assert broker.common()["sasl.mechanism"] == "SCRAM-SHA-512"
    with pytest.raises(BrokerUnavailable) as refusal:
        await broker.publish("ledger", [event(1)])
    assert SIGNS_IN["KAFKA_SASL_PASSWORD"] not in f"{refusal.value}{broker!r}"
    await broker.aclose()


@pytest.mark.quick
def test_nothing_is_asked_of_a_kafka_that_asks_for_nothing():
    assert security_of({}) == security_of({"KAFKA_SECURITY_PROTOCOL": ""}) == {}


@pytest.mark.quick
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "tls"}, "KAFKA_SECURITY_PROTOCOL"),
        ({"KAFKA_SECURITY_PROTOCOL": "plaintext"}, "KAFKA_SASL_"),
        ({"KAFKA_SECURITY_PROTOCOL": ""}, "KAFKA_SASL_"),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM"),
        ({"KAFKA_SASL_MECHANISM": ""}, "KAFKA_SASL_MECHANISM"),
        ({"KAFKA_SASL_USERNAME": ""}, "KAFKA_SASL_USERNAME"),
        ({"KAFKA_SASL_PASSWORD": ""}, "KAFKA_SASL_PASSWORD"),
        ({"KAFKA_SSL_CA_FILE": "/no/such/file"}, "/no/such/file"),
        ({"KAFKA_SSL_KEY_FILE": __file__}, "KAFKA_SSL_CERTIFICATE_FILE"),
        ({"KAFKA_SECURITY_PROTOCOL": "sasl_plaintext", "KAFKA_SSL_CA_FILE": __file__}, "KAFKA_SSL_"),
    ],
)
def test_settings_that_make_no_connection_are_refused_by_name_and_without_the_secret(changed, named):
    """Before anything is sent, so that no password travels in the clear because another setting is missing."""
    with pytest.raises(KafkaInsecure) as refusal:
        security_of({**SIGNS_IN, **changed})
    assert named in str(refusal.value)
    assert SIGNS_IN["KAFKA_SASL_PASSWORD"] not in str(refusal.value)
