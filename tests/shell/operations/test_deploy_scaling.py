"""What scales processes in a cluster reads what the houses say, and gives each as many as can work."""

import re

import pytest

from tests.shell.operations.test_deploy import KUBERNETES, of_kind
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick


def test_metrics_that_scaling_reads_are_metrics_of_a_house() -> None:
    sources = "".join(file.read_text("utf-8") for room in ("bff", "shell") for file in (ROOT / room).rglob("*.py"))
    read = set(re.findall(r"mullion_[a-z_]+", (KUBERNETES / "large" / "scaling.yaml").read_text("utf-8")))
    assert {name for name in read if f'"{re.sub("_(sum|count|bucket)$", "", name)}"' not in sources} == set()


def test_projectors_and_relays_follow_what_waits_for_them_and_are_never_more_than_partitions() -> None:
    """Two are there for when one dies; one more than there are partitions would have nothing to do."""
    [(_, config)] = of_kind("ConfigMap")
    scaled = {each["spec"]["scaleTargetRef"]["name"]: each["spec"] for _, each in of_kind("ScaledObject")}
    queries = {name: each["triggers"][0]["metadata"]["query"] for name, each in scaled.items()}
    assert queries["projector"] == "max(mullion_projector_lag_seconds)", "each of them says the lag of all partitions"
    assert queries["relay"] == "sum(mullion_relay_backlog_events)", "each of them says what waits in its own"
    for name in ("projector", "relay"):
        each = scaled[name]
        assert (each["minReplicaCount"], each["maxReplicaCount"]) == (2, int(config["data"]["LEDGER_PARTITIONS"]))
