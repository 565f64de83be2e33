"""Deployment files agree with the houses on processes, variables, ports and probes, and hold no secret."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from shell.operations.up import find, operators_admin
from shell.operations.up.house import ADMIN_OFFSET, Process
from shell.operations.up.operators_admin import ADMIN_NAME
from tests.support import kubernetes
from tests.support.mullion import ROOT
from tests.support.settings_book import book

pytestmark = pytest.mark.quick

DEPLOY = ROOT / "shell" / "operations" / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
# As KEDA and Knative publish them.
SCHEMAS = {
    "keda.sh/v1alpha1": "keda-2.16-scaledobject.json",
    "serving.knative.dev/v1": "knative-1.17-service.json",
}
# A platform sets it: Knative and Lambda the port, the image what is the same for every process.
BY_THE_PLATFORM: dict[str, set[str]] = {
    "knative": {"PORT"},
    "compose": {"HOST", "PORT"},
    "lambda": {"HOST", "PORT"},
    "kubernetes": set(),
}
FRAGMENTS = {"wallet", "live-dealer", "promotions", "games"}
# One of two ways is enough.
EITHER = {"BROKER_URL": "KAFKA_BOOTSTRAP"}


@dataclass(frozen=True)
class Deployed:
    """One process as a file runs it: `command` without the interpreter; `ports` by name."""

    where: str
    process: str
    command: str
    env: Mapping[str, Any]
    ports: Mapping[str, int]
    probes: Mapping[str, tuple[str, str]]


@cache
def processes() -> Mapping[str, Process]:
    """Sandboxes are stand-ins for providers and are not deployed; the admin is in no `house.toml` and is added here."""
    every = [process for house in find.houses(ROOT) for process in house.processes]
    every.append(Process(ADMIN_NAME, ADMIN_OFFSET, "/healthz", asgi=operators_admin.APPLICATION))
    return {process.name: process for process in every if not process.name.startswith("sandbox-")}


@cache
def documents() -> list[tuple[Path, dict[str, Any]]]:
    files = sorted(KUBERNETES.rglob("*.yaml"))
    return [(file, each) for file in files for each in yaml.load_all(file.read_text("utf-8"), yaml.CSafeLoader)]


def of_kind(*kinds: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    return ((file, each) for file, each in documents() if each["kind"] in kinds)


def is_function(document: Mapping[str, Any]) -> bool:
    return bool(document["apiVersion"].startswith("serving.knative.dev/"))


def container_of(document: Mapping[str, Any]) -> dict[str, Any]:
    [container] = document["spec"]["template"]["spec"]["containers"]
    return dict(container)


def deployed() -> Iterator[Deployed]:
    for _, each in [*of_kind("Deployment"), *(pair for pair in of_kind("Service") if is_function(pair[1]))]:
        container = container_of(each)
        probes = {
            name: (found["httpGet"]["path"], found["httpGet"]["port"])
            for name in ("startupProbe", "livenessProbe", "readinessProbe")
            if (found := container.get(name))
        }
        where = "knative" if is_function(each) else "kubernetes"
        env = {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        yield Deployed(where, each["metadata"]["name"], " ".join(container["command"][1:]), env, ports, probes)
    for name, each in compose()["services"].items():
        if name in processes():
            [path] = re.findall(r"127\.0\.0\.1:8080(/\w+)", each["healthcheck"]["test"][-1])
            command = " ".join(each["command"][1:])
            yield Deployed("compose", name, command, each["environment"], {}, {"healthcheck": (path, "http")})
    for each in template()["Resources"].values():
        env = {**each["Properties"]["Environment"]["Variables"]}
        yield Deployed("lambda", env["PROCESS_NAME"], each["Properties"]["Handler"], env, {}, {})


@cache
def compose() -> dict[str, Any]:
    return dict(yaml.load((DEPLOY / "compose.yaml").read_text("utf-8"), yaml.CSafeLoader))


class _Template(yaml.CSafeLoader):
    """A template of AWS, whose `!Ref` and `!GetAtt` stay words."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix} {node.value}")


@cache
def template() -> dict[str, Any]:
    return dict(yaml.load((DEPLOY / "aws" / "template.yaml").read_text("utf-8"), _Template))


EVERY = [pytest.param(each, id=f"{each.where}-{each.process}") for each in deployed()]


def test_every_process_of_every_house_is_deployed_and_no_other() -> None:
    by_file: dict[str, set[str]] = {}
    for each in deployed():
        by_file.setdefault(each.where, set()).add(each.process)
    assert by_file == {
        "kubernetes": {*processes()},
        "compose": {*processes()},
        "knative": FRAGMENTS,
        "lambda": FRAGMENTS,
    }


@pytest.mark.parametrize("each", EVERY)
def test_process_is_started_as_its_house_says(each: Deployed) -> None:
    process = processes()[each.process]
    command = f"-m {process.run}" if process.run else f"-m bff.resilience.serving {process.asgi}"
    if each.where == "lambda":
        command = process.asgi.replace(".asgi:application", ".function.handler")
    assert each.command == command
    assert each.env["PROCESS_NAME"] == each.process


