"""Kafka without Kafka: librdkafka's mock cluster, which speaks the protocol on real sockets and keeps all in memory.

Use: `with KafkaMock() as kafka: … kafka.url`. It can be taken down, slowed, and made to answer errors. Other processes
can connect too. Topics are created on first use.
"""

import ctypes
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import confluent_kafka

PRODUCE, FETCH, OFFSET_COMMIT, METADATA = 0, 1, 8, 3  # request types, by Kafka's protocol
NOT_LEADER, COORDINATOR_NOT_AVAILABLE, TOPIC_AUTHORIZATION_FAILED = 6, 15, 29


@cache
def _library() -> Any:
    folder = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    library = ctypes.CDLL(str(next(folder.glob("librdkafka*"))))
    for name, result, arguments in (
        ("rd_kafka_conf_new", ctypes.c_void_p, []),
        (
            "rd_kafka_conf_set",
            ctypes.c_int,
            [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t],
        ),
        ("rd_kafka_new", ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
        ("rd_kafka_destroy", None, [ctypes.c_void_p]),
        ("rd_kafka_mock_cluster_new", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
        ("rd_kafka_mock_cluster_destroy", None, [ctypes.c_void_p]),
        ("rd_kafka_mock_cluster_bootstraps", ctypes.c_char_p, [ctypes.c_void_p]),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [ctypes.c_void_p, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_down", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_up", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_rtt", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int]),
        ("rd_kafka_mock_clear_request_errors", None, [ctypes.c_void_p, ctypes.c_int16]),
        (
            "rd_kafka_mock_push_request_errors_array",
            None,
            [ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.c_void_p],
        ),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class KafkaMock:
    """One broker, number 1."""

    def __enter__(self) -> Self:
        library, problem = _library(), ctypes.create_string_buffer(512)
        settings = library.rd_kafka_conf_new()
        library.rd_kafka_conf_set(settings, b"log_level", b"0", problem, 512)
        self._client = library.rd_kafka_new(0, settings, problem, 512)
        assert self._client, problem.value.decode()
        self._cluster = library.rd_kafka_mock_cluster_new(self._client, 1)
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self.servers = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self.url = f"kafka://{self.servers}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _library().rd_kafka_mock_cluster_destroy(self._cluster)
        _library().rd_kafka_destroy(self._client)

    def down(self) -> None:
        """Refuse connections; stored messages are there when it is up again."""
        _library().rd_kafka_mock_broker_set_down(self._cluster, 1)

    def up(self) -> None:
        _library().rd_kafka_mock_broker_set_up(self._cluster, 1)

    def slow(self, rtt_ms: int) -> None:
        """Answer everything that much later."""
        _library().rd_kafka_mock_broker_set_rtt(self._cluster, 1, rtt_ms)

    def answer_errors(self, request: int, *errors: int) -> None:
        """Answer the next requests of this type with these errors, one each."""
        codes = (ctypes.c_int * len(errors))(*errors)
        _library().rd_kafka_mock_push_request_errors_array(self._cluster, request, len(errors), codes)

    def answer_well(self, request: int) -> None:
        """Forget the errors that were to come."""
        _library().rd_kafka_mock_clear_request_errors(self._cluster, request)
