"""How many replicas a cluster may run, evict and scale to, and who has the greatest share of a processor."""

import re

import pytest

from tests.shell.operations.test_deploy import KUBERNETES, compose, container_of, of_kind, processes
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

DOCKERS_SHARE = 1024


def test_metrics_that_scaling_reads_are_metrics_of_a_house() -> None:
    sources = "".join(file.read_text("utf-8") for room in ("bff", "shell") for file in (ROOT / room).rglob("*.py"))
    read = set(re.findall(r"mullion_[a-z_]+", (KUBERNETES / "large" / "scaling.yaml").read_text("utf-8")))
    assert {name for name in read if f'"{re.sub("_(sum|count|bucket)$", "", name)}"' not in sources} == set()


def test_projectors_and_relays_follow_what_waits_for_them_and_are_never_more_than_partitions() -> None:
    """At least two run, so that one may die; more than there are partitions would have no work."""
    [(_, config)] = of_kind("ConfigMap")
    scaled = {each["spec"]["scaleTargetRef"]["name"]: each["spec"] for _, each in of_kind("ScaledObject")}
    queries = {name: each["triggers"][0]["metadata"]["query"] for name, each in scaled.items()}
    assert queries["projector"] == "max(mullion_projector_lag_seconds)", "each of them says the lag of all partitions"
    assert queries["relay"] == "sum(mullion_relay_backlog_events)", "each of them says what waits in its own"
    for name in ("projector", "relay"):
        each = scaled[name]
        assert (each["minReplicaCount"], each["maxReplicaCount"]) == (2, int(config["data"]["LEDGER_PARTITIONS"]))


def test_one_of_each_at_a_time_is_taken_away_and_each_is_bounded_and_writes_nothing() -> None:
    """A drain evicts one pod of a process at a time; each has a memory limit, a read-only root and an unprivileged
    user.
    """
    deployments = [each for file, each in of_kind("Deployment") if file.parent.name in ("base", "fragments")]
    budgets = {each["metadata"]["name"]: each["spec"] for _, each in of_kind("PodDisruptionBudget")}
    assert len(deployments) == len(processes()) - 1, "the operators' admin is by its own folder, and there is one"
    for each in deployments:
        name, pod = each["metadata"]["name"], each["spec"]["template"]
        assert budgets[name]["maxUnavailable"] == 1
        assert budgets[name]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        container = container_of(each)
        assert {"cpu", "memory"} == {*container["resources"]["requests"]}
        assert container["resources"]["limits"]["memory"]
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]


def test_money_goes_before_browsing_where_the_processor_is_short() -> None:
    """The engine and its database have the greatest share of a machine, and the engine the greatest of a cluster's."""
    shares = {name: each.get("cpu_shares", DOCKERS_SHARE) for name, each in compose()["services"].items()}
    engine = {shares.pop("bff-commands"), shares.pop("postgres")}
    assert min(engine) >= 4 * max(shares.values())
    requests = {
        each["metadata"]["name"]: int(container_of(each)["resources"]["requests"]["cpu"].removesuffix("m"))
        for file, each in of_kind("Deployment")
        if file.parent.name in ("base", "fragments")
    }
    assert requests["bff-commands"] == max(requests.values())
