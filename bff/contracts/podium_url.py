"""Podium's rule for addresses, which is not RFC 3986.

Public: `resolve`, `append`.
Source: `@podium/utils` 5.6 (`uriRelativeToAbsolute`, `uriBuilder`, `pathnameBuilder`); the URL Standard's path setter.
"""

from urllib.parse import quote, urlsplit, urlunsplit

# What the path of a URL may hold unescaped; `%` stands for what is escaped already.
_PATH_SAFE = "!$%&'()*+,-./:;=@[]_|~"
_UP = frozenset({"..", ".%2e", "%2e.", "%2e%2e"})
_HERE = frozenset({".", "%2e"})


def resolve(manifest_url: str, value: str) -> str:
    """`value` of a manifest as an absolute URL: what starts with `http` stands, all else joins the manifest's folder.

    A query of `value` stays a query, where Podium's client would make a part of the path of it.
    """
    if value.startswith("http"):
        return value
    path, mark, query = value.partition("#")[0].partition("?")
    parts = urlsplit(append(manifest_url, path))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query if mark else parts.query, ""))


def append(url: str, pathname: str) -> str:
    """Where a slot that asks for `pathname` is asked of content at `url`; an empty one asks for the content itself.

    Empty segments go, and so do those of `url` that name a `.json` file, and any that begins with `http`.
    """
    parts = urlsplit(url)
    # A URL's own dots are carried out as it is read, before its segments are looked at.
    there = _walked(parts.path.split("/")[1:])
    segments = [part for part in there if part and ".json" not in part and not part.startswith("http")]
    more = [] if pathname.startswith("http") else [part for part in pathname.replace("\\", "/").split("/") if part]
    path = _walked([*segments, *more])
    open_end = bool(path) and bool(more) and more[-1].lower() in _UP | _HERE
    written = quote("/" + "/".join(path) + ("/" if open_end else ""), safe=_PATH_SAFE)
    return urlunsplit((parts.scheme, parts.netloc, written, parts.query, ""))


def _walked(segments: list[str]) -> list[str]:
    """These segments, `.` and `..` carried out as a URL's parser does."""
    path: list[str] = []
    for part in segments:
        if part.lower() in _UP:
            path = path[:-1]
        elif part.lower() not in _HERE:
            path.append(part)
    return path
