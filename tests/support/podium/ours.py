"""The demo's own fragments in a stock layout, compared with the same ones in a page of the shell, in one Chromium.

Public: `Ours`, `OURS`, `Side`, `both_sides`, `ours_running`, `looks_alike`, `rows`, `table`, `MARKS`, `WIDTHS`. The
table of `fragments/README.md` is made of `rows`; `tests/whole/test_ours_in_a_layout.py` holds the book to it.
"""

import base64
import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from playwright.sync_api import Browser, Page

from bff.contracts.tables import TablesData
from tests.support.fragments_fake_bff import FakeBff, reply, view
from tests.support.fragments_games import games_data
from tests.support.fragments_house import Fragment
from tests.support.fragments_samples import offers, tables
from tests.support.podium.rig import Podium
from tests.support.slow_house import SlowHouse

MARKS = ("<!-- ours -->\n", "<!-- /ours -->\n")
LAYOUT_PATHNAMES = "sign_in=/login/; table=/play/{table_id}/; kind=/play/all/{kind}/; cashier=/money/; games=/reels/"
WIDTHS = {1280: "dark", 390: "light"}
# The share of a picture that may differ: as much as edges of letters at another fraction of a pixel.
DIFFERENCE_MAX = 0.002
_NOW = "2026-11-29T20:00:00Z"
_LIVE = re.compile(r"/(static|assets)/.*\blive\b[^/]*\.js")

# The share of pixels that differ visibly; 1 if the sizes differ.
_DIFFERENCE = """async ([one, other]) => {
  const pixels = async (png) => {
    const image = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    return canvas.getImageData(0, 0, image.width, image.height);
  };
  const [a, b] = [await pixels(one), await pixels(other)];
  if (a.width !== b.width || a.height !== b.height) return 1;
  let differ = 0;
  for (let at = 0; at < a.data.length; at += 4) {
    const far = (n) => Math.abs(a.data[at + n] - b.data[at + n]) > 24;
    if (far(0) || far(1) || far(2)) differ++;
  }
  return differ / (a.width * a.height);
}"""


@dataclass(frozen=True, slots=True)
class Ours:
    """One fragment of the demo: its folder, the request of a visitor's page, and what else to compare."""

    room: str
    slot: str
    pathname: str
    # Selectors: a link in its answer, and an element that its own script writes (empty: none for a visitor).
    link: str
    written: str = ""
    # The page of the shell that has it, and the query parameters that are passed to it.
    page: str = "/ours/"
    queries: tuple[str, ...] = ()

    def podlet(self, fragment: Fragment) -> dict[str, Any]:
        """The podlet as a layout registers it."""
        uri = f"{fragment.url}/manifest.json"
        return {"name": self.slot, "uri": uri, "pathname": self.pathname, "queries": list(self.queries)}


