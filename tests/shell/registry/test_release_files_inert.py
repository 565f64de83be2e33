"""A release's file that is opened by itself is a sandboxed document, and its type is not sniffed."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from shell.composition.content_coding import CodedBody
from shell.composition.page import PageTable
from shell.composition.release import StoredAsset
from shell.page_path import PagePath

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("content_type", ["image/svg+xml", "text/javascript; charset=utf-8", "text/css"])
async def test_file_of_a_release_can_do_nothing_by_itself(content_type: str) -> None:
    """Above all a drawing, which may hold a script."""
    asset = StoredAsset("d", content_type, CodedBody(b"<svg><script>1</script></svg>", {}))
    sent: list[Any] = []

    async def file(fragment: str, folder: str, key: str) -> StoredAsset:
        return asset

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("a file needs no body")

    parts = cast(Any, SimpleNamespace(registry=SimpleNamespace(file=file), pages=PageTable([])))
    scope = {"method": "GET", "path": "/assets/poll/f0/a.svg", "query_string": b"", "headers": []}
    assert await PagePath(parts).serve(scope, receive, send)
    headers = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    policies = [value for name, value in headers if name == "content-security-policy"]
    assert any(value.startswith("sandbox; default-src 'none'") for value in policies)
    assert ("x-content-type-options", "nosniff") in headers
    assert ("content-type", content_type) in headers
