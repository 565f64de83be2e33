"""Template tags that tell the compiler where slots are, where fragments are streamed to, and what visits fill in."""

from django import template
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from shell.composition.assets import static_url
from shell.composition.compiler import ENDING_MARK, FRAGMENTS_MARK, SLOT_MARK, TITLE_MARK
from shell.composition.layout import Layout
from shell.composition.layout_css import place_class
from shell.composition.page import Page

register = template.Library()


@register.simple_tag(takes_context=True)
def place(context: template.Context, name: str) -> SafeString:
    """A place of the layout: its slots, each showing its skeleton until its fragment arrives."""
    layout: Layout = context["layout"]
    page: Page = context["page"]
    written = []
    for slot in layout.slots_of(name):
        skeleton = mark_safe(render_to_string(f"skeletons/{layout.slots[slot].skeleton}.html"))  # noqa: S308  our own
        written.append(_slot(slot, skeleton))
        written += [_slot(behind.name) for behind in page.behind(slot)]
    return format_html_join("", "{}", ((each,) for each in written))


@register.filter
def place_class_of(name: str) -> str:
    """The class that the layout's stylesheet has for a place."""
    return place_class(name)


@register.simple_tag
def fragments() -> SafeString:
    """Where the fragments are streamed to: as children of the element whose shadow root holds the slots."""
    return mark_safe(FRAGMENTS_MARK)  # noqa: S308  a constant


@register.simple_tag(takes_context=True)
def late(context: template.Context, name: str) -> str:
    """A value of the visit (`player_name`, `path`, …): a hole in a compiled page, the value itself elsewhere."""
    if context.get("compiling"):
        return mark_safe(f"\0{name}\0")  # noqa: S308  a hole; its value is escaped by `Compiled.fill`
    return str(context.get(name, ""))


@register.simple_block_tag(takes_context=True)
def page_title(context: template.Context, content: str, ending: str = "") -> str:
    """The page's title: these words, or those of its primary slot and `ending`."""
    if context.get("compiling"):
        return mark_safe(f"{TITLE_MARK}{content}{ENDING_MARK}{conditional_escape(ending)}\0")  # noqa: S308  a hole
    return format_html("<title>{}</title>", content)


@register.simple_tag
def asset(path: str) -> str:
    """The immutable URL of one of the shell's own static files."""
    return static_url(path)


def _slot(name: str, skeleton: str = "") -> SafeString:
    return format_html('{}<slot name="{}">{}</slot>', mark_safe(f"{SLOT_MARK}{name}\0"), name, skeleton)  # noqa: S308
