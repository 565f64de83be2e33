"""The rehearsal of `small` runs what its manifests declare: two of each process, their commands and their variables."""

import pytest

from tests.support.small.installation import Small
from tests.support.small.manifests import config, deployments

pytestmark = pytest.mark.quick
# Of the machine, not of the product.
INHERITED = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV"}


@pytest.fixture
def planned(monkeypatch):
    """The planned installation, before any of its processes is started."""
    monkeypatch.delenv("KAFKA_BOOTSTRAP", raising=False)
    small = Small(None)
    yield small
    small._folder.cleanup()


def test_there_are_two_of_everything():
    """Any one process may die, so each has a second."""
    assert {each.replicas for each in deployments()} == {2}


@pytest.mark.parametrize("name", [each.name for each in deployments()])
def test_process_is_rehearsed_with_the_variables_of_its_manifest(planned, tmp_path, name):
    """Exactly the variables of the manifest are set; events go over Valkey where there is no Kafka."""
    deployment = planned.deployments[name]
    planned._secrets |= {"DATABASE_URL": "d", "SHELL_DATABASE_URL": "s"}
    given = set(planned.environment(deployment, tmp_path)) - INHERITED
    renamed = {"KAFKA_BOOTSTRAP": "BROKER_URL"}
    assert given == {renamed.get(variable, variable) for variable in deployment.env}
    assert deployment.command[:2] == ("python", "-m")


def test_addresses_of_services_lead_to_this_machine(planned):
    """Addresses that a process is given hold no name of the cluster."""
    services = {each.name for each in deployments() if each.has_service}
    for variable, value in planned._installed().items():
        assert not any(f"//{name}:" in value for name in services), variable
    assert set(planned._installed()) == set(config())
