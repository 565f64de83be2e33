"""Links of the repository's pages lead somewhere, and the systems that they name can install it."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

PAGES = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not {".venv", "node_modules", ".mullion", ".pytest_cache"} & set(path.relative_to(ROOT).parts)
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
# What is installed on Linux alone, where the service that it speaks to runs it.
LINUX_ALONE = {"awslambdaric"}
FENCE = re.compile(r"```.*?```", re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What GitHub calls the titles of `page`."""
    titles = re.findall(r"^#+ +(.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("book", PAGES, ids=lambda book: book.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_somewhere(book: Path) -> None:
    """A file or folder of the repository and, where it is named, a title in it."""
    for link in LINK.findall(FENCE.sub("", book.read_text("utf-8"))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, title = link.partition("#")
        target = (book.parent / path).resolve() if path else book
        assert target.exists(), f"{link}: there is no such file"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if title:
            assert title in anchors(target), f"{link}: {target.name} has no such title"


@pytest.mark.parametrize("system", ["manylinux.*x86_64", "manylinux.*aarch64", "macosx.*(arm64|universal2)"])
def test_every_dependency_installs_where_the_readme_says_without_a_compiler(system: str) -> None:
    """The lock file has a wheel for each system, of each package that is not plain Python or built on purpose."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    missing = []
    for package in packages:
        wheels = [wheel["url"].rpartition("/")[2] for wheel in package.get("wheels", [])]
        elsewhere = "linux" not in system and package["name"] in LINUX_ALONE
        if wheels and not elsewhere and not any("none-any" in wheel or re.search(system, wheel) for wheel in wheels):
            missing.append(package["name"])
    assert missing == []
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for name in LINUX_ALONE:
        assert re.search(rf"\"{name}[^\"]*; sys_platform == 'linux'\"", project), name
