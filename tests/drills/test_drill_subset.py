"""A few drills of each kind, over HTTP as QA runs them: what is broken falls back and heals, and nothing else does."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.drills import run_record
from tests.drills.runner.cli import SUBSET
from tests.drills.verdict import Verdict
from tests.support.lobby import SLOTS
from tests.support.mullion import ROOT, Mullion

# About a minute; what does not hold beside others is run again alone, and on a slow machine that may be most of them.
DRILLED_S_MAX = 600


@pytest.mark.timeout(DRILLED_S_MAX + 100)
def test_every_drill_of_the_subset_holds(drilled_house: Mullion, tmp_path: Path) -> None:
    """That a browser sees an outage and proves it is tested in evidence/test_evidence_whole.py."""
    drilled_house.wait(lambda: drilled_house.get("/")[1].count('data-state="fresh"') == len(SLOTS), 60)
    where = ["--port-base", str(drilled_house.port_base), "--to", str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, "manage.py", "drill", "all", "--subset", "--http", *where],
        cwd=ROOT,
        env=drilled_house.environ,
        capture_output=True,
        text=True,
        timeout=DRILLED_S_MAX,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    drills = run_record.read(tmp_path).drills
    assert {each.verdict for each in drills} == {Verdict.HELD}
    assert {each.name for each in drills} == {*SUBSET, "promotions-slow"}
