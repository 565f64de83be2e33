"""`manage.py drill report`: from journals on disk to a page, without a system that runs."""

import argparse
from pathlib import Path

import pytest

from tests.drills.report import cli
from tests.drills.report.runs import CanNotRead
from tests.drills.report.samples import a_journal, put_run

pytestmark = pytest.mark.quick


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_verb(parser.add_subparsers(dest="verb"))
    return parser.parse_args(["report", *words])


def test_last_run_is_reported_where_none_is_named(tmp_path: Path) -> None:
    put_run(tmp_path / "drills" / "20260301T1", a_journal())
    last = put_run(tmp_path / "drills" / "20260302T1", a_journal())
    (tmp_path / "drills" / "20260303T1").mkdir()
    output = cli.main(parsed(), tmp_path)
    assert output.startswith("Held: Promotions answered 3 s late for 30 s, for one browser session.")
    assert f"Report: {last / 'report.html'}" in output
    assert (last / "junit.xml").is_file()


def test_report_goes_where_it_is_wanted(tmp_path: Path) -> None:
    run = put_run(tmp_path / "run", a_journal())
    cli.main(parsed(str(run), "--to", str(tmp_path / "there")), tmp_path)
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["junit.xml", "report.html"]


def test_what_can_not_be_reported_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CanNotRead, match="There is no run yet"):
        cli.main(parsed(), tmp_path)
    run = put_run(tmp_path / "run", a_journal())
    (tmp_path / "file").touch()
    with pytest.raises(CanNotRead, match="The report can not be written"):
        cli.main(parsed(str(run), "--to", str(tmp_path / "file")), tmp_path)
