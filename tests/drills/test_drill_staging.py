"""Drills against a system that runs elsewhere, as the README has it: by its addresses, its key, a list of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shell.operations.up.plan import PARTITION_KEY
from tests.drills import run_record
from tests.drills.mark import key_of
from tests.support.lobby import SLOTS
from tests.support.mullion import ROOT, Mullion

LIST = """\
environments:
  - name: staging
    targets: ["{url}"]
    scopes: [session]
    for_s_max: 60
"""


def drill(staging: Mullion, folder: Path, *words: str, key: str = "") -> subprocess.CompletedProcess[str]:
    """The command at a desk that has no data of the system, only what the README names."""
    (folder / "staging.yaml").write_text(LIST.format(url=staging.url), "utf-8")
    where = ["--base-url", staging.url, "--control-url", staging.url_of("drills")]
    listed = ["--environments", str(folder / "staging.yaml")]
    environ = {name: value for name, value in os.environ.items() if name != PARTITION_KEY}
    return subprocess.run(
        [sys.executable, "manage.py", "drill", *words, *where, *listed, "--to", str(folder / "run")],
        cwd=ROOT,
        env={**environ, "MULLION_DATA_ROOT": str(folder), **({PARTITION_KEY: key} if key else {})},
        capture_output=True,
        text=True,
        timeout=150,
    )


@pytest.mark.full
@pytest.mark.timeout(300)
def test_system_elsewhere_is_drilled_for_a_marked_session_and_for_nobody_else(
    drilled_house: Mullion, tmp_path: Path
) -> None:
    drilled_house.wait(lambda: drilled_house.get("/")[1].count('data-state="fresh"') == len(SLOTS), 60)
    key = key_of(drilled_house.data)
    for words, given, sentence in (
        (["run", "promotions-slow", "--scope", "session"], "", "No session can be marked without the target's key"),
        (["run", "promotions-slow", "--scope", "everyone"], key, "staging may be drilled with the scope session only"),
        (
            ["try", "promotions", "latency=3000", "--for", "90", "--scope", "session"],
            key,
            "staging may be broken for at most 60 s, and this drill lasts 90 s",
        ),
    ):
        refused = drill(drilled_house, tmp_path, *words, "--http", key=given)
        assert (refused.returncode, refused.stderr.count("\n")) == (3, 1), refused.stdout + refused.stderr
        assert sentence in refused.stderr
    held = drill(drilled_house, tmp_path, "run", "promotions-slow", "--scope", "session", key=key)
    assert held.returncode == 0, held.stdout + held.stderr
    [found] = run_record.journals(tmp_path / "run", run_record.read(tmp_path / "run"))
    assert (found.mullion.scope, found.mullion.target) == ("session", drilled_house.url)
    assert {each.slot for each in found.mullion.siblings} == {"wallet", "tables", "games"}
    assert next(each for each in found.mullion.expectations if each.subject == "others").held
