"""Every process that connects to Kafka in a cluster can be given credentials without a change of the base manifests."""

import pytest

from bff.resilience.kafka_security import security_of
from tests.shell.operations.test_deploy import deployed
from tests.support.small.manifests import config

pytestmark = pytest.mark.quick
SIGNS_IN = {
    "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "mullion",
    "KAFKA_SASL_PASSWORD": "secret",
}


def test_who_speaks_to_kafka_in_a_cluster_is_given_how_it_signs_in() -> None:
    """Without credentials the manifests work as they are; two lines of a config map and an optional secret add them."""
    speaking = [each for each in deployed() if each.where == "kubernetes" and "KAFKA_BOOTSTRAP" in each.env]
    assert {each.process for each in speaking} == {"bff-commands", "relay", "offers-intake", "projector", "ingest"}
    for each in speaking:
        assert {*SIGNS_IN} <= {*each.env}
        for name in ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"):
            assert each.env[name]["secretKeyRef"] == {"name": "mullion-kafka", "key": name, "optional": True}
    assert security_of(config()) == {}
    assert security_of(config() | SIGNS_IN)["sasl.password"] == "secret"
