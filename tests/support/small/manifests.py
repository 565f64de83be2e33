"""The processes of the deploy folder's `small`: command, environment, probes and number of each, as its manifests say.

Public: `Deployment`, `deployments`, `config`, `PORT`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = Path(__file__).parents[3] / "shell" / "operations" / "deploy" / "kubernetes"
# The port of every process in its pod, and of every Service in the cluster.
PORT = 8080


@dataclass(frozen=True)
class Deployment:
    """`env` maps a name to its value, or to `(kind, object, key)` if the value is in another object."""

    name: str
    replicas: int
    command: tuple[str, ...]
    env: Mapping[str, str | tuple[str, str, str]]
    # Path and port name of each probe.
    ready: tuple[str, str]
    ready_every_s: float
    ready_failures: int
    has_service: bool


def _documents(folder: Path) -> list[dict[str, Any]]:
    """All documents of a kustomization, which refers to folders and files."""
    listed = yaml.load((folder / "kustomization.yaml").read_text("utf-8"), yaml.CSafeLoader)
    found: list[dict[str, Any]] = []
    for name in listed["resources"]:
        path = folder / name
        found += _documents(path) if path.is_dir() else list(yaml.load_all(path.read_text("utf-8"), yaml.CSafeLoader))
    return found


@cache
def _small() -> tuple[dict[str, Any], ...]:
    return tuple(_documents(KUBERNETES / "small"))


def config() -> dict[str, str]:
    """The ConfigMap: the installation's addresses."""
    [data] = [each["data"] for each in _small() if each["kind"] == "ConfigMap"]
    return dict(data)


def deployments() -> list[Deployment]:
    """Every one of `small`."""
    services = {each["metadata"]["name"] for each in _small() if each["kind"] == "Service"}
    return [_deployment(each, services) for each in _small() if each["kind"] == "Deployment"]


def _deployment(document: Mapping[str, Any], services: set[str]) -> Deployment:
    name, spec = document["metadata"]["name"], document["spec"]
    [container] = spec["template"]["spec"]["containers"]
    probe = container["readinessProbe"]
    return Deployment(
        name=name,
        replicas=spec["replicas"],
        command=tuple(container["command"]),
        env={
            one["name"]: one["value"] if "value" in one else _elsewhere(one["valueFrom"])
            for one in container["env"]
            if not _is_left_out(one)
        },
        ready=(probe["httpGet"]["path"], probe["httpGet"]["port"]),
        ready_every_s=probe["periodSeconds"],
        ready_failures=probe["failureThreshold"],
        has_service=name in services,
    )


def _is_left_out(variable: Mapping[str, Mapping[str, Mapping[str, object]]]) -> bool:
    """Whether an optional secret is absent; the rehearsed installation has none of these."""
    return bool(variable.get("valueFrom", {}).get("secretKeyRef", {}).get("optional"))


def _elsewhere(reference: Mapping[str, Mapping[str, str]]) -> tuple[str, str, str]:
    [(kind, where)] = reference.items()
    return kind, where["name"], where["key"]
