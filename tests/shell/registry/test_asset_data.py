"""The `data` of a manifest's assets: the attributes are those that a layout writes, or the field is refused."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import turbohtml

from bff.contracts.asset import Asset
from bff.contracts.asset_data import DataRefused, data_attributes
from bff.contracts.manifest import ManifestRefused, parse
from shell.composition.release import AssetUse, Release, Snapshot
from shell.registry.asset_data import attributes_of, check_data
from shell.registry.gate.manifest_findings import refusal
from shell.registry.gate.rules import Rule
from shell.registry.snapshot_file import SnapshotFile
from tests.support.mullion import ROOT
from tests.support.podium.rig import Podium

SITE = {"key": "site", "value": "a"}
DATA: list[Any] = [
    [
        SITE,
        {"key": "pageType", "value": 7},
        {"key": "site", "value": "b"},
        {"key": "beta"},
        {"key": "on", "value": True},
    ],
    [{"key": "json", "value": "{&quot;a&quot;: &#39;?b=1&copy=2&amp;c&#39;}"}, {"key": "n", "value": 0.25}],
    [{"key": "nothing", "value": 0}, {"key": "none", "value": None}],
    [],
]


def test_data_makes_the_attributes_that_a_layout_writes(podium: Podium) -> None:
    """As an HTML parser reads them: lower-case names, escaped values, the first of two equal names."""
    written = podium.elements(js=[{"value": "/a.js", "data": data} for data in DATA])["js"]
    for data, html in zip(DATA, written, strict=True):
        [element] = turbohtml.parse_fragment(html).find_all("script")
        there = {name: value or "" for name, value in element.attrs.items() if name.startswith("data-")}
        assert data_attributes(data) == there


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (
            {"js": [{"value": "/a.js", "data": [SITE, {"key": "a b"}]}]},
            r"ASCII letters.* `\$\.js\[0\]\.data\[1\]\.key`",
        ),
        (
            {"js": [{"value": "/a.js", "data": {"hx-get": "/x"}}]},
            r"data-hx-get is a word .* data-own-hx-get .*js\[0\]\.data`",
        ),
        ({"js": [{"value": "/a.js", "data": {"session-s": "9"}}]}, r"data-session-s is a word of the page"),
        ({"css": [{"value": "/a.css", "data": {"state": "x"}}]}, r"data-state is a word .*css\[0\]\.data`"),
        (
            {"css": [{"value": "/a.css", "data": {f"k{n}": "v" * 1000 for n in range(9)}}]},
            r"all assets has 8192 characters at most - at `\$\.css\[0\]\.data`",
        ),
    ],
)
def test_data_that_no_page_could_write_is_refused_by_its_field(manifest: dict[str, Any], says: str) -> None:
    """So is data that the page's own scripts would act on; a live release with it is still read."""
    whole = {"name": "listed", "version": "1", "content": "/", **manifest}
    read = parse(json.dumps(whole).encode())
    with pytest.raises(ManifestRefused, match=says) as refused:
        check_data(read)
    found = refusal(f"manifest at http://x.test/manifest.json: {refused.value}", None)
    assert re.fullmatch(r"(js|css)\[0\]\.data(\[\d\]\.key)?", found.field)
    assert (found.rule, "Write data as" in found.remedy) == (Rule.MANIFEST, True)


def test_script_may_have_words_that_only_slots_use() -> None:
    """A script's element is outside of any slot, and `data-version` is a common name."""
    read = parse(json.dumps({"name": "a", "version": "1", "js": [{"value": "/a", "data": {"version": "2"}}]}).encode())
    check_data(read)
    assert attributes_of("js", read.js[0]) == (("data-version", "2"),)


def test_what_the_page_looks_for_everywhere_is_no_scripts_own() -> None:
    """Compared with the page's scripts: one that selects another `data-*` in the whole document makes this fail."""
    texts = [path.read_text("utf-8") for path in (ROOT / "static").rglob("*.js") if "vendor" not in path.parts]
    wide = {name for text in texts for name in re.findall(r'document\.querySelector(?:All)?\("\[(data-[a-z-]+)', text)}
    assert wide >= {"data-session-s", "data-live-status"}
    for name in wide:
        asset = msgspec.convert({"value": "/a", "data": {name.removeprefix("data-"): ""}}, Asset)
        with pytest.raises(DataRefused):
            attributes_of("js", asset)


def test_shell_that_starts_without_the_database_has_the_data(tmp_path: Path) -> None:
    """The snapshot file has the same data for each asset as the database."""
    manifest = parse(b'{"name": "a", "version": "1"}')
    uses = {"a.js": AssetUse(data=(("data-site", "a"),))}
    release = Release("a", "1", manifest, "http://x.test/manifest.json", b"", css=(), js=("a.js",), uses=uses)
    file = SnapshotFile(tmp_path / "snapshot", "secret")
    file.write(Snapshot(1, {"a": release}), {})
    read = file.read()
    assert read is not None
    assert read[0].releases["a"].use("a.js").data == (("data-site", "a"),)
