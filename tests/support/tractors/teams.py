"""The three teams of a tractor shop: explore (finding a product), decide (its details), checkout (buying it).

Public: `store`, `Store`.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tests.support.tractors.shop import TRACTORS, Tractor, Variant, picture, price
from tests.support.tractors.team import Page, Reply, Team, Visitor

HERE = Path(__file__).parent
_OWN = {"contract": 1, "isolation": "shadow", "deadline_ms": 5000}
CATEGORIES = {"classics": "Classics", "autonomous": "Autonomous"}


def _style(name: str) -> Reply:
    return Reply((HERE / f"{name}.css").read_text("utf-8"), kind="text/css")


def _pictures() -> dict[str, Reply]:
    every = [variant for tractor in TRACTORS for variant in tractor.variants]
    return {f"/img/{each.sku}.svg": Reply(picture(each.colour), kind="image/svg+xml") for each in every}


def _tile(tractor: Tractor) -> str:
    first = tractor.variants[0]
    return f"""<li><a href="/product/{tractor.key}/"><img src="/img/{first.sku}.svg" alt="" width="320" height="220">
<b>{escape(tractor.name)}</b><span>from {price(min(each.price for each in tractor.variants))}</span></a></li>"""


def _grid(title: str, tractors: list[Tractor]) -> str:
    tiles = "".join(map(_tile, tractors))
    return f'<section class="e_grid"><h2>{title}</h2><p data-count></p><ul>{tiles}</ul></section>'


def _explore() -> Team:
    def header(_: Visitor, _rest: str) -> Reply:
        links = "".join(f'<a href="/products/{key}/">{name}</a>' for key, name in CATEGORIES.items())
        return Reply(
            f'<header class="e_header"><a class="e_logo" href="/shop/">Tractor Shed</a><nav aria-label="Shop">{links}'
            '<a href="/products/all/">All</a></nav><div class="e_cart"><slot name="minicart"></slot></div></header>'
        )

    def home(_: Visitor, _rest: str) -> Reply:
        return Reply(_grid("Machines with a past and a future", list(TRACTORS)))

    def category(_: Visitor, rest: str) -> Reply:
        found = [each for each in TRACTORS if rest in ("all", each.category)]
        if not found:
            return Reply("<p>There is no such kind.</p>", 404)
        return Reply(_grid(CATEGORIES.get(rest, "All machines"), found))

    def more(_: Visitor, rest: str) -> Reply:
        return Reply(_grid("You may like", [each for each in TRACTORS if each.key != rest][:3]))

    script = """export function mount(root) {
  const tiles = root.querySelectorAll("li").length;
  for (const place of root.querySelectorAll("[data-count]")) place.textContent = `${tiles} machines`;
}"""
    files = {"/e.css": _style("explore"), "/e.js": Reply(script, kind="text/javascript"), **_pictures()}
    fallback = '<p class="e_away">The shop window is being dressed. <a href="/shop/">Home</a></p>'
    pages: dict[str, Page] = {"/": home, "/header": header, "/home": home, "/category": category, "/more": more}
    pages |= {"/fallback": lambda *_: Reply(fallback + '<slot name="minicart"></slot>')}
    return Team("explore", pages, files, manifest={"mullion": {**_OWN, "owner": "explore", "audience": "shared"}})


def _chosen(tractor: Tractor, visitor: Visitor) -> Variant:
    return next((each for each in tractor.variants if each.sku == visitor.query.get("sku")), tractor.variants[0])


def _decide() -> Team:
    def product(visitor: Visitor, rest: str) -> Reply:
        tractor = next((each for each in TRACTORS if each.key == rest), None)
        if tractor is None:
            return Reply("<p>There is no such machine.</p>", 404)
        chosen = _chosen(tractor, visitor)
        variants = "".join(
            f'<li><a href="?product.sku={each.sku}&amp;buy.sku={each.sku}"'
            f"{' aria-current=true' if each is chosen else ''}>{escape(each.name)}</a></li>"
            for each in tractor.variants
        )
        shown = f"{visitor.prefix}/pictures/{chosen.sku}.svg"
        return Reply(
            f'<article class="d_product"><img src="{shown}" alt="{escape(chosen.name)}" width="320" height="220"><div>'
            f"<h2>{escape(tractor.name)}</h2><p>{escape(chosen.name)}, {chosen.sku}</p>"
            f'<ul class="d_variants">{variants}</ul><slot name="buy"></slot></div></article>'
        )

    files = {"/d.css": _style("decide"), **_pictures()}
    pages: dict[str, Page] = {"/": lambda visitor, _: product(visitor, TRACTORS[0].key), "/product": product}
    pages |= {"/fallback": lambda *_: Reply('<p class="d_away">Come back for its story.</p>')}
    more = {**_OWN, "owner": "decide", "audience": "shared", "visitors": ["pictures"], "primary": True}
    return Team("decide", pages, files, manifest={"proxy": {"pictures": "/img"}, "mullion": more})


def _checkout() -> Team:
    baskets: dict[str, list[Variant]] = {}
    by_sku = {each.sku: (tractor, each) for tractor in TRACTORS for each in tractor.variants}

    def mini(visitor: Visitor, _rest: str) -> Reply:
        count = len(baskets.get(visitor.player, []))
        return Reply(f'<a class="c_mini" href="/shop/basket/">Basket <b>{count}</b></a>')

    def buy(visitor: Visitor, rest: str, words: str = "") -> Reply:
        tractor = next((each for each in TRACTORS if each.key == rest), None)
        if tractor is None:
            return Reply("<p>There is no such machine.</p>", 404)
        chosen = _chosen(tractor, visitor)
        button = (
            f'<form action="{visitor.prefix}/actions/add" method="post">'
            f'<input type="hidden" name="sku" value="{chosen.sku}"><button>Add to basket</button></form>'
            if visitor.player
            else '<p><a href="/sign-in/">Sign in</a> to buy.</p>'
        )
        status = f'<p role="status">{words}</p>'
        return Reply(f'<div class="c_buy"><strong>{price(chosen.price)}</strong>{button}{status}</div>')

    def add(visitor: Visitor, form: Mapping[str, str]) -> Reply:
        found = by_sku.get(form.get("sku", ""))
        if not visitor.player or found is None:
            return Reply("<p>Nothing was added.</p>", 422)
        tractor, chosen = found
        basket = baskets.setdefault(visitor.player, [])
        basket.append(chosen)
        again = Visitor(visitor.player, visitor.prefix, {"sku": chosen.sku})
        shown = buy(again, tractor.key, f"{escape(tractor.name)} is in your basket.")
        return Reply(shown.body, headers={"mullion-changed": "basket"})

    def basket(visitor: Visitor, _rest: str) -> Reply:
        lines = baskets.get(visitor.player, [])
        rows = "".join(
            f'<li><img src="{visitor.prefix}/pictures/{each.sku}.svg" alt="" width="64" height="44">'
            f"<span>{escape(by_sku[each.sku][0].name)}, {escape(each.name)}</span><b>{price(each.price)}</b></li>"
            for each in lines
        )
        total = price(sum(each.price for each in lines))
        if not lines:
            return Reply('<section class="c_basket"><h2>Basket</h2><p>Nothing in it yet.</p></section>')
        return Reply(f'<section class="c_basket"><h2>Basket</h2><ul>{rows}</ul><p>Total <b>{total}</b></p></section>')

    pages: dict[str, Page] = {"/": mini, "/mini": mini, "/buy": buy, "/basket": basket}
    pages |= {"/fallback": lambda *_: Reply('<p class="c_away">The till is closed for a moment.</p>')}
    own = {**_OWN, "owner": "checkout", "topics": ["basket"]}
    files = {"/c.css": _style("checkout"), **_pictures()}
    proxies = {"actions": "/actions", "pictures": "/img"}
    return Team("checkout", pages, files, {"add": add}, {"proxy": proxies, "mullion": own})


@dataclass(frozen=True, slots=True)
class Store:
    """The teams by name, all of them up."""

    teams: Mapping[str, Team]

    @property
    def manifest_urls(self) -> list[str]:
        return [team.manifest_url for team in self.teams.values()]


@contextmanager
def store() -> Iterator[Store]:
    with ExitStack() as stack:
        every = [stack.enter_context(team) for team in (_explore(), _decide(), _checkout())]
        yield Store({team.name: team for team in every})