@pytest.mark.parametrize("each", EVERY)
def test_process_is_given_what_production_requires_and_nothing_that_it_does_not_read(each: Deployed) -> None:
    read = {name: row for name, row in book().items() if {"all", each.process} & row.processes}
    given = {*each.env, *BY_THE_PLATFORM[each.where]}
    assert given - {*read} == set(), f"By SETTINGS.md {each.process} reads none of these"
    needed = {name for name, row in read.items() if re.match(r"required|set it(?!, with)", row.production)}
    if processes()[each.process].inner is None:
        needed -= {"INNER_PORT"}
    assert needed - given == set(), f"By SETTINGS.md {each.process} needs these"
    assert not {"DEBUG", "PARTITION_KEY"} & given
    for either, other in EITHER.items():
        assert either not in read or {either, other} & given


def test_kubernetes_gives_each_process_what_compose_gives_it() -> None:
    """Optional settings, such as the address of a games provider, can be set in both."""
    given = {(each.where, each.process): {*each.env} for each in deployed()}
    missing = {
        process: names - given["kubernetes", process]
        for (where, process), names in given.items()
        if where == "compose" and names - given["kubernetes", process]
    }
    assert missing == {}


@pytest.mark.parametrize("each", EVERY)
def test_no_secret_has_a_value_in_a_file(each: Deployed) -> None:
    secrets = {name for name, row in book().items() if row.type in ("secret", "key")}
    for name in {*each.env} & (secrets | {"DATABASE_URL", "SHELL_DATABASE_URL"}):
        value = each.env[name]
        if each.where == "lambda":
            assert value == "!Ref PlayerContextPublicKey"
        elif each.where == "compose":
            assert "${" in value
        else:
            assert set(value) == {"secretKeyRef"}


@pytest.mark.parametrize("each", [each for each in EVERY if each.values[0].ports])
def test_ports_and_probes_are_the_processes(each: Deployed) -> None:
    """A worker whose store is away stays alive and is only unready, so Kubernetes does not restart it."""
    process = processes()[each.process]
    assert {*each.ports} == (
        {"http1"} if each.where == "knative" else {"http"} | ({"inner"} if process.inner else set())
    )
    if "PORT" in each.env:
        assert int(each.env["PORT"]) == each.ports["http"]
    if "INNER_PORT" in each.env:
        assert int(each.env["INNER_PORT"]) == each.ports["inner"]
    for name, (path, port) in each.probes.items():
        assert port in {*each.ports, *each.ports.values()}
        if name == "readinessProbe":
            ends_slowly = each.process in FRAGMENTS
            assert path == ("/readyz" if process.inner or ends_slowly else process.ready)
            assert (port == "inner") == bool(process.inner)
        else:
            assert path == ("/healthz" if process.asgi else "/livez")


def admits(policy: Mapping[str, Any], pod: Mapping[str, str]) -> bool:
    """Whether a network policy lets any pod connect to a pod with these labels."""
    wanted = policy["spec"]["podSelector"].get("matchLabels", {})
    return bool(policy["spec"].get("ingress")) and wanted.items() <= pod.items()


def test_operators_admin_is_reached_by_operators_alone() -> None:
    """No Ingress routes to the admin, and its network policy admits neither the players' ingress nor Prometheus."""
    [pod] = [
        each["spec"]["template"]["metadata"]["labels"]
        for _, each in of_kind("Deployment")
        if each["metadata"]["name"] == ADMIN_NAME
    ]
    [policy] = [each for _, each in of_kind("NetworkPolicy") if admits(each, pod)]
    assert policy["spec"]["ingress"] == [
        {"from": [{"namespaceSelector": {"matchLabels": {"mullion-operators": "true"}}}], "ports": [{"port": 8080}]}
    ]
    routed = {
        path["backend"]["service"]["name"]
        for _, each in of_kind("Ingress")
        for rule in each["spec"]["rules"]
        for path in rule["http"]["paths"]
    }
    assert "shell" in routed
    assert ADMIN_NAME not in routed
    service = compose()["services"][ADMIN_NAME]
    assert (service["profiles"], service["ports"]) == (["operators"], ["127.0.0.1:8009:8080"])
    below = [
        yaml.safe_load((KUBERNETES / each / "kustomization.yaml").read_text("utf-8")) for each in ("small", "large")
    ]
    assert not any("admin" in name for each in below for name in each["resources"]), "it is there where it is wanted"


