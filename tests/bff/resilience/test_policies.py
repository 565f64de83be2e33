"""Numbers of guarded calls that an installation changes without code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.resilience.guard import Guard
from bff.resilience.policies import PoliciesRefused, check_policies, policy_for, read_policies
from bff.resilience.policy import Policy

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
    with pytest.raises(PoliciesRefused, match=words):
        read_policies(value)


LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=9)


@settings(max_examples=60, deadline=None)
@given(st.recursive(LEAVES, lambda inner: st.dictionaries(st.text(max_size=9), inner, max_size=3), max_leaves=9))
def test_any_json_is_taken_or_refused_and_nothing_else(value: object):
    """No other error leaves the border."""
    try:
        overrides = read_policies(json.dumps(value))
    except PoliciesRefused:
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
