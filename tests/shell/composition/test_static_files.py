"""The address of a file of the shell changes if and only if its content, or that of a file that it imports, changes."""

import posixpath
import re
from pathlib import Path

import pytest

from shell.composition.assets import PREFIX, ROOT, StaticFiles, static_url

pytestmark = pytest.mark.quick

TREE = {
    "page.js": 'import { one } from "./parts/one.js";\nimport("./late.js");\n',
    "late.js": 'export { one } from "./parts/one.js";\n',
    "parts/one.js": 'import "./two.js";\nexport const one = 1;\n',
    "parts/two.js": "globalThis.two = 2;\n",
    "alone.js": "export default 3;\n",
    "page.css": '.logo { background: url("icon.svg"); }\n',
    "icon.svg": "<svg/>",
}
COMMENTS = re.compile(r"(?s:/\*.*?\*/)|^\s*//[^\n]*$", re.MULTILINE)
IMPORTS = re.compile(r"""(?:from\s*|import\s*\(?\s*|url\()["']([./][^"']+)["']""")


def written(root: Path, tree: dict[str, str]) -> StaticFiles:
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return StaticFiles(root)


@pytest.mark.parametrize(
    ("changed", "moved"),
    [
        ("parts/two.js", {"parts/two.js", "parts/one.js", "late.js", "page.js"}),
        ("late.js", {"late.js", "page.js"}),
        ("alone.js", {"alone.js"}),
        ("icon.svg", {"icon.svg", "page.css"}),
        ("page.css", {"page.css"}),
    ],
)
def test_a_changed_file_moves_itself_and_whoever_names_it(tmp_path: Path, changed: str, moved: set[str]) -> None:
    """Whatever else a browser has of the shell, it keeps."""
    before = written(tmp_path / "before", TREE)
    after = written(tmp_path / "after", {**TREE, changed: TREE[changed] + "/* changed */"})
    assert {name for name in TREE if before.url(name) != after.url(name)} == moved


def test_the_address_of_other_content_is_no_file(tmp_path: Path) -> None:
    """Nothing is stored for a year under an address that does not stand for it."""
    before = written(tmp_path / "before", TREE)
    after = written(tmp_path / "after", {**TREE, "alone.js": "export default 4;\n"})
    assert after.file(before.url("alone.js")) is None
    assert after.file(f"{PREFIX}alone.js") is None
    assert after.file(f"{PREFIX}../settings.py") is None


def test_every_file_that_a_file_names_is_served_at_that_address() -> None:
    """The shell's own tree, as browsers walk it: no module asks for another by an address that moves."""
    files = StaticFiles()
    walked = 0
    for path in ROOT.rglob("*"):
        if path.suffix not in (".js", ".css") or path.parent.name == "vendor":
            continue
        name = path.relative_to(ROOT).as_posix()
        file = files.file(files.url(name))
        assert file is not None
        code = re.sub(COMMENTS, "", file.plain.decode())
        for target in IMPORTS.findall(code):
            address = posixpath.normpath(posixpath.join(posixpath.dirname(files.url(name)), target))
            assert files.file(address) is not None, f"{name} names {target}"
            walked += 1
    assert walked > 20


def test_a_page_can_not_link_a_file_that_is_missing() -> None:
    """It breaks where it is written, not in browsers."""
    with pytest.raises(KeyError, match=r"static/nowhere\.js"):
        static_url("nowhere.js")


def test_an_import_that_leads_nowhere_is_refused_at_start(tmp_path: Path) -> None:
    """By the name of the file that has it."""
    with pytest.raises(ValueError, match=r"static/page\.js.*gone\.js"):
        written(tmp_path, {"page.js": 'import "./gone.js";\n'})


def test_modules_in_a_circle_are_refused_at_start(tmp_path: Path) -> None:
    """Each address would have to stand for the other's."""
    with pytest.raises(RuntimeError, match=r"a\.js, b\.js"):
        written(tmp_path, {"a.js": 'import "./b.js";\n', "b.js": 'import "./a.js";\n'})
