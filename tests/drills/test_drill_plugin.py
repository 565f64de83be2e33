"""The pytest plugin as a QA team has it: copied out of the repository, which is not on its path."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.drills.kit import client as kit
from tests.drills.proxy.faults import FAULTS
from tests.drills.proxy_process import ProxyProcess

KIT = Path(kit.__file__).parent
STORIES = KIT.parent / "files" / "stories"


@pytest.fixture(scope="module")
def proxy() -> Iterator[ProxyProcess]:
    with ProxyProcess() as process:
        yield process


def run(folder: Path, proxy: ProxyProcess, test: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest over `test`, where nothing is installed of this repository but the plugin."""
    shutil.copytree(KIT, folder / "mullion_drills", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(STORIES, folder / "mullion_drills" / "stories")
    (folder / "test_it.py").write_text(test, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "mullion_drills.plugin",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:django",
    ]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    return subprocess.run(
        [*command, "--drill-control-url", proxy.url, *arguments],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_outage_and_drill_of_a_mark_are_on_while_their_test_runs_and_over_behind_it(
    tmp_path: Path, proxy: ProxyProcess
) -> None:
    for name in ("shell:a", "shell:live-dealer"):
        proxy.api.post("/proxies", json={"name": name, "upstream": proxy.upstream})
    ran = run(
        tmp_path,
        proxy,
        "import httpx, pytest\n"
        f"PROXIES = '{proxy.url}/proxies'\n"
        "def test_outage(outage):\n"
        "    outage('a', latency=3000, timeout={'timeout': 5}, for_s=20)\n"
        "    found = httpx.get(f'{PROXIES}/shell:a/toxics').json()\n"
        "    assert [(t['type'], t['ttl_s']) for t in found] == [('latency', 20), ('timeout', 20)]\n"
        "    assert found[0]['attributes']['latency'] == 3000\n"
        "    outage('shell->a', down=True)\n"
        "    assert not httpx.get(f'{PROXIES}/shell:a').json()['enabled']\n"
        "def test_over_behind_it():\n"
        "    found = httpx.get(f'{PROXIES}/shell:a').json()\n"
        "    assert (found['enabled'], found['toxics']) == (True, [])\n"
        "@pytest.mark.drill('live-hang')\n"
        "def test_drill(drill):\n"
        "    found = httpx.get(f'{PROXIES}/shell:live-dealer/toxics').json()\n"
        "    assert [t['type'] for t in found] == ['timeout']\n"
        "    assert 'tables' in drill.expect.slots\n",
    )
    assert (ran.returncode, "3 passed" in ran.stdout) == (0, True), ran.stdout + ran.stderr
    for name in ("shell:a", "shell:live-dealer"):
        found = proxy.api.get(f"/proxies/{name}").json()
        assert (found["enabled"], found["toxics"]) == (True, []), name
        proxy.api.delete(f"/proxies/{name}")


SLIPS = {
    "nobody(outage): outage('nobody', latency=1)": "The fault proxy refuses: proxy not found",
    "fault(outage): outage('hop:x', latncy=1)": "The fault proxy refuses:",
    "empty(outage): outage('a')": "An outage has a fault",
    "no_mark(outage): outage('a', latency=1, scope='session')": "--drill-mark",
    "nothing(): pass": "There is no drill 'nothing'; there are",
    "more(): pass": "does more than break hops",
}
MARKS = {"nothing(": "nothing", "more(": "payment-unanswered"}


def test_slip_is_one_sentence_and_breaks_nothing(tmp_path: Path, proxy: ProxyProcess) -> None:
    """Each alone: the test that has it is refused, and says what is wrong with it."""
    lines = ["import pytest"]
    for slip in SLIPS:
        lines += [f"@pytest.mark.drill('{name}')" for lead, name in MARKS.items() if slip.startswith(lead)]
        lines.append(f"def test_{slip}")
    ran = run(tmp_path, proxy, "\n".join(lines), "--junitxml", "report.xml")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    messages = {
        case.attrib["name"]: " ".join(each.attrib["message"] for each in case)
        for case in ElementTree.parse(tmp_path / "report.xml").iter("testcase")
    }
    assert len(messages) == len(SLIPS)
    for slip, sentence in SLIPS.items():
        assert sentence in messages[f"test_{slip.partition('(')[0]}"], slip
    assert proxy.toxics() == []


def test_base_address_that_nobody_listed_is_not_drilled(tmp_path: Path, proxy: ProxyProcess) -> None:
    test = "def test_it(base_url, outage): outage('a', latency=1)"
    ran = run(tmp_path, proxy, test, "--base-url", "https://casino.example.com")
    assert ran.returncode != 0
    assert "https://casino.example.com is not among drill_targets" in ran.stdout


def test_single_value_of_a_fault_is_an_attribute_that_it_has() -> None:
    """The plugin is installed alone and has no table of faults: what it knows of it must be true."""
    for fault, attribute in kit.SCALARS.items():
        assert FAULTS[fault].parameter(attribute) is not None
    for fault in FAULTS.values():
        name = kit.SCALARS.get(fault.name, fault.name)
        assert not fault.parameters or fault.parameter(name) is not None, fault.name
