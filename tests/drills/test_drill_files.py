"""Drill files: what is refused is refused in one sentence with its line, its field and what was probably meant."""

import json
from pathlib import Path

import pytest

from bff.resilience.reason import Reason
from tests.drills.kit.drill import STATES, schema
from tests.drills.kit.loader import BYTES_MAX, DrillFileWrong, load, parse
from tests.drills.runner import library
from tests.drills.runner.hop_effects import SLOTS

SCHEMA = Path(__file__).parent / "files" / "drill.schema.json"
HEAD = "title: Wallet slow\n"
STEP = "method:\n  - hop: shell:wallet\n    fault: latency\n"
EXPECT = "expect:\n  slots:\n    wallet: {}\n"


def test_smallest_drill_has_sensible_defaults() -> None:
    """One slot that falls back within five seconds and heals within ten; probes that say that all is fresh."""
    drill = parse((HEAD + STEP + EXPECT).encode(), "d.yaml")
    wanted = drill.expect.slots["wallet"]
    assert (wanted.state, wanted.within_s, wanted.heals_within_s) == (["fallback", "stale", "degraded"], 5, 10)
    assert [probe.name for probe in drill.probes] == ["/ answers 200 within 2000 ms", "wallet is fresh"]
    assert (drill.scope, drill.clock, drill.lasts_s) == ("everyone", "held", 10)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "d.yaml, line 1: the whole file: expected object, got null"),
        (HEAD + "metod: []\n", "d.yaml, line 2: metod: there is no such field; did you mean method?"),
        (HEAD + STEP.replace("fault", "falt") + EXPECT, "line 4: method[0].falt: there is no such field; did you mean"),
        (HEAD + STEP + "    for_s: soon\n" + EXPECT, "line 5: method[0].for_s: expected float, got str"),
        (HEAD + STEP + "    for_s: -1\n" + EXPECT, "line 5: method[0].for_s: expected float > 0.0"),
        (HEAD + STEP + EXPECT.replace("{}", "{state: [fallbak]}"), "line 7: expect.slots.wallet.state[0]: 'fallbak'"),
        (HEAD + STEP + EXPECT.replace("{}", "{state: [fallbak]}"), "did you mean fallback?"),
        (HEAD + STEP + EXPECT.replace("{}", "{witin_s: 1}"), "expect.slots.wallet.witin_s: there is no such field"),
        (HEAD + "scope: sesion\n" + STEP + EXPECT, "'sesion' is none of everyone, session; did you mean session?"),
        (HEAD + STEP.replace("    fault: latency\n", "") + EXPECT, "line 3: method[0]: a step that breaks a hop"),
        (HEAD + STEP + "    act: deposit\n" + EXPECT, "line 3: method[0]: a step has exactly one of hop, provider and"),
        (HEAD + "method: []\n" + EXPECT, "line 2: method: expected array of length >= 1"),
        (HEAD + HEAD + STEP + EXPECT, "line 2: title stands here a second time"),
        ("title: [a", "line 1: this is no YAML"),
        ("a: &x 1\nb: *x", "anchors and aliases are not read here"),
        ("title: !!python/object:os.system x", "line 1: 'x' can not be read"),
        ("? [a]\n: 1", "line 1: a field has a name"),
        ("title: a\x00b", "this is no YAML"),
        ("[" * 40 + "]" * 40, "nested too deeply"),
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
        ("x" * (BYTES_MAX + 1), "more than 256 KB is no drill"),
        (HEAD + STEP + "    with: {latency: [1]}\n" + EXPECT, "line 5: method[0].with.latency: expected int | str"),
        (HEAD + STEP + EXPECT + "rollback: [{hop: 'a:b', fault: down}]\n", "rollback: what was broken is healed by"),
        (HEAD + "hypothesis: {probes: [{page: /, slot: a}]}\n" + STEP + EXPECT, "exactly one of page, slot and ledger"),
    ],
)  # fmt: skip
def test_slip_in_a_file_is_one_sentence_with_line_field_and_suggestion(text: str, sentence: str) -> None:
    with pytest.raises(DrillFileWrong) as refused:
        parse(text.encode(), "d.yaml")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_file_that_is_no_text_or_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DrillFileWrong, match=r"d\.yaml: it is not UTF-8"):
        parse(b"\xff", "d.yaml")
    with pytest.raises(DrillFileWrong, match="no such file or directory"):
        load(tmp_path / "none.yaml")


def test_text_that_yaml_takes_for_a_date_stays_text() -> None:
    """A reason or a word of a page may look like one."""
    drill = parse((HEAD + STEP + EXPECT.replace("{}", "{words: [2026-03-01]}")).encode(), "d.yaml")
    assert drill.expect.slots["wallet"].words == ["2026-03-01"]


def test_every_story_that_ships_can_be_read() -> None:
    assert library.stories()
    for name, file in library.stories().items():
        drill = load(file)
        assert "story" in drill.tags, name
        assert file.read_text("utf-8").startswith("# yaml-language-server: $schema=../drill.schema.json\n"), name


def test_schema_that_editors_use_is_the_one_that_the_loader_obeys() -> None:
    """To make it anew: uv run python -m tests.drills.kit.drill"""
    assert json.loads(SCHEMA.read_text("utf-8")) == schema()


def test_drill_that_there_is_not_is_refused_with_what_was_meant() -> None:
    with pytest.raises(library.Unknown, match=r"There is no drill 'promotion-slow'. Did you mean promotions-slow\?"):
        library.find("promotion-slow")


def test_readme_has_every_state_and_reason_that_a_slot_may_show() -> None:
    """They are a contract for whoever writes tests: a word that is added is written down with it."""
    readme = (SCHEMA.parents[1] / "README.md").read_text("utf-8")
    contract = readme.partition("## What a slot says of itself")[2].partition("\n## ")[0]
    for word in (*STATES, *Reason):
        assert f"`{word}`" in contract, word


@pytest.mark.parametrize("name", library.stories())
def test_story_of_the_lobby_compares_every_slot_that_it_does_not_break(name: str) -> None:
    """A slot that comes to the page is no exception."""
    expected = load(library.stories()[name]).expect
    if "tables" in {*expected.slots, *expected.siblings}:
        assert {*expected.slots, *expected.siblings} == {*SLOTS}
