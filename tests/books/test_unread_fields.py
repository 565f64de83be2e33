"""What somebody can write into a manifest, a `house.toml`, a policy or a house's settings is read by something."""

import re
from pathlib import Path

import pytest

from bff.contracts.load_class import LoadClass
from bff.contracts.manifest import Extension, Manifest, ProxyTarget
from shell.operations.up.house import House, Process, Secrets
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

SOURCES = {
    path: path.read_text("utf-8") for room in ("bff", "fragments", "shell") for path in (ROOT / room).rglob("*.py")
}
READ = set(re.findall(r"\.(\w+)\b(?! *=[^=])", "\n".join(SOURCES.values())))
# Django and the libraries that are installed in it read these themselves.
OF_FRAMEWORKS = {"ROOT_URLCONF", "ASGI_APPLICATION", "DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS"}


def fields_of_policies() -> dict[str, str]:
    """By `Class.field`: the fields of every class whose name ends in `Policy`."""
    found = {}
    for text in SOURCES.values():
        for name, body in re.findall(r"^class (\w*Policy)\b.*?:\n((?:    .*\n|\n)+)", text, re.MULTILINE):
            for field in re.findall(r"^    ([a-z]\w*): ", body, re.MULTILINE):
                found[f"{name}.{field}"] = field
    return found


@pytest.mark.parametrize("kind", [Manifest, Extension, ProxyTarget, House, Process, Secrets])
def test_every_field_that_a_team_declares_is_read(kind: type) -> None:
    """A field that changes nothing would promise its team something."""
    fields = getattr(kind, "__struct_fields__", None) or kind.__dataclass_fields__  # type: ignore[attr-defined]
    assert [field for field in fields if field not in READ] == []


def test_every_number_of_a_policy_is_read() -> None:
    """Whoever changes a number changes what the house does."""
    by_class_of_load = {f"DoorPolicy.{each.value}_ratio" for each in LoadClass}
    policies = fields_of_policies()
    assert len(policies) > 100
    assert {where for where, field in policies.items() if field not in READ} - by_class_of_load == set()


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.name == "settings.py"], ids=lambda path: path.parent.name
)
def test_every_setting_of_a_house_is_read(path: Path) -> None:
    """By the house itself, by what it is made from, or by Django."""
    from django.conf import global_settings

    names = set(re.findall(r"^([A-Z][A-Z0-9_]+)(?:: [^=]+)? = ", SOURCES[path], re.MULTILINE))
    assert names
    quoted = set(re.findall(r"[\"'](\w+)[\"']", "\n".join(SOURCES.values())))
    unread = {name for name in names - READ - quoted - OF_FRAMEWORKS if not hasattr(global_settings, name)}
    assert {name for name in unread if len(re.findall(rf"\b{name}\b", SOURCES[path])) == 1} == set()
