"""Bodies by what they cost: parts that are costly for their size, and large pages of the kind that people do show.

Public: `PREFIX`, `PARTS`, `repeated`, `most_of`, `LARGE`, `hostile`.
"""

from collections.abc import Callable, Iterator

PREFIX = "/slots/lobby/tables"

# `{n}` is another number each time. Those of the second list are left open, and stand in groups that do not get deep.
CLOSED = (
    "<div>x</div>", "<p>x", "<b>x</b>", "<td>x", "<table>x", "<a href=/x>y</a>", "<a href='https://help.example/'>y</a>",
    "<x-y a b>z</x-y>", "<select><option>", "<option>x", "<img src=data:image/png;base64,AA==>", "<br>", "<input>",
    "<div data-a data-b>x</div>", "<svg><path d=x></svg>", "<svg><path fill='url(#a)' d=x></svg>", "</i>", "</foo>",
    "</p>", "</br>", "<!--x-->", "<li>x", "<tr><td>x", "<script>x</script>", "<?x>", "<p/>", "<p>&amp;{n}</p>",
    f"<form action={PREFIX}></form>", "<label for=a>x</label><input id=a>", "<td>{n}</td>", "<p id=a{n}>{n}</p>",
    "<i{n}-x>y</i{n}-x>", "<p title='{n}'>x</p>", "<a href='/x/{n}'>x</a>", "<tr><td>{n}</td><td>x</td></tr>",
    "<svg><path transform='translate({n} 1)'></path></svg>", "<svg><path mask='circle({n}px)'></path></svg>",
    "<svg><path fill='rgb(calc({n}),1,\"\")'></path></svg>", "<p>&#x20{n};</p>", "<p onclick=x>y</p>",
    f"<p hx-vals='{{{{}}}}' hx-get={PREFIX}/{{n}}>x</p>", "<img srcset='/assets/{n} 1x, /assets/b{n} 2x'>",
    "<input pattern='[a-z]{{1,{n}}}'>", "<p hx-target='find .a{n}'>x</p>", "<p hx-trigger='click delay:{n}ms'>x</p>",
    "<a href='/%41%42/{n}'>y</a>", "<foo>x</foo>", "<marquee>x", "x{n} &#8364; \xa0 >", "<textarea>{n}",
    "<pre>\n{n}</pre>",
    "<details name=a{n}><summary>x</summary></details>", "<p aria-labelledby='a{n} b{n}'>x</p>", "<b a{n}></b></p><p>",
    "<p style='width: {n}px; color: red'>x</p>", "<p style='width: calc({n}px + 1em)'>x</p>",
    "<p style='top: {n}px'>x</p>", "<p style='--a{n}: {{}}'>x</p>", "<a href='r/{n}'>y</a>",
    "<math><mi>{n}</mi></math>", "<form action=/x/{n}></form>",
    "<script type=application/json>{n}<</script>", "<p popover id=p{n}>x</p><button popovertarget=p{n}>y</button>",
    "<svg><path style='fill: red; d: {n}'></path></svg>", "<tr><td>{n}<p></td></tr>",
    "<svg><g id=a{n}></g><use href='#a{n}'></use></svg>", "<svg><g id=b{n} mask='url(#b)'></g></svg>",
)  # fmt: skip
OPEN = (
    "<b>", "<i></p>", "<foo onclick=x>", "<a><b>", "<button><p>", "<noscript><p>", "<h1><h2>", "<p class='{long}'>",
    "<p a{n} b{n}>", "<p><table>", "<form><div></form>", "<p data-a{n} data-b{n} data-c data-d data-e>",
)  # fmt: skip
PARTS = (*CLOSED, *OPEN)
_GROUP = 60


def repeated(part: str, times: int) -> str:
    """`part`, so many times."""
    ones = [part.format(n=n, long="a" * 60) for n in range(times)]
    if part in CLOSED:
        return "".join(ones)
    return "".join("<div>" + "".join(ones[at : at + _GROUP]) + "</div>" for at in range(0, times, _GROUP))


