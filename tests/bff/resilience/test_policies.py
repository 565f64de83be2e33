"""Numbers of guarded calls that an installation changes without code."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.broker import BrokerPolicy
from bff.commands.engine.policy import EnginePolicy, RelayPolicy
from bff.live.policy import LivePolicy
from bff.resilience.guard import Guard
from bff.resilience.overrides import OverridesRefused, overridden, read_overrides
from bff.resilience.policies import HOUSE_POLICY_NAMES, check_policies, house_policy, policy_for, read_policies
from bff.resilience.policy import Policy
from bff.store.policy import FeedPolicy, StorePolicy
from shell.composition.contain.limits import Limits

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]


def test_an_upstreams_own_number_goes_before_that_of_all_and_both_before_the_codes(monkeypatch: pytest.MonkeyPatch):
    """What is not named stays as the code has it."""
    monkeypatch.setenv(
        "UPSTREAM_POLICIES", '{"*": {"consecutive_max": 3, "deadline_ms": 700}, "wallet": {"deadline_ms": 500}}'
    )
    code = Policy(deadline_ms=800, waiting_max=7)
    assert policy_for("wallet", code) == Policy(deadline_ms=500, consecutive_max=3, waiting_max=7)
    assert policy_for("promotions", code) == Policy(deadline_ms=700, consecutive_max=3, waiting_max=7)


def test_a_breaker_opens_by_the_number_of_its_fragment_alone(monkeypatch: pytest.MonkeyPatch):
    """Two failures in a row shut the one that was told so, and not its sibling."""
    monkeypatch.setenv("UPSTREAM_POLICIES", '{"wallet": {"consecutive_max": 2}}')
    wallet, promotions = Guard("wallet", Policy()), Guard("promotions", Policy())
    for guard in (wallet, promotions):
        for _ in range(2):
            permit = guard.breaker.acquire(1.0)
            assert permit is not None
            permit.failure(1.0, cause="connect")
    assert not wallet.breaker.would_pass(1.0)
    assert promotions.breaker.would_pass(1.0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("not json", "not JSON"),
        ("[]", "object of objects"),
        ('{"wallet": 5}', "object of objects"),
        ('{"wallet": {"deadline": 5}}', "wallet.deadline is no number of a policy"),
        ('{"wallet": {"deadline_ms": "5"}}', "wallet.deadline_ms is '5': it is a whole number"),
        ('{"wallet": {"deadline_ms": 5.5}}', "whole number"),
        ('{"wallet": {"deadline_ms": true}}', "whole number"),
        ('{"wallet": {"window_s": Infinity}}', "number"),
        ('{"wallet": {"window_s": NaN}}', "number"),
        ('{"wallet": {"deadline_ms": 0}}', "more than 0"),
        ('{"wallet": {"deadline_ms": -1}}', "more than 0"),
        ('{"wallet": {"failed_ratio_max": 2}}', "at most 1"),
        ('{"wallet": {"open_ms_initial": 9000}}', "more than open_ms_max"),
        ('{"*": {"open_ms_max": 2500}, "wallet": {"open_ms_initial": 2600}}', "more than open_ms_max"),
        ('{"wallet": {"open_factor": 0.5}}', "at least 1"),
        ("[" * 20_000, "not JSON"),
        ('{"a": "' + "x" * 70_000 + '"}', "more than"),
    ],
)
def test_what_is_no_policy_is_refused_by_name(value: str, words: str):
    """The sentence names the upstream, the number and what is wrong."""
    with pytest.raises(OverridesRefused, match=words):
        read_policies(value)


LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=9)


@settings(max_examples=60, deadline=None)
@given(st.recursive(LEAVES, lambda inner: st.dictionaries(st.text(max_size=9), inner, max_size=3), max_leaves=9))
def test_any_json_is_taken_or_refused_and_nothing_else(value: object):
    """No other error leaves the border."""
    try:
        overrides = read_policies(json.dumps(value))
    except OverridesRefused:
        return
    assert all(set(numbers) == set() or isinstance(numbers, dict) for numbers in overrides.values())


@pytest.mark.parametrize("start", ["bff.resilience.serving bff.queries.asgi:application", "bff.feeds.ingest"])
def test_a_process_does_not_start_with_policies_that_can_not_be_used(start: str):
    """It says so in a sentence, at once, whether it serves or works."""
    environ = {**os.environ, "DEBUG": "1", "PORT": "0", "UPSTREAM_POLICIES": '{"wallet": {"deadline_ms": "soon"}}'}
    ended = subprocess.run(
        [sys.executable, "-m", *start.split()], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert "UPSTREAM_POLICIES can not be used: wallet.deadline_ms is 'soon': it is a whole number." in ended.stderr


def test_a_process_with_policies_that_it_can_not_use_ends_with_the_sentence():
    """At its start, and by the name of the setting and of the number."""
    check_policies({"UPSTREAM_POLICIES": '{"wallet": {"deadline_ms": 500}}'})
    check_policies({})
    with pytest.raises(SystemExit, match=r"^UPSTREAM_POLICIES can not be used: wallet\.deadline_ms is 0: .*\.$"):
        check_policies({"UPSTREAM_POLICIES": '{"wallet": {"deadline_ms": 0}}'})


def test_a_houses_own_numbers_change_by_the_name_of_its_policy():
    """What is not named stays as the code has it, and another policy with a number of that name too."""
    environ = {"HOUSE_POLICIES": '{"broker": {"stream_events_max": 500}, "store": {"connect_ms": 75}}'}
    assert house_policy("broker", BrokerPolicy(), environ) == BrokerPolicy(stream_events_max=500)
    assert house_policy("store", StorePolicy(), environ) == StorePolicy(connect_ms=75)
    assert house_policy("engine", EnginePolicy(), {"HOUSE_POLICIES": '{"engine": {"durable": false}}'}).durable is False
    assert (
        house_policy("contain", Limits(), {"HOUSE_POLICIES": '{"contain": {"cache_bytes_max": 0}}'}).cache_bytes_max
        == 0
    )


@pytest.mark.parametrize(
    ("name", "policy", "numbers", "words"),
    [
        ("broker", BrokerPolicy(), {"stream_events_max": 19}, "stream_events_max is 19: it is at least 20"),
        ("engine", EnginePolicy(), {"durable": 1}, "engine.durable is '1': it is true or false"),
        ("engine", EnginePolicy(), {"check_s_initial": 90}, r"check_s_initial \(90\) is more than check_s_max"),
        ("tables", FeedPolicy(6.0, 12.0), {"stale_after_s": 20}, r"stale_after_s \(20\) is more than down_after_s"),
        ("live", LivePolicy(), {"retry_s": 5}, r"retry_s \(5\) is more than retry_s_max"),
        ("live", LivePolicy(), {"sockets": 5}, "live.sockets is no number of a policy"),
        ("relay", RelayPolicy(), {"poll_ms_min": 0}, "relay.poll_ms_min is 0: it is more than 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_whatever_the_policy(
    name: str, policy: object, numbers: dict[str, object], words: str
):
    """Types, signs, and what must not be more than what: the same look at every policy."""
    with pytest.raises(OverridesRefused, match=words):
        overridden(name, policy, read_overrides(json.dumps({name: numbers})))


def test_feeds_are_believed_as_long_as_the_installation_says():
    """By the feed's name, without code."""
    environ = {**os.environ, "FEED_POLICIES": '{"promotions": {"stale_after_s": 60, "down_after_s": 300}}'}
    script = "from bff.store.policy import FEED_POLICIES as all; print(all['promotions'], all['tables'])"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert ended.stdout.split("FeedPolicy")[1:] == [
        "(stale_after_s=60, down_after_s=300) ",
        "(stale_after_s=6.0, down_after_s=12.0)\n",
    ]


