"""The `data` of an asset: which attributes it makes, and what makes none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.contracts.asset_data import DATA_MAX, KEY_CHARS_MAX, VALUE_CHARS_MAX, DataRefused, data_attributes

pytestmark = pytest.mark.quick


def one(value: Any) -> str:
    return data_attributes([{"key": "k", "value": value}])["data-k"]


def test_a_list_and_an_object_say_the_same() -> None:
    """As Podium's podlet takes both; HTML knows names in lower case alone, and of one that comes twice the first."""
    listed = [{"key": "siteId", "value": "a"}, {"key": "page-type", "value": 7}, {"key": "SITEID", "value": "b"}]
    assert data_attributes(listed) == {"data-siteid": "a", "data-page-type": "7"}
    assert data_attributes({"siteId": "a", "page-type": 7}) == {"data-siteid": "a", "data-page-type": "7"}


@pytest.mark.parametrize("nothing", [None, False, "", 0, [], {}])
def test_no_data_is_no_attribute(nothing: Any) -> None:
    """Whatever stands for it."""
    assert data_attributes(nothing) == {}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a", "a"),
        ('{"a": "b"}', '{"a": "b"}'),
        ("{&quot;a&quot;: &#39;b&#x27;}", "{\"a\": 'b'}"),
        ("?a=1&b=2&copy=3&amp;d", "?a=1&b=2&copy=3&d"),
        ("&lt &lt; &ltx &nothing; &", "< < &ltx &nothing; &"),
        (True, "true"),
        (False, ""),
        (None, ""),
        (0, ""),
        (-3, "-3"),
        (2.0, "2"),
        (0.25, "0.25"),
    ],
)
def test_value_is_what_a_browser_reads_of_a_layouts_attribute(written: Any, read: str) -> None:
    """A layout writes it as HTML, so that references are read; a quote ends it there, and nothing ends it here."""
    assert one(written) == read


def test_key_alone_is_an_attribute_without_a_value() -> None:
    """As a layout writes one."""
    assert data_attributes([{"key": "beta"}]) == {"data-beta": ""}


@pytest.mark.parametrize(
    ("data", "at", "words"),
    [
        ("site=a", "", "a list of"),
        (True, "", "a list of"),
        (["site"], "[0]", "it lists"),
        ([{"key": "a"}, {"value": "a"}], "[1]", "it lists"),
        ([{"key": 'a" onload="x'}], "[0].key", "ASCII letters"),
        ([{"key": "a b"}], "[0].key", "ASCII letters"),
        ([{"key": "ключ"}], "[0].key", "ASCII letters"),
        ([{"key": "\u212a"}], "[0].key", "ASCII letters"),
        ([{"key": ""}], "[0].key", "ASCII letters"),
        ([{"key": "-a"}], "[0].key", "ASCII letters"),
        ([{"key": 7}], "[0].key", "ASCII letters"),
        ({"a b": ""}, "", "ASCII letters"),
        ([{"key": "k" * (KEY_CHARS_MAX + 1)}], "[0].key", "64 characters"),
        (
            [{"key": "a", "value": "v" * (VALUE_CHARS_MAX + 1)}],
            "[0].value",
            "1024 characters at most, and this one 1025",
        ),
        ([{"key": "a", "value": {"b": 1}}], "[0].value", "is text"),
        ([{"key": "a", "value": ["b"]}], "[0].value", "is text"),
        ([{"key": "a", "value": 1e300}], "[0].value", "is text"),
        ([{"key": "a", "value": 2**60}], "[0].value", "is text"),
        ({"a": {"b": 1}}, "", "is text"),
        ([{"key": f"k{number}"} for number in range(DATA_MAX + 1)], "", "17 keys"),
    ],
)
def test_what_makes_no_attribute_is_refused_by_its_place(data: Any, at: str, words: str) -> None:
    """With the reason, so that its team can mend it."""
    with pytest.raises(DataRefused, match=words) as refused:
        data_attributes(data)
    assert refused.value.at == at


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["key", "value", "x"]), inner),
    max_leaves=8,
)


@given(
    _json | st.lists(st.fixed_dictionaries({"key": st.text("aZ-_.\"<> ='&\n", max_size=4), "value": _json}), max_size=3)
)
def test_no_data_writes_another_attribute(data: Any) -> None:
    """Whatever is sent: names that are `data-…` and nothing else, or a refusal."""
    try:
        found = data_attributes(data)
    except DataRefused:
        return
    assert all(name.startswith("data-") and name == name.lower() and name[5:].isascii() for name in found)
    assert not set("\"<> ='&\n").intersection("".join(found))