def most_of(part: str, passes: Callable[[str], bool], bytes_max: int) -> str:
    """`part` as many times as `passes` lets through, to one in thirty."""
    low, high = 0, bytes_max // len(part.format(n=0, long="a" * 60))
    while high - low > max(1, low // 30):
        middle = (low + high) // 2
        low, high = (middle, high) if passes(repeated(part, middle)) else (low, middle)
    return repeated(part, low)


def _rows(count: int, columns: int) -> str:
    head = "".join(f'<th scope="col">Column {n}</th>' for n in range(columns))
    rows = "".join(
        f"<tr><td>2026-11-{n % 28 + 1:02}</td>"
        + "".join(f"<td>{n * m + 7:,} EUR</td>" for m in range(columns - 1))
        + "</tr>\n"
        for n in range(count)
    )
    return f'<table class="history"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _prose(size: int) -> str:
    one = (
        "<p>A bonus of {n}&nbsp;% is wagered thirty-five times within seven days. It’s yours once that is done; "
        "what is left over on the eighth day goes, as <a href='/terms/{n}/'>section {n}</a> says.</p>\n"
    )
    parts = [
        one.format(n=n) + "Plain words follow here, without a tag in them, as in most terms. " * 9
        for n in range(size // 800)
    ]
    return "<article><h2>Terms &amp; conditions</h2>" + "".join(parts) + "</article>"


def _list(count: int) -> str:
    items = "".join(
        f'<li class="game"><a href="/tables/t{n}/"><span class="name">Golden Wheel {n}</span></a>'
        f'<span class="who" data-live="tables.t{n}#dealer">Antonia</span></li>\n'
        for n in range(count)
    )
    return f'<ul class="games">{items}</ul>'


def _forms(count: int) -> str:
    one = (
        '<form method="post" action="{prefix}/actions/claim"><input type="hidden" name="idempotency_key" value="k{n}">'
        '<input type="hidden" name="offer" value="o{n}"><label>Stake <input name="stake" inputmode="decimal" '
        'pattern="[0-9]{{1,6}}" value="{n}"></label><button type="submit" class="button">Claim {n}</button></form>\n'
    )
    return '<div class="offers">' + "".join(one.format(prefix=PREFIX, n=n) for n in range(count)) + "</div>"


def _options(count: int) -> str:
    options = "".join(f'<option value="c{n}">Country {n}</option>' for n in range(count))
    return f'<form action="{PREFIX}/a" method="post"><select name="country">{options}</select></form>'


def _drawing(count: int) -> str:
    bars = "".join(
        f'<rect x="{n * 4}" y="{n % 90}" width="3" height="{n % 90 + 1}" fill="currentColor"></rect>'
        for n in range(count)
    )
    return f'<svg viewBox="0 0 {count * 4} 100" role="img">{bars}</svg>'


# Every one of these is an ordinary page that somebody may have.
LARGE = {
    "a table of 400 rows, 28 kB": _rows(400, 4),
    "a table of 600 rows, 80 kB": _rows(600, 6),
    "a table of 1,000 rows": _rows(1000, 4),
    "200 kB of prose": _prose(200_000),
    "250 kB of prose": _prose(250_000),
    "a list of 800": _list(800),
    "300 forms": _forms(300),
    "a choice of 250 countries": _options(250),
    "a choice of 2,000": _options(2000),
    "a chart of 500 bars": _drawing(500),
    "a picture of 200 kB": f'<img alt="" src="data:image/png;base64,{"iVBOR/w0KGgo+" * 15_000}">',
}


def hostile() -> Iterator[tuple[str, str]]:
    """Bodies that are made to take long; none may pass or hold anybody up."""
    kib = 1024
    yield "20,000 attributes", "<p " + " ".join(f"a{n}" for n in range(20_000)) + ">"
    yield "76,000 attributes", ("<p " + " ".join(f"a{n}" for n in range(76_000)))[: 511 * kib] + ">"
    yield "ten tags of 5,000 attributes", ("<p " + " ".join(f"a{n}" for n in range(5_000)) + ">") * 10
    yield "10,000 levels", "<div>" * 10_000
    yield "200,000 <", "<" * 200_000
    yield "200,000 end tags", ("</p>" * 128_000)
    yield "512 KiB of >", ">" * (512 * kib)
    yield "bold text reopened 1,700 times", "<p>" + "".join(f"<b a{n}>" for n in range(500)) + "</p><p>x" * 1700
    yield (
        "the same with attributes",
        "<p>" + "".join("<i " + " ".join(f"b{m}={n}" for m in range(150)) + ">" for n in range(60)) + "</p><p>x" * 1900,
    )
    yield "a link in a link in a link", "<a><div>" * 1900
    yield "30,000 image candidates in 400", ("<img srcset='" + "/assets/a{0} 1x," * 75 + "'>") * 400
    yield "nothing to show, in levels", "<foo>" * 250 + "x<br>" * 60_000
    yield "50,000 paragraphs", "<p>x" * 50_000
    yield "a table of 10,000 rows", _rows(10_000, 4)
