"""Where a fragment's links lead in another layout's page."""

import json
import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from fragments.kit.pathnames import from_environment, from_header

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
OWN = {"cashier": "/cashier/", "table": "/tables/{table_id}/"}


def test_layout_says_where_its_pages_are_and_what_it_does_not_name_stays() -> None:
    """Unknown names are ignored, as a layout sends the same header to all fragments."""
    assert from_header(OWN, "cashier = /money/; lobby=/start/") == {**OWN, "cashier": "/money/"}
    assert from_header(OWN, "table=/play/{table_id}") == {**OWN, "table": "/play/{table_id}"}
    assert from_header(OWN, "") == OWN


@pytest.mark.parametrize(
    "value",
    [
        "//evil.example/",
        "https://evil.example/",
        "javascript:x",
        "/a\\b",
        "/x\x00",
        "",
        "/{table_id}/",
        "/{0}/",
        "/" + "x" * 1100,
    ],
)
def test_what_is_no_pathname_of_the_page_leaves_the_link_where_it_was(value: str) -> None:
    """A foreign or empty pathname, or one with an unknown parameter, is ignored."""
    assert from_header(OWN, f"cashier={value}") == OWN


@pytest.mark.parametrize("value", ["/play/", "/play/{table}/", "/{table_id}/{table_id}/", "/{table_id}{}/"])
def test_page_of_one_thing_keeps_the_part_that_names_it(value: str) -> None:
    """A pathname without the parameter is refused, as all tables would share one link."""
    assert from_header(OWN, f"table={value}") == OWN


def test_deployment_says_the_same_in_its_environment_and_a_slip_there_ends_the_start() -> None:
    """The message names the variable and the page."""
    assert from_environment(OWN, json.dumps({"cashier": "/money/", "lobby": "/start/"})) == {
        **OWN,
        "cashier": "/money/",
    }
    assert from_environment(OWN, "") == OWN
    for value, words in (
        ("{", "no JSON object"),
        ('["/a/"]', "no JSON object"),
        ('{"table": "/t/"}', "table has to be"),
    ):
        with pytest.raises(ImproperlyConfigured, match=f"PAGE_PATHNAMES.*{words}"):
            from_environment(OWN, value)


def test_tokens_of_a_page_that_has_none_are_the_houses() -> None:
    """In both themes every token has the shell's value, and a frame has a background."""
    shell, kit = ((ROOT / path).read_text("utf-8") for path in ("static/tokens.css", "fragments/kit/static/kit.css"))
    sheets = []
    for sheet in (shell, kit):
        roots = re.findall(r":root\)? \{(.*?)\n *\}", sheet, re.DOTALL)
        sheets.append([dict(re.findall(r"(--m-[\w-]+): ([^;]+);", root)) for root in roots])
    for own, kits in zip(*sheets, strict=True):
        values = {name: re.sub(r"calc\(([\d.]+) \* var\(--m-rem\)\)", r"\1rem", value) for name, value in kits.items()}
        layouts = {name for name in values if name.startswith("--m-frame-")} | {"--m-rem"}
        assert {name: value for name, value in values.items() if name not in layouts} == own
        assert "--m-frame-scheme" in layouts


@pytest.mark.parametrize("path", sorted(ROOT.glob("fragments/*/static/*.css")), ids=lambda path: path.name)
def test_every_rule_of_ours_stands_below_a_frame_or_its_host(path: Path) -> None:
    """Rules can not reach the rest of a layout's page; keyframes have the fragment's name."""
    sheet = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
    tops = re.findall(r"^(?! |\}|\n)(.+?)\s*\{", sheet, re.MULTILINE)
    assert tops
    for top in tops:
        assert re.match(
            r"(:where\()?\.frame|:where\(:root\)|:host|@media|@keyframes live-dealer-|:is\(\[data-slot", top
        ), top
