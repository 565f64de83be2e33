"""`up --broker kafka` asks Kafka before it starts anything, signed in as the houses sign in, and says what is wrong."""

import contextlib
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shell.operations.up.preflight import PreflightFailed, kafka_answers
from tests.support.certificate import certificate
from tests.support.free_ports import free_port
from tests.support.kafka_mock import KafkaMock

SIGNS_IN = {
    "KAFKA_SECURITY_PROTOCOL": "sasl_plaintext",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": "mullion",
    "KAFKA_SASL_PASSWORD": "not-to-be-shown",
}
METADATA, HANDSHAKE, API_VERSIONS, AUTHENTICATE = 3, 17, 18, 36
UNSUPPORTED_VERSION, SASL_AUTHENTICATION_FAILED = 35, 58


class SignsNobodyIn(socketserver.BaseRequestHandler):
    """As much of Kafka as a client meets before it has signed in, which it may not."""

    def handle(self) -> None:
        with contextlib.suppress(OSError, struct.error):
            while head := self.request.recv(4):
                request = self.request.recv(int.from_bytes(head), socket.MSG_WAITALL)
                kind, version, number = struct.unpack(">hhi", request[:8])
                answer = struct.pack(">i", number) + self.answer(kind, version)
                self.request.sendall(struct.pack(">i", len(answer)) + answer)

    def answer(self, kind: int, version: int) -> bytes:
        if kind == API_VERSIONS:
            supported = [(METADATA, 0, 4), (HANDSHAKE, 0, 1), (API_VERSIONS, 0, 0), (AUTHENTICATE, 0, 0)]
            listed = struct.pack(">i", len(supported)) + b"".join(struct.pack(">hhh", *each) for each in supported)
            return struct.pack(">h", UNSUPPORTED_VERSION if version else 0) + listed
        if kind == HANDSHAKE:
            return struct.pack(">hih5s", 0, 1, 5, b"PLAIN")
        return struct.pack(">hh10si", SASL_AUTHENTICATION_FAILED, 10, b"go away ok", 0)


@pytest.fixture
def stranger() -> Iterator[str]:
    """The address of a Kafka that signs nobody in."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), SignsNobodyIn) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return certificate(tmp_path_factory.mktemp("kafka"))


@pytest.fixture(scope="module")
def encrypted(papers: tuple[Path, Path]) -> Iterator[str]:
    """The address of a Kafka that speaks TLS alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*papers)
    with KafkaMock() as kafka:
        host, _, port = kafka.servers.rpartition(":")

        class Front(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with (
                    contextlib.suppress(OSError),
                    context.wrap_socket(self.request, server_side=True) as line,
                    socket.create_connection((host, int(port))) as there,
                ):
                    threading.Thread(target=copied, args=(there, line), daemon=True).start()
                    copied(line, there)

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Front) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"127.0.0.1:{server.server_address[1]}"
            server.shutdown()


def copied(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while some := source.recv(65536):
            sink.sendall(some)


def refusal(servers: str, **settings: str) -> str:
    with pytest.raises(PreflightFailed) as refused:
        kafka_answers({"KAFKA_BOOTSTRAP": servers, **settings})
    words = str(refused.value)
    assert "Nothing was started." in words
    assert SIGNS_IN["KAFKA_SASL_PASSWORD"] not in words
    assert "\n" not in words
    return words


def test_kafka_over_tls_answers_whoever_has_its_authority(encrypted: str, papers: tuple[Path, Path]) -> None:
    """As the houses, it takes KAFKA_SECURITY_PROTOCOL and KAFKA_SSL_CA_FILE."""
    tls = {"KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_SSL_CA_FILE": str(papers[0])}
    kafka_answers({"KAFKA_BOOTSTRAP": encrypted, **tls})


def test_kafka_whose_certificate_nobody_vouches_for_is_refused_by_that(encrypted: str) -> None:
    words = refusal(encrypted, KAFKA_SECURITY_PROTOCOL="ssl")
    assert f"TLS with the Kafka at {encrypted} does not come about" in words
    assert "Correct KAFKA_SSL_CA_FILE" in words


def test_kafka_over_tls_that_is_spoken_to_in_plain_text_is_refused_by_the_protocol(encrypted: str) -> None:
    words = refusal(encrypted)
    assert f"does not answer: {encrypted}, spoken to by plaintext" in words
    assert "set KAFKA_SECURITY_PROTOCOL to what that port speaks" in words


def test_kafka_that_does_not_sign_the_user_in_is_refused_by_name_and_without_the_secret(stranger: str) -> None:
    words = refusal(stranger, **SIGNS_IN)
    assert f"The Kafka at {stranger} refuses mullion by PLAIN" in words
    assert "Correct KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD or KAFKA_SASL_MECHANISM." in words


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "tls"}, "KAFKA_SECURITY_PROTOCOL is one of"),
        ({**SIGNS_IN, "KAFKA_SASL_USERNAME": ""}, "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are both needed"),
        ({"KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_SSL_CA_FILE": __file__}, "does not take KAFKA_SSL_…"),
    ],
)
def test_settings_that_make_no_connection_are_refused_before_kafka_is_asked(
    settings: dict[str, str], words: str
) -> None:
    assert words in refusal("127.0.0.1:1", **settings)


def test_kafka_that_is_not_there_is_refused() -> None:
    servers = f"127.0.0.1:{free_port()}"
    assert f"KAFKA_BOOTSTRAP does not answer: {servers}" in refusal(servers)
