"""Assets in the `Link` header of an answer are used as those of a manifest."""

import pytest

from shell.registry.link_header import linked_assets

pytestmark = pytest.mark.quick


def test_linked_script_is_the_module_that_its_header_calls_it() -> None:
    """`type`, `strategy`, `scope` and `integrity` mean what they mean in a manifest; unknown values are ignored."""
    _, [module, lazy, other] = linked_assets(
        [
            "</a.js>; type=module; integrity=sha256-AbC=; asset-type=script",
            '</b.js>; strategy="lazy"; scope=Content; asset-type=Script, </c.js>; strategy=lazyly; asset-type=script',
        ]
    )
    assert (module.is_module, module.integrity, module.scope) == (True, "sha256-AbC=", "all")
    assert (lazy.is_module, lazy.scope, other.is_module, other.strategy) == (True, "content", False, "")


def test_linked_asset_that_no_browser_would_use_says_so() -> None:
    """It is left out with a note, as one of a manifest is."""
    [off, early, on], [old] = linked_assets(
        [
            "</off.css>; disabled=true; asset-type=style, </early.css>; rel=preload; asset-type=style",
            "</on.css>; disabled=false; strategy=shadow-dom; media=print; asset-type=style",
            "</old.js>; nomodule=true; asset-type=script",
        ]
    )
    assert (off.unused_style(), early.unused_style()) == ("it is disabled", "its rel is 'preload'")
    assert (on.unused_style(), on.strategy, on.media) == ("", "shadow-dom", "print")
    assert old.unused_script() != ""


def test_header_of_any_length_is_read() -> None:
    """A value that is longer than a manifest allows is cut."""
    [style], _ = linked_assets([f"</a.css>; media={'x' * 900}; type=text/css; asset-type=style"])
    assert len(style.media) == 256
