"""The title and description from a primary slot's fragment are in the page's head, and nothing else of its
headers is."""

import json
import re
from dataclasses import replace

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from bff.contracts import headers
from bff.contracts.page_head import (
    JSON_LD_BYTES_MAX,
    OpenGraph,
    PageHead,
    PageHeadRefused,
    read_page_head,
    written_page_head,
)
from shell.composition import page_head as rendered
from shell.composition.page import Page
from shell.composition.page_head import rendered_elements
from tests.support.shell_page import PAGE, Trio

PRIMARY = replace(PAGE, slots=(replace(PAGE.slots[0], primary=True), *PAGE.slots[1:]))
HEAD = PageHead(
    title="Рулетка “Harbour”",
    description="Live & open",
    canonical="/tables/201/",
    robots="noindex",
    open_graph=OpenGraph(type="product", image="/static/x.png"),
    json_ld={"@context": "https://schema.org", "@type": "Game", "name": "Harbour"},
)


async def opened(head: str, page: Page = PRIMARY, *, fault: str = "", primary: bool = True) -> str:
    """The first bytes of a page whose first slot answers with this header."""
    async with Trio(extension={"primary": primary}) as trio:
        trio.origins["wallet"].headers = ((headers.PAGE, head),)
        if fault:
            await trio.origins["wallet"].fail(fault)
        composition = trio.composer.compose(structs.replace(trio.visit(), page=page), trio.snapshot)
        try:
            return (await composition.open()).head.decode().partition("</head>")[0]
        finally:
            await composition.close()


async def test_primary_slot_names_its_page_for_whoever_reads_no_script() -> None:
    """Title, description, canonical, robots, Open Graph and JSON-LD are in the first bytes."""
    head = await opened(written_page_head(HEAD))
    assert "<title>Рулетка “Harbour” · Mullion</title>" in head
    assert head.count("<title>") == 1
    assert '<meta name="description" content="Live &amp; open">' in head
    assert re.search(r'<link rel="canonical" href="https?://[^/"]+/tables/201/">', head)
    assert '<meta name="robots" content="noindex">' in head
    assert '<meta property="og:title" content="Рулетка “Harbour”">' in head
    assert re.search(r'<meta property="og:image" content="https?://[^/"]+/static/x.png">', head)
    [data] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', head)
    assert json.loads(data) == HEAD.json_ld


@pytest.mark.parametrize(
    ("page_shown", "primary", "fault"),
    [(PAGE, True, ""), (PRIMARY, False, ""), (PRIMARY, True, "status=500"), (PRIMARY, True, "silence")],
    ids=["the table does not say so", "the release does not", "it fails", "it is late"],
)
async def test_page_has_its_templates_title_where_nobody_speaks_for_it(
    page_shown: Page, primary: bool, fault: str
) -> None:
    """And comes all the same: the head waits no longer than the slot's own deadline."""
    head = await opened(written_page_head(HEAD), page_shown, fault=fault, primary=primary)
    assert "<title>Lobby · Mullion</title>" in head
    assert "og:" not in head
    assert "ld+json" not in head


@pytest.mark.parametrize(
    "text", ["</title><script>x</script>", '"><img src=x onerror=x>', "</script><!--<script>", "a\u2028b", "&lt;", "'"]
)
def test_words_stay_words(text: str) -> None:
    """Nothing that a fragment writes ends the element that it stands in."""
    head = PageHead(text, text, open_graph=OpenGraph(title=text, image_alt=text), json_ld={"name": text, text: [text]})
    written = rendered.rendered_title(head) + rendered_elements(head, "https://x.example")
    assert written.count("<script") == written.count("</script") == 1
    assert "<img" not in written
    assert "<!--" not in written
    [data] = re.findall(r"json\">(.*?)</script>", written, re.DOTALL)
    assert json.loads(data) == {"name": text, text: [text]}
    assert read_page_head(written_page_head(head)) == head


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("{", "truncated"),
        ('{"titel": "x"}', "titel"),
        ('{"title": "%s"}' % ("x" * 121), "$.title"),
        ('{"title": "a\\u0000b"}', "control"),
        ('{"canonical": "https://evil.example/"}', "$.canonical"),
        ('{"canonical": "//evil.example/"}', "$.canonical"),
        ('{"canonical": "/\\\\evil.example/"}', "$.canonical"),
        ('{"open_graph": {"image": "data:x"}}', "$.open_graph.image"),
        ('{"robots": "unavailable_after: now"}', "$.robots"),
        ('{"json_ld": "x"}', "$.json_ld"),
        ('{"json_ld": {"x": "%s"}}' % ("x" * JSON_LD_BYTES_MAX), "json_ld"),
        ('{"title": "%s"}' % ("x" * 20_000), "characters"),
    ],
)
def test_what_is_no_head_is_refused_by_its_field(value: str, field: str) -> None:
    """Another origin's address, a misspelt name, and more than a page needs."""
    with pytest.raises(PageHeadRefused, match=re.escape(field)):
        read_page_head(value)


async def test_head_that_is_refused_leaves_the_slot_as_it_is_and_is_told_once() -> None:
    """The fragment's own words are worth more than its title."""
    rendered._log_refused.cache_clear()
    with capture_logs() as logged:
        for _ in range(2):
            assert "<title>Lobby · Mullion</title>" in await opened('{"titel": "x"}')
    [line] = [line for line in logged if line["event"] == "page_head_refused"]
    assert "titel" in line["why"]


def test_header_in_utf_8_is_read_as_it_was_meant() -> None:
    """A header's bytes come as Latin-1."""
    assert read_page_head('{"title": "Рулетка"}'.encode().decode("latin-1")).title == "Рулетка"
