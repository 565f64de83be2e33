"""The overlay for staging with drills: patched onto `small` it is valid for Kubernetes and for the houses' settings."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from bff.resilience.addresses import AddressRule
from shell.operations.up.operators_admin import ADMIN_NAME
from shell.operations.up.plan import PARTITION_KEY
from tests.drills.proxy.collection import Proxies
from tests.shell.operations.test_deploy import DEPLOY, FRAGMENTS, KUBERNETES, processes
from tests.support import kubernetes
from tests.support.mullion import ROOT
from tests.support.settings_book import book

pytestmark = pytest.mark.quick

Document = dict[str, Any]
OVERLAY = KUBERNETES / "staging" / "kustomization.yaml"
DRILLED = {"shell", *FRAGMENTS}
# Where each module lies that the proxy has of its own.
IMPORTED = """
import sys
import tests.drills.proxy.__main__
print(*(module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)))
"""


@cache
def overlay() -> Document:
    return dict(yaml.load(OVERLAY.read_text("utf-8"), yaml.CSafeLoader))


def below(folder: Path) -> list[Document]:
    """Every document that a kustomization includes, directly or not."""
    found: list[Document] = []
    for name in yaml.load((folder / "kustomization.yaml").read_text("utf-8"), yaml.CSafeLoader)["resources"]:
        path = (folder / name).resolve()
        found += below(path) if path.is_dir() else [*yaml.load_all(path.read_text("utf-8"), yaml.CSafeLoader)]
    return found


@cache
def staging() -> dict[tuple[str, str], Document]:
    """The patched documents by kind and name, as kustomize builds them."""
    made = {(each["kind"], each["metadata"]["name"]): copy.deepcopy(each) for each in below(KUBERNETES / "small")}
    for patch in overlay()["patches"]:
        target, change = patch["target"], yaml.load(patch["patch"], yaml.CSafeLoader)
        hit = [each for each in made.values() if is_target(target, each)]
        assert hit, f"nothing is {target}"
        for each in hit:
            patched(each, change)
    return made


def is_target(target: Document, document: Document) -> bool:
    group, _, version = document["apiVersion"].rpartition("/")
    meta = document["metadata"]
    labels = (f"{key}={value}" for key, value in meta.get("labels", {}).items())
    return (
        (target.get("group", ""), target["version"], target["kind"]) == (group, version, document["kind"])
        and re.fullmatch(target.get("name", ".*"), meta["name"]) is not None
        and target.get("labelSelector", "") in ("", *labels)
    )


def patched(document: Document, change: Any) -> None:
    """A JSON patch that adds, or a strategic merge."""
    if isinstance(change, dict):
        merged(document, change)
        return
    for step in change:
        assert step["op"] == "add"
        *way, last = step["path"].strip("/").split("/")
        place: Any = document
        for name in way:
            place = place[int(name) if isinstance(place, list) else name]
        if last == "-":
            place.append(copy.deepcopy(step["value"]))
        else:
            assert last not in place
            place[last] = copy.deepcopy(step["value"])


def merged(into: Document, change: Document) -> None:
    """Lists are merged by the members' names, as Kubernetes' own types say; null removes a member."""
    for key, value in change.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            merged(into.setdefault(key, {}), value)
        elif isinstance(value, list) and all(isinstance(each, dict) for each in value):
            there = {each["name"]: each for each in into.setdefault(key, [])}
            for each in value:
                if each["name"] not in there:
                    into[key].append(there.setdefault(each["name"], {}))
                merged(there[each["name"]], each)
        else:
            into[key] = value


def pod(name: str) -> Document:
    return dict(staging()["Deployment", name]["spec"]["template"]["spec"])


def env_of(container: Document) -> dict[str, Any]:
    """The values that a process is given, without those from secrets."""
    config = staging()["ConfigMap", "mullion"]["data"]
    found = {}
    for each in container["env"]:
        source = each.get("valueFrom", {}).get("configMapKeyRef")
        found[each["name"]] = config[source["key"]] if source else each.get("value", each.get("valueFrom"))
    return found


def hops_of(name: str) -> list[dict[str, Any]]:
    """The hops that this pod's proxy is given; the caller's name is filled in by Kubernetes."""
    [sidecar] = pod(name)["initContainers"]
    env = env_of(sidecar)
    if "CALLER" in env:
        assert env["CALLER"] == {"fieldRef": {"fieldPath": "metadata.labels['process']"}}
    return list(json.loads(env["DRILL_HOPS"].replace("$(CALLER)", name)))


def test_all_of_it_is_what_kubernetes_takes() -> None:
    for (kind, _), each in staging().items():
        if kind in ("Deployment", "ConfigMap"):  # what no patch touches is checked where it stands
            kubernetes.validate(each)


def test_every_house_has_the_key_of_marks_from_a_secret_and_no_other_overlay_has_it() -> None:
    key = {"secretKeyRef": {"name": "mullion-drills", "key": PARTITION_KEY}}
    deployments = [name for kind, name in staging() if kind == "Deployment"]
    assert {*deployments} == {*processes()} - {ADMIN_NAME}
    for name in deployments:
        [container] = pod(name)["containers"]
        assert env_of(container)[PARTITION_KEY] == key, name
    rest = [file for file in KUBERNETES.rglob("*.yaml") if file != OVERLAY]
    assert not [file for file in rest if PARTITION_KEY in file.read_text("utf-8")]


def test_houses_are_given_nothing_that_they_do_not_read() -> None:
    for name in {*processes()} - {ADMIN_NAME}:
        [container] = pod(name)["containers"]
        read = {setting for setting, row in book().items() if {"all", name} & row.processes}
        assert {*env_of(container)} - read == set(), name


@pytest.mark.parametrize("name", sorted(DRILLED))
async def test_proxy_takes_its_hops_and_each_stands_between_two_that_are_there(name: str) -> None:
    """Every address on its own loopback that a process is given is a hop of the proxy beside it, and the proxy has no
    other hop.
    """
    there = [each for (kind, _), each in staging().items() if kind == "Service"]
    services = {f"{each['metadata']['name']}:{port['port']}" for each in there for port in each["spec"]["ports"]}
    services.add("valkey:6379")  # an installation's own
    proxies, listens = Proxies(), set()
    for hop in hops_of(name):
        proxy = await proxies.create({**hop, "enabled": False}, 0.0, fixed=True)
        caller, _, called = proxy.name.partition(":")
        assert (caller, called) == (name, proxy.upstream.partition(":")[0])
        assert proxy.upstream in services
        listens.add(proxy.listen)
    [container] = pod(name)["containers"]
    env = env_of(container)
    addresses = {env[call] for call in ("BFF_QUERIES_URL", "BFF_COMMANDS_URL", "REDIS_URL") if call in env}
    addresses |= {*env.get("FRAGMENT_ORIGINS", "").split(",")} - {""}
    assert {re.sub(r"^\w+://|/0$", "", address) for address in addresses} == listens


@pytest.mark.parametrize("name", sorted(DRILLED))
def test_proxy_is_there_before_its_house_and_is_asked_where_it_listens(name: str) -> None:
    spec = pod(name)
    [sidecar] = spec["initContainers"]
    assert (sidecar["restartPolicy"], sidecar["command"]) == ("Always", ["python", "-m", "tests.drills.proxy"])
    assert f":{env_of(sidecar)['PORT']}/healthz" in sidecar["startupProbe"]["exec"]["command"][-1]
    taken = {env_of(each)["PORT"] for each in (*spec["containers"], sidecar)}
    assert len(taken) == 2
    assert {"name": name, "count": 1} in overlay()["replicas"]


def test_shell_may_call_its_fragments_through_the_proxy() -> None:
    [container] = pod("shell")["containers"]
    env = env_of(container)
    rule = AddressRule.parse(env["FRAGMENT_NETWORKS"].split(","))
    rule.check("127.0.0.1", ["127.0.0.1"])
    assert {hop["name"] for hop in hops_of("shell")} == {f"shell:{each}" for each in (*FRAGMENTS, "valkey")}


def test_image_of_the_proxy_holds_all_that_it_imports(tmp_path: Path) -> None:
    """Both Dockerfiles copy the folders that the proxy imports, and no others."""
    for name in ("Dockerfile", "Dockerfile.drills"):
        for source in re.findall(r"^COPY (?!--from)(\S+) \S+$", (DEPLOY / name).read_text("utf-8"), re.MULTILINE):
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
                )
    [sidecar] = pod("shell")["initContainers"]
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    ours = [file for file in ran.stdout.split() if re.search(r"/(tests|bff|shell|fragments)/", file)]
    assert ours
    assert not [file for file in ours if not file.startswith(str(tmp_path)) and "site-packages" not in file]
    assert sidecar["image"] in {each["name"] for each in overlay()["images"]}