OURS = (
    Ours("wallet", "wallet", "/summary", "a"),
    Ours("live_dealer", "tables", "/grid", ".name a"),
    Ours("promotions", "promotions", "/offers", "a.button", written="time[data-countdown]"),
    Ours("games", "catalogue", "/catalogue", ".choices a + a", page="/ours/games/", queries=("search", "category")),
)


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the two pages shows of a fragment: its picture at each width, its link, its countdown."""

    pictures: tuple[bytes, ...]
    link: str
    written: str
    width: int
    errors: tuple[str, ...] = ()


@contextmanager
def ours_running() -> Iterator[dict[str, Fragment]]:
    """Each fragment over a BFF of its own, by its slot."""
    with ExitStack() as stack:
        bff = stack.enter_context(FakeBff())
        bff.replies["/views/tables"] = reply(view(TablesData(tables())))
        bff.replies["/views/promotions"] = reply(view(offers("signed_out")))
        bff.replies["/views/games"] = reply(view(games_data(recent=[], favourites=[])))
        yield {each.slot: stack.enter_context(Fragment(each.room, bff.url)) for each in OURS}


def both_sides(
    podium: Podium, shell: SlowHouse, browser: Browser, running: dict[str, Fragment]
) -> list[tuple[Ours, Side, Side]]:
    """(a fragment, in a layout, in the shell's page). Both give it the same room."""
    shell.publish(*(f"{fragment.url}/manifest.json" for fragment in running.values()))
    podlets = [each.podlet(running[each.slot]) for each in OURS]
    layout = podium.layout("page", *podlets, contexts={"pagePathnames": LAYOUT_PATHNAMES})
    seen: dict[tuple[str, str], list[Side]] = {}
    for width, scheme in WIDTHS.items():
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        here = _in_the_shell(context.new_page(), shell.url)
        there = _in_the_layout(context.new_page(), layout.url, {slot: side.width for slot, side in here.items()})
        for slot in here:
            seen.setdefault((slot, "there"), []).append(there[slot])
            seen.setdefault((slot, "here"), []).append(here[slot])
        context.close()
    podium.stop(layout)
    return [(each, _joined(seen[each.slot, "there"]), _joined(seen[each.slot, "here"])) for each in OURS]


def _in_the_shell(page: Page, url: str) -> dict[str, Side]:
    page.clock.set_fixed_time(_NOW)
    # Live values stand still in both: nobody answers the socket here, and after a while the slots would say so.
    page.route(_LIVE, lambda route: route.abort())
    looks: dict[str, Side] = {}
    for address, of_page in itertools.groupby(OURS, key=lambda each: each.page):
        page.goto(url + address)
        there = list(of_page)
        for each in there:
            page.wait_for_selector(f'#slot-{each.slot}[data-state="fresh"]')
        page.wait_for_load_state("networkidle")
        looks |= {each.slot: _look(page, f"#slot-{each.slot}", each) for each in there}
    return looks


def _in_the_layout(page: Page, url: str, widths: dict[str, int]) -> dict[str, Side]:
    """Each in a section as wide as its slot; console errors are those of the whole page."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.clock.set_fixed_time(_NOW)
    page.goto(url)
    page.wait_for_load_state("networkidle")
    room = "".join(f'[data-slot="{slot}"] {{ width: {wide}px }}' for slot, wide in widths.items())
    page.add_style_tag(content=room)
    looks = {each.slot: _look(page, f'section[data-slot="{each.slot}"]', each) for each in OURS}
    return {slot: replace(side, errors=tuple(errors)) for slot, side in looks.items()}


def _look(page: Page, where: str, ours: Ours) -> Side:
    frame = page.locator(f"{where} .frame")
    box = frame.bounding_box()
    assert box is not None, f"{where} is not shown"
    return Side(
        # A slot of the shell may be refetched meanwhile, so its rectangle is photographed instead of the element.
        (page.screenshot(full_page=True, clip=box),),
        frame.locator(ours.link).first.get_attribute("href") or "",
        frame.locator(ours.written).first.inner_text() if ours.written else "",
        round(box["width"]),
    )


def _joined(sides: list[Side]) -> Side:
    first = sides[0]
    pictures = tuple(picture for side in sides for picture in side.pictures)
    return Side(
        pictures, first.link, first.written, first.width, tuple(error for side in sides for error in side.errors)
    )


def looks_alike(page: Page, one: bytes, other: bytes) -> bool:
    """Whether two pictures have one size and differ in nothing but the edges of letters."""
    encoded = [base64.b64encode(picture).decode() for picture in (one, other)]
    return one == other or float(page.evaluate(_DIFFERENCE, encoded)) <= DIFFERENCE_MAX


def rows(page: Page, seen: Sequence[tuple[Ours, Side, Side]]) -> list[tuple[str, str, str, str]]:
    """(fragment, in a layout, here, why) of each compared property."""
    made = []
    for ours, there, here in seen:
        name = f"`{ours.room.replace('_', '-')}`, `{ours.pathname}`"
        alike = [looks_alike(page, *pair) for pair in zip(there.pictures, here.pictures, strict=True)]
        words = [
            f"{width} px: {'as here' if same else 'not as here'}" for width, same in zip(WIDTHS, alike, strict=True)
        ]
        made.append((f"{name}: its picture", ", ".join(words), "", ""))
        made.append(
            (f"{name}: its first link", f"`{there.link}`", f"`{here.link}`", "a layout says where its pages are")
        )
        if ours.written:
            made.append((f"{name}: what its script writes", f"“{there.written}”", f"“{here.written}”", ""))
    return made


def table(found: Sequence[tuple[str, str, str, str]]) -> str:
    """The rows as the book has them."""
    head = "| of ours | in Podium's layout | here | why it differs |\n|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in found)
