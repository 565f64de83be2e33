"""Accessibility findings in a piece of HTML, and markup that is accepted."""

import pytest

from shell.registry.gate.accessibility import accessibility_findings, has_visible_text

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<img src=a>", ["a11y-alt"]),
        ("<img src=a alt>", []),
        ("<img src=a aria-label=Dice>", []),
        ("<img src=a role=presentation>", []),
        ("<input type=image src=a>", ["a11y-alt"]),
        ("<svg role=img></svg>", ["a11y-alt"]),
        ("<svg role=img><title>Dice</title></svg>", []),
        ("<svg></svg>", []),
        ("<button></button>", ["a11y-name"]),
        ("<button><svg aria-hidden=true><title>x</title></svg></button>", ["a11y-name"]),
        ("<button><img alt=Dice></button>", []),
        ("<button><span hidden>Roll</span></button>", ["a11y-name"]),
        ("<button title=Roll></button>", []),
        ("<b id=n>Roll</b><button aria-labelledby='gone n'></button>", []),
        ("<button aria-labelledby=gone></button>", ["a11y-name"]),
        ("<a href=/></a>", ["a11y-name"]),
        ("<a></a>", []),
        ("<div role=switch></div>", ["a11y-name"]),
        ("<iframe src=x></iframe>", ["a11y-name"]),
        ("<iframe src=x title=Table></iframe>", []),
        ("<input type=button>", ["a11y-name"]),
        ("<input type=button value=Roll>", []),
        ("<input type=submit>", []),
        ("<input>", ["a11y-label"]),
        ("<input type=hidden>", []),
        ("<label>Stake <input></label>", []),
        ("<label> <input></label>", ["a11y-label"]),
        ("<label for=s>Stake</label><select id=s></select>", []),
        ("<select></select><textarea></textarea>", ["a11y-label", "a11y-label"]),
        ("<div hidden><input></div><template><img></template>", []),
        ("<h2>A</h2><h3>B</h3><h2>C</h2>", []),
        ("<h2>A</h2><h4>B</h4>", ["a11y-heading"]),
        ("<h2></h2>", ["a11y-heading"]),
        ("<p lang=de-CH>x</p><p lang=x-house>y</p>", []),
        ("<p lang=''>x</p>", ["a11y-lang"]),
        ("<p lang='in german'>x</p>", ["a11y-lang"]),
    ],
)
def test_what_shuts_people_out_is_found_and_nothing_else(html: str, found: list[str]) -> None:
    """Each finding has its line and a remedy."""
    findings = list(accessibility_findings("content", b"<p>\n</p>\n" + html.encode(), "/"))
    assert [str(each.rule) for each in findings] == found
    assert all(each.line == 3 and each.remedy and each.field == "content" for each in findings)


def test_equal_findings_are_listed_twenty_times_at_most() -> None:
    """Equal findings are listed twenty times at most."""
    assert len(list(accessibility_findings("content", b"<img>" * 1000, "/"))) == 20


@pytest.mark.parametrize(
    ("html", "readable"),
    [("<p>Away</p>", True), ("<img alt=Away>", True), ("<p hidden>x</p> <!-- y --> <img alt=''>", False), ("", False)],
)
def test_fallback_counts_if_something_of_it_can_be_read(html: str, readable: bool) -> None:
    """A fallback without any text is a finding."""
    assert has_visible_text(html.encode()) is readable