def test_every_address_and_secret_that_is_referred_to_is_there_and_used() -> None:
    [(_, config)] = of_kind("ConfigMap")
    wanted: dict[str, set[str]] = {}
    pods = [each["spec"]["template"]["spec"] for _, each in documents() if each["kind"] in ("Deployment", "Job")]
    pods += [each["spec"]["jobTemplate"]["spec"]["template"]["spec"] for _, each in of_kind("CronJob")]
    pods += [each["spec"]["template"]["spec"] for _, each in of_kind("Service") if is_function(each)]
    for pod in pods:
        for container in pod["containers"]:
            for reference in (one["valueFrom"] for one in container["env"] if "valueFrom" in one):
                [(kind, what)] = reference.items()
                wanted.setdefault(f"{kind} {what['name']}", set()).add(what["key"])
    assert wanted.pop("configMapKeyRef mullion") == set(config["data"])
    readme = (DEPLOY / "README.md").read_text("utf-8")
    for secret, keys in wanted.items():
        name = secret.removeprefix("secretKeyRef ")
        [line] = re.findall(rf"^kubectl -n mullion create secret generic {name} .*$", readme, re.MULTILINE)
        assert {*re.findall(r"([A-Z_]+)=", line)} == keys


def test_every_variable_that_compose_asks_for_is_in_its_example() -> None:
    variables = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text("utf-8")))
    assert variables == set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "example.env").read_text("utf-8"), re.MULTILINE))


@cache
def schema_of(api_version: str) -> jsonschema.protocols.Validator:
    schema = json.loads((ROOT / "tests" / "support" / "schemas" / SCHEMAS[api_version]).read_text("utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def assert_fits(document: Mapping[str, Any]) -> None:
    schema_of(document["apiVersion"]).validate(document)


def test_slip_in_what_keda_and_knative_read_is_seen() -> None:
    """The schemas refuse an unknown name, a missing field and a word in place of a number."""
    _, scaled = next(of_kind("ScaledObject"))
    _, function = next(pair for pair in of_kind("Service") if is_function(pair[1]))
    slips = [
        {**scaled, "spec": {**scaled["spec"], "minReplicas": 3}},
        {**scaled, "spec": {**scaled["spec"], "triggers": [{"type": "prometheus"}]}},
        {**function, "spec": {"template": {"spec": {"containerConcurrency": "many"}}}},
    ]
    for slip in slips:
        with pytest.raises(jsonschema.ValidationError):
            assert_fits(slip)


@pytest.mark.parametrize("file", sorted(KUBERNETES.rglob("*.yaml")), ids=lambda file: str(file.relative_to(KUBERNETES)))
def test_manifest_is_what_kubernetes_takes(file: Path) -> None:
    """Kinds of Knative and KEDA are checked by their published schemas, and the pods in them by Kubernetes' own."""
    for _, each in (pair for pair in documents() if pair[0] == file):
        if each["kind"] == "Kustomization":
            assert all((file.parent / path).exists() for path in each["resources"])
        elif each["kind"] == "ScaledObject":
            assert_fits(each)
            assert each["spec"]["scaleTargetRef"]["name"] in processes()
            assert all(
                isinstance(one, str) for trigger in each["spec"]["triggers"] for one in trigger["metadata"].values()
            )
        elif is_function(each):
            assert_fits(each)
            spec = {
                key: value
                for key, value in each["spec"]["template"]["spec"].items()
                if key in ("containers", "volumes")
            }
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "function"}, "spec": spec}
            kubernetes.validate(pod)
        else:
            kubernetes.validate(each)


def test_each_file_below_an_overlay_is_reached_by_one_of_them() -> None:
    def reached(folder: Path) -> set[Path]:
        found = {folder / "kustomization.yaml"}
        for name in yaml.load((folder / "kustomization.yaml").read_text("utf-8"), yaml.CSafeLoader)["resources"]:
            path = (folder / name).resolve()
            found |= reached(path) if path.is_dir() else {path}
        return found

    all_ = {file.resolve() for file in KUBERNETES.rglob("*.yaml")}
    roots = ("small", "large", "migrate", "staging", "admin")
    assert set().union(*(reached(KUBERNETES / each) for each in roots)) == all_


def test_functions_template_is_what_aws_takes() -> None:
    """It runs in a process of its own, as importing the rules takes longer than running any other test here."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(DEPLOY / "aws" / "template.yaml")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (run.stdout + run.stderr, run.returncode) == ("", 0)


def test_image_holds_all_that_its_processes_import_and_runs_unprivileged() -> None:
    """The image has the folders and extras that its processes import, and its user has no login."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    copied = set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE))
    assert copied == {path.name for path in ROOT.iterdir() if path.name in ("bff", "fragments", "shell", "static")}
    assert set(re.findall(r"--extra (\S+)", text)) == {
        "shell",
        "bff",
        "wallet",
        "live-dealer",
        "promotions",
        "games",
        "postgres",
        "kafka",
    }
    assert re.search(r"^USER \d+$", text, re.MULTILINE)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert {f"!{name}" for name in (*copied, "pyproject.toml", "uv.lock", "manage.py")} <= set(ignored)
    assert ignored[0] == "*"
