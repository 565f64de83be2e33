"""How Kafka is signed in to: wrong settings are refused in words."""

import pytest

from bff.resilience.kafka_security import KafkaInsecure, security_of

pytestmark = pytest.mark.quick

SIGNS_IN = {
    "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "mullion",
    "KAFKA_SASL_PASSWORD": "not-to-be-shown",
}


def test_nothing_is_asked_of_a_kafka_that_asks_for_nothing():
    assert security_of({}) == security_of({"KAFKA_SECURITY_PROTOCOL": ""}) == {}


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
