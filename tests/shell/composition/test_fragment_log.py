"""The log lines that a team may read: those that name its fragment, bounded in number, without private fields."""

import logging
from collections.abc import Iterator

import pytest

from bff.resilience import log
from shell.composition import fragment_log
from shell.composition.fragment_log import FragmentLog

pytestmark = pytest.mark.quick
PREFIX, SECRET = "0123456789ab", "s" * 43
SIGNED = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbWJlciJ9.c2lnbmF0dXJl"


class LogUnderClock:
    """A log with a clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.log = FragmentLog(lambda: self.now)

    def warn(self, event: str, level: int = logging.WARNING, **fields: object) -> None:
        record = logging.LogRecord("shell", level, "", 0, "", None, None)
        record.msg = {"event": event, **fields}  # type: ignore[assignment]  # as structlog hands it on
        self.log.handle(record)


@pytest.fixture
def clocked() -> LogUnderClock:
    return LogUnderClock()


def test_line_is_shown_to_the_team_of_the_fragment_that_it_names(clocked: LogUnderClock) -> None:
    """The newest first, each field as text; a line that names nobody is nobody's."""
    clocked.warn("action_failed", fragment="poll", slot="votes", reason="timeout", status=503)
    clocked.warn("html_taken_out", fragment="poll", taken_out=["a script", "a frame"])
    clocked.warn("proxy_failed", fragment="wallet", reason="connect")
    clocked.warn("page_broke")
    assert [(line.event, line.level, line.fields) for line in clocked.log.of("poll")] == [
        ("html_taken_out", "warning", {"taken_out": "a script, a frame"}),
        ("action_failed", "warning", {"slot": "votes", "status": "503", "reason": "timeout"}),
    ]
    assert [line.event for line in clocked.log.of("wallet")] == ["proxy_failed"]
    assert clocked.log.of("guest") == []


def test_what_is_the_shells_own_is_not_shown(clocked: LogUnderClock) -> None:
    """Errors of its stores, tracebacks, and whatever a line says beyond the fields that are a team's."""
    clocked.warn("include_broke", logging.ERROR, fragment="poll", slot="votes", exc_info=True, error="at 10.0.0.3")
    [line] = clocked.log.of("poll")
    assert (line.level, line.fields) == ("error", {"slot": "votes"})


@pytest.mark.parametrize(
    "words",
    [f"mullion_production_{PREFIX}_{SECRET}", f"mullion_{PREFIX}_{SECRET}", f"Authorization: Bearer {SIGNED}", SIGNED],
)
def test_no_token_and_no_control_character_is_shown(clocked: LogUnderClock, words: str) -> None:
    """Also where a control character stands in the token, or the text is cut within it."""
    padding = "x" * (fragment_log.CHARS_MAX - 20)
    hidden = f"{words[:-4]}\x00{words[-4:]}"
    for detail in (f"it said {words} again", f"it said {hidden}\x1b[2J\nagain", f"{padding} {words}"):
        clocked.now += 2
        clocked.warn("proxy_failed", fragment="poll", detail=detail)
    for line in clocked.log.of("poll"):
        shown = line.fields["detail"]
        assert shown.isprintable()
        assert len(shown) <= fragment_log.CHARS_MAX
        assert not any(part in shown for part in (SECRET[:12], SIGNED[:12], PREFIX))
    assert "[token]" in shown


def test_lines_alike_are_counted_and_every_bound_holds(clocked: LogUnderClock) -> None:
    """A flood of one line is one a second, whoever's requests they were; the newest lines and fragments stay."""
    for number in range(5):
        clocked.warn("action_failed", fragment="poll", reason="timeout", key=f"key-{number}", trace_id=f"{number}")
    clocked.now += 1
    clocked.warn("action_failed", fragment="poll", reason="timeout", key="key-5")
    assert [(line.times, line.fields["key"]) for line in clocked.log.of("poll")] == [(1, "key-5"), (5, "key-0")]
    for number in range(300):
        clocked.warn("proxy_failed", fragment="poll", detail=str(number))
    newest = clocked.log.of("poll")
    assert (len(newest), newest[0].fields) == (fragment_log.LINES_MAX, {"detail": "299"})
    for number in range(fragment_log.FRAGMENTS_MAX):
        clocked.warn("proxy_failed", fragment=f"fragment-{number}")
    assert clocked.log.of("poll") == []
    assert clocked.log.of("fragment-0") != []


def test_line_of_one_partition_and_line_of_an_outcome_are_left_out(clocked: LogUnderClock) -> None:
    """A tester's session is nobody else's; outcomes are told beside the log."""
    clocked.warn("action_failed", fragment="poll", partition="tester")
    clocked.warn("included", fragment="poll", state="fallback")
    record = logging.LogRecord("library", logging.WARNING, "", 0, "fragment=%s", ("poll",), None)
    clocked.log.handle(record)
    assert clocked.log.of("poll") == []


@pytest.fixture
def listening(clocked: LogUnderClock) -> Iterator[LogUnderClock]:
    logging.getLogger().addHandler(clocked.log)
    yield clocked
    logging.getLogger().removeHandler(clocked.log)


def test_what_the_shell_logs_arrives_from_warnings_up(
    listening: LogUnderClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the log as a process configures it; a rehearsal of the gate is not logged and not clocked."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        log.configure()
        root.addHandler(listening.log)
        logger = log.get("of-a-test")
        logger.info("action_answered", fragment="poll", status=200)
        logger.warning("action_failed", fragment="poll", reason="cut")
        with log.silenced():
            logger.warning("proxy_failed", fragment="poll", reason="cut")
    finally:
        root.handlers[:], root.level = handlers, level
    assert [(line.event, line.fields) for line in listening.log.of("poll")] == [("action_failed", {"reason": "cut"})]
