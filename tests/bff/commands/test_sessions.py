"""Which game tokens are accepted for a bet, after revocations of sessions."""

import re
from pathlib import Path

import pytest

from bff.commands.engine.policy import POLICY, EnginePolicy
from bff.commands.seamless.sessions import EndedSessions
from bff.contracts.player_context import PlayerContext
from bff.contracts.revocation import SessionsRevoked, read_revocation, write_revocation

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
HOUR = 3600
NOW = 1_000_000.0


def token(*, age_s=0.0, session="mark.3", player="pl_amber"):
    scopes = frozenset({"games.play"})
    return PlayerContext(player, "game:203", "EUR", "en", scopes, 2**40, session=session, issued_at=int(NOW - age_s))


@pytest.fixture
def revocations():
    """A process that has received every revocation of the last day."""
    sessions = EndedSessions()
    sessions.complete_from(NOW - 24 * HOUR)
    return sessions


@pytest.mark.parametrize("age_s", [0, 121, HOUR, 11 * HOUR, 12 * HOUR])
def test_play_goes_on_with_one_token_for_an_evening(revocations, age_s):
    """Long after two minutes, up to twelve hours."""
    assert revocations.is_live(token(age_s=age_s), NOW)


@pytest.mark.parametrize("age_s", [0, 60, HOUR])
def test_a_session_that_ended_ends_its_tokens_at_once(revocations, age_s):
    """Fresh ones too; another session of the same player plays on."""
    revocations.revoke("pl_amber", NOW, mark="mark")
    assert not revocations.is_live(token(age_s=age_s), NOW)
    assert revocations.is_live(token(age_s=age_s, session="other.3"), NOW)


def test_a_block_or_a_sign_out_everywhere_ends_all_tokens_of_a_player(revocations):
    """Whatever device they were minted for; what is minted after it counts, and so do other players."""
    revocations.revoke("pl_amber", NOW, epoch=4)
    assert not revocations.is_live(token(), NOW)
    assert not revocations.is_live(token(session="other.3"), NOW)
    assert not revocations.is_live(token(session=""), NOW)
    assert revocations.is_live(token(session="mark.4"), NOW)
    assert revocations.is_live(token(player="pl_birch"), NOW)


def test_an_old_token_is_not_believed_where_a_revocation_may_have_been_missed(revocations):
    """After the line was lost and found again: minutes old will do, and so does what is minted from then on."""
    revocations.incomplete()
    assert revocations.is_live(token(age_s=POLICY.token_fresh_s), NOW)
    assert not revocations.is_live(token(age_s=POLICY.token_fresh_s + 1), NOW)
    revocations.complete_from(NOW - HOUR)
    assert not revocations.is_live(token(age_s=2 * HOUR), NOW)
    assert revocations.is_live(token(age_s=HOUR), NOW)


def test_what_was_heard_is_not_forgotten_with_the_line(revocations):
    """A session that ended stays so when the line is lost."""
    revocations.revoke("pl_amber", NOW, mark="mark")
    revocations.incomplete()
    revocations.complete_from(NOW)
    assert not revocations.is_live(token(), NOW)


def test_no_token_lives_for_more_than_twelve_hours_or_without_its_session(revocations):
    """Nor does one from a clock that is ahead count as fresh for as long as that."""
    assert not revocations.is_live(token(age_s=12 * HOUR + 1), NOW)
    assert not revocations.is_live(token(age_s=HOUR, session=""), NOW)
    sessions = EndedSessions()
    assert not sessions.is_live(token(age_s=-POLICY.token_fresh_s - 1), NOW)


def test_what_is_forgotten_for_want_of_room_is_not_believed(revocations):
    """Memory is bounded: the oldest revocation goes, and with it the belief in tokens as old."""
    small = EndedSessions(EnginePolicy(revocations_max=2))
    small.complete_from(NOW - 24 * HOUR)
    for place, mark in enumerate(("mark", "b", "c")):
        small.revoke("pl_amber", NOW - 300 + place, mark=mark)
    assert not small.is_live(token(age_s=301), NOW)
    assert small.is_live(token(age_s=200, session="d.3"), NOW)


def test_shell_live_side_and_engine_mean_the_same_channel():
    """One says it, two hear it: the names stand in the contract alone, and what one writes all read."""
    spelled = {
        str(path.relative_to(ROOT))
        for room in ("bff", "shell")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"mullion:revo", path.read_text())
    }
    assert spelled == {"bff/contracts/revocation.py"}
    revoked = SessionsRevoked("pl_amber", "m1", 3)
    assert read_revocation(write_revocation(revoked)) == revoked
