"""What a team is shown of the log: lines that name its fragment, bounded, without what is not its to see."""

import logging
from collections.abc import Iterator

import pytest

from bff.resilience import log
from shell.composition import fragment_log
from shell.composition.fragment_log import FragmentLog

pytestmark = pytest.mark.quick
PREFIX, SECRET = "0123456789ab", "s" * 43
SIGNED = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbWJlciJ9.c2lnbmF0dXJl"


class Heard:
    """A log of its own under a clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.log = FragmentLog(lambda: self.now)

    def warn(self, event: str, level: int = logging.WARNING, **fields: object) -> None:
        record = logging.LogRecord("shell", level, "", 0, "", None, None)
        record.msg = {"event": event, **fields}  # type: ignore[assignment]  # as structlog hands it on
        self.log.handle(record)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_line_is_shown_to_the_team_of_the_fragment_that_it_names(heard: Heard) -> None:
    """The newest first, each field as text; a line that names nobody is nobody's."""
    heard.warn("action_failed", fragment="poll", slot="votes", reason="timeout", status=503)
    heard.warn("html_taken_out", fragment="poll", taken_out=["a script", "a frame"])
    heard.warn("proxy_failed", fragment="wallet", reason="connect")
    heard.warn("page_broke")
    assert [(line.event, line.level, line.fields) for line in heard.log.of("poll")] == [
        ("html_taken_out", "warning", {"taken_out": "a script, a frame"}),
        ("action_failed", "warning", {"slot": "votes", "status": "503", "reason": "timeout"}),
    ]
    assert [line.event for line in heard.log.of("wallet")] == ["proxy_failed"]
    assert heard.log.of("guest") == []


def test_what_is_the_shells_own_is_not_shown(heard: Heard) -> None:
    """Errors of its stores, tracebacks, and whatever a line says beyond the fields that are a team's."""
    heard.warn("include_broke", logging.ERROR, fragment="poll", slot="votes", exc_info=True, error="at 10.0.0.3")
    [line] = heard.log.of("poll")
    assert (line.level, line.fields) == ("error", {"slot": "votes"})


@pytest.mark.parametrize(
    "words",
    [f"mullion_production_{PREFIX}_{SECRET}", f"mullion_{PREFIX}_{SECRET}", f"Authorization: Bearer {SIGNED}", SIGNED],
)
def test_no_token_and_no_control_character_is_shown(heard: Heard, words: str) -> None:
    """Also where a control character stands in the token, or the text is cut within it."""
    padding = "x" * (fragment_log.CHARS_MAX - 20)
    hidden = f"{words[:-4]}\x00{words[-4:]}"
    for detail in (f"it said {words} again", f"it said {hidden}\x1b[2J\nagain", f"{padding} {words}"):
        heard.now += 2
        heard.warn("proxy_failed", fragment="poll", detail=detail)
    for line in heard.log.of("poll"):
        shown = line.fields["detail"]
        assert shown.isprintable()
        assert len(shown) <= fragment_log.CHARS_MAX
        assert not any(part in shown for part in (SECRET[:12], SIGNED[:12], PREFIX))
    assert "[token]" in shown


def test_lines_alike_are_counted_and_every_bound_holds(heard: Heard) -> None:
    """A flood of one line is one a second, whoever's requests they were; the newest lines and fragments stay."""
    for number in range(5):
        heard.warn("action_failed", fragment="poll", reason="timeout", key=f"key-{number}", trace_id=f"{number}")
    heard.now += 1
    heard.warn("action_failed", fragment="poll", reason="timeout", key="key-5")
    assert [(line.times, line.fields["key"]) for line in heard.log.of("poll")] == [(1, "key-5"), (5, "key-0")]
    for number in range(300):
        heard.warn("proxy_failed", fragment="poll", detail=str(number))
    newest = heard.log.of("poll")
    assert (len(newest), newest[0].fields) == (fragment_log.LINES_MAX, {"detail": "299"})
    for number in range(fragment_log.FRAGMENTS_MAX):
        heard.warn("proxy_failed", fragment=f"fragment-{number}")
    assert heard.log.of("poll") == []
    assert heard.log.of("fragment-0") != []


def test_line_of_one_partition_and_line_of_an_outcome_are_left_out(heard: Heard) -> None:
    """A tester's session is nobody else's; outcomes are told beside the log."""
    heard.warn("action_failed", fragment="poll", partition="tester")
    heard.warn("included", fragment="poll", state="fallback")
    record = logging.LogRecord("library", logging.WARNING, "", 0, "fragment=%s", ("poll",), None)
    heard.log.handle(record)
    assert heard.log.of("poll") == []


@pytest.fixture
def listening(heard: Heard) -> Iterator[Heard]:
    logging.getLogger().addHandler(heard.log)
    yield heard
    logging.getLogger().removeHandler(heard.log)


def test_what_the_shell_logs_arrives_from_warnings_up(listening: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the log as a process configures it; a rehearsal of the gate is not logged and not heard."""
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
