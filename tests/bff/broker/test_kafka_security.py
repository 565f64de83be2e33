"""Signing in to Kafka: what the settings say reaches the client."""

import socket
import ssl
import threading

import pytest

from bff.broker import BrokerUnavailable, connect
from tests.support.broker_rig import POLICY, event
from tests.support.certificate import certificate as certificate_in

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
    return certificate_in(tmp_path_factory.mktemp("tls"))


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
