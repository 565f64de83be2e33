"""A stylesheet is published only if it loads nothing from foreign origins, in any spelling."""

import time
from pathlib import Path

import pytest

from shell.registry.stylesheet import external_reference

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "css",
    [
        "@import 'x'",
        "@IMPORT url(x)",
        r"@\69mport 'x'",
        r"@\000069 mport 'x'",
        "<!--@import 'x'",
        "a{background:url(http://x)}",
        "a{background:url( 'http://x')}",
        "a{background:url(x.png)}",
        "a{background:URL(//x)}",
        r"a{background:u\72l(http://x)}",
        r"a{background:\75\52\4c(http://x)}",
        "a{background:url(\\68ttp://x)}",
        "a{--later:url(x.png)}",
        "a{background:image-set('https://x/y.png' 1x)}",
        'a{background:-webkit-image-set("https://x/y.png" 1x)}',
        r"a{background:image\2dset('https://x/y.png' 1x)}",
        "a{background:image-set(url(#g) 1x, ('x.png') 2x)}",
        "a{background:image-set(} 'x.png' 1x)}",
        "a{--x:'https://x';background:image-set(var(--x) 1x)}",
        "a{background:src('x.png')}",
        "a{background:image('x.png')}",
        "@font-face{src:local('A'),url(a.woff2)}",
        "a{background:image-set('x",
        "a{background:image-set('x\\",
        "a{content:'\\\n';background:url(x)}",
        "a{content:'broken\n;background:url(x)}",
        'a{b:url(#a ");background:url(x);c:"}',
        'a{b:url(\u00a0"#);background:url(x);c:"}',
        "a{b:url(data:image/svg+xml;utf8,<svg a='b'>)}",
        "/* */a{background:url(x)}",
        "a{color:" + "calc(" * 101,
        "/* '*/a{background:url(x)}/*'*/",
    ],
)
def test_what_is_fetched_is_found(css: str) -> None:
    """Imports, `url()` and strings, with escapes, unterminated strings, and quotes that do not quote."""
    assert external_reference(css.encode()) is not None


@pytest.mark.parametrize(
    "css",
    [
        "",
        "a{color:red}",
        "a{background:url(data:image/png;base64,AA==)}",
        "a{background:url( 'data:image/png;base64,AA==' )}",
        "a{background:url( data:x )}",
        r"a{background:url(\64 ata:x)}",
        "a{fill:url(#g);filter:URL('#blur')}",
        "a{background:url()}",
        "/* url(x) @import 'y' */ a{color:red}",
        "/* never closed url(x)",
        "a{content:'url(x)';quotes:'@import' \"url(y)\"}",
        "a{content:'it\\'s url(x)'}",
        "a{background:image-set('data:x' 1x type('image/avif'))}",
        "@font-face{src:local('Arial') format('woff2')}",
        "a{color:var(--curl)}.url{}",
        "@media (min-width:1px){a::before{content:'x'}}",
        "@namespace 'http://www.w3.org/1999/xhtml';",
        "a{background:linear-gradient(var(--a),#fff)}",
    ],
)
def test_what_is_not_fetched_is_left_alone(css: str) -> None:
    """Data URLs, fragments of the page, and words that only resemble an address."""
    assert external_reference(css.encode()) is None


def test_other_encodings_can_not_hide_it() -> None:
    """A byte order mark overrides the charset that the shell declares."""
    assert external_reference("@import 'x'".encode("utf-16")) is not None
    assert external_reference(b"\xef\xbb\xbf@import 'x'") == "@import"
    assert external_reference(b"\xef\xbb\xbfa{content:'\xff'}") is None


def test_own_stylesheets_pass() -> None:
    """The stylesheets of this repository's fragments have no finding."""
    sheets = [*ROOT.glob("fragments/*/static/**/*.css")]
    assert sheets
    assert {sheet.name: external_reference(sheet.read_bytes()) for sheet in sheets} == {
        sheet.name: None for sheet in sheets
    }


@pytest.mark.parametrize("part", ["\\aaaaaa", "a", "'", "/*", "(", "\\", "url(#"])
def test_hostile_sheet_is_read_in_time(part: str) -> None:
    """With the largest size that an asset may have."""
    began = time.monotonic()
    external_reference(part.encode() * (512 * 1024 // len(part)))
    assert time.monotonic() - began < 10