def test_a_policy_that_no_house_has_ends_the_process_with_the_names_that_there_are():
    """A slip in a name changes nothing silently."""
    with pytest.raises(
        SystemExit, match=r"^HOUSE_POLICIES can not be used: 'sotre' is no policy of a house; there are "
    ):
        check_policies({"HOUSE_POLICIES": '{"sotre": {"op_ms": 5}}'})
    check_policies({"HOUSE_POLICIES": '{"store": {"op_ms": 5}, "broker": {"stream_events_max": 500}}'})
    with pytest.raises(SystemExit, match="'\\*' is no policy of a house"):
        check_policies({"HOUSE_POLICIES": '{"*": {"op_ms": 5}}'})


# Made of the numbers of one that is; of the guard of an upstream; of what a release may link to.
MADE_OF_OTHERS = {"BackoffPolicy", "LastGoodPolicy", "SubscriptionPolicy", "Policy", "LinkPolicy"}


def test_every_policy_of_every_house_can_be_changed_without_code():
    """A policy is made in one place, where the installation's numbers go in; each name is used."""
    loose, used = [], set()
    for house in ("bff", "shell", "fragments"):
        for path in sorted((ROOT / house).rglob("*.py")):
            text = path.read_text("utf-8")
            if "olicy(" not in text:  # to parse all that there is takes longer than all else here
                continue
            tree = ast.parse(text)
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
            given = {id(argument) for call in calls if call.func.id == "house_policy" for argument in call.args}
            used |= {call.args[0].value for call in calls if call.func.id == "house_policy"}
            made = [call for call in calls if call.func.id.endswith("Policy") and call.func.id not in MADE_OF_OTHERS]
            loose += [f"{path.relative_to(ROOT)}:{call.lineno}" for call in made if id(call) not in given]
    assert [place for place in loose if not place.startswith("bff/store/policy.py")] == []
    assert used == HOUSE_POLICY_NAMES


def test_the_book_has_every_policy_by_its_name():
    """And says where its numbers stand."""
    book = (ROOT / "bff" / "resilience" / "README.md").read_text("utf-8")
    assert {name for name in HOUSE_POLICY_NAMES if f"`{name}`" not in book} == set()
