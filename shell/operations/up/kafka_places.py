"""Asks Kafka where its servers are, signed in as the houses sign in.

Public: `advertised_places`, `KafkaRefused`.
"""

import importlib.util
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from bff.resilience.kafka_security import KafkaInsecure, security_of
from shell.operations.up.kafka_hop import Place, place_of

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

# Kafka's client is told where the servers are, and tries those addresses too, though nobody may listen there yet.
ANSWER_S = 6.0
_NOTHING = "Nothing was started."


class KafkaRefused(Exception):
    """Kafka can not be used as the settings say; the message says which is wrong, and never what a secret is."""


def advertised_places(servers: str, environ: Mapping[str, str]) -> set[Place | None]:
    """What the servers advertise, None for what is no place; raises `KafkaRefused`. `environ` has `KAFKA_SECURITY_…`,
    `KAFKA_SASL_…` and `KAFKA_SSL_…`, as the houses read them."""
    if importlib.util.find_spec("confluent_kafka") is None:
        raise KafkaRefused("Events over Kafka need Kafka's client, and it is missing: uv sync --extra kafka")
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    met: list[KafkaError] = []
    try:
        given = {"bootstrap.servers": servers, **security_of(environ)}
        settings: dict[str, Any] = {**given, "log_level": 0, "error_cb": met.append}
        client = AdminClient(settings)
    except KafkaInsecure as insecure:
        raise KafkaRefused(f"{insecure} {_NOTHING} Correct it; the houses would refuse it too.") from insecure
    except KafkaException as error:
        # A file that is no certificate, or no key.
        raise KafkaRefused(
            f"Kafka's client does not take KAFKA_SSL_… ({error.args[0].str()}). {_NOTHING} Correct these files."
        ) from error
    try:
        found = client.list_topics(timeout=ANSWER_S)
    except KafkaException as error:
        client.poll(0)
        raise KafkaRefused(_refusal(servers, error.args[0], met, environ)) from error
    return {place_of(f"{each.host}:{each.port}") for each in found.brokers.values()}


def _refusal(servers: str, error: "KafkaError", met: "Collection[KafkaError]", environ: Mapping[str, str]) -> str:
    """What is wrong: `error` says that there was no answer, `met` what the client met while it tried."""
    from confluent_kafka import KafkaError

    causes = {each.code(): each.str() for each in (*met, error)}
    if KafkaError._AUTHENTICATION in causes:
        user, mechanism = environ.get("KAFKA_SASL_USERNAME"), environ.get("KAFKA_SASL_MECHANISM")
        return (
            f"The Kafka at {servers} refuses {user} by {mechanism} ({causes[KafkaError._AUTHENTICATION]}). "
            f"{_NOTHING} Correct KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD or KAFKA_SASL_MECHANISM."
        )
    if KafkaError._SSL in causes:
        return (
            f"TLS with the Kafka at {servers} does not come about ({causes[KafkaError._SSL]}). {_NOTHING} "
            "Correct KAFKA_SSL_CA_FILE, which vouches for its certificate, the client's own certificate where Kafka "
            "asks for one, or KAFKA_SECURITY_PROTOCOL where that port speaks no TLS."
        )
    why = causes.get(KafkaError._TRANSPORT, error.str())
    protocol = environ.get("KAFKA_SECURITY_PROTOCOL") or "plaintext"
    return (
        f"KAFKA_BOOTSTRAP does not answer: {servers}, spoken to by {protocol} ({why}). {_NOTHING} Start that Kafka, "
        "correct KAFKA_BOOTSTRAP, set KAFKA_SECURITY_PROTOCOL to what that port speaks, or leave --broker out."
    )
