"""Log lines on stderr: short ones for people under DEBUG, one JSON object a line otherwise.

Public: `configure`, `get`, `bind_trace`, `silenced`.
"""

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from bff.resilience.partition import current


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """Imports in here find none of these, installed or not."""
    there = {name: module for name in names if (module := sys.modules.pop(name, None)) is not None}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]  # None keeps a module out
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(there)


# structlog takes what it finds of these, for ways of logging that nobody here uses; that took longer than structlog
# itself, at each start of each process, and of a function.
with _without("rich", "twisted"):
    import structlog
    from structlog.typing import FilteringBoundLogger, Processor

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_TRACE = b"0" * 32
_silent: ContextVar[bool] = ContextVar("silent", default=False)


class _BoundLogger(structlog.stdlib.BoundLogger):
    """Every slot of every page has a debug line, which costs one comparison while that level is off."""

    def debug(self, event: str | None = None, *args: Any, **kw: Any) -> Any:
        """Dropped here already, where the standard library's logger would drop it."""
        return super().debug(event, *args, **kw) if self._logger.isEnabledFor(logging.DEBUG) else None


def configure(*, level: int = logging.INFO) -> None:
    """Send everything that this process logs, the standard library's loggers too, to stderr. Safe to call again.

    Reads `DEBUG` (set: lines for people) and `PROCESS_NAME` (stands in every JSON line) from the environment.
    """
    for_people = bool(os.environ.get("DEBUG"))
    shared: list[Processor] = [
        _drop_silenced,
        structlog.contextvars.merge_contextvars,
        _name_partition,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _one_line_for_callers_mistakes],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(for_people)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=_BoundLogger,
        cache_logger_on_first_use=True,
    )


def get(name: str) -> FilteringBoundLogger:
    """The logger `name`; call it with an event and fields: `log.info("breaker_opened", upstream="wallet")`."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


@contextmanager
def silenced() -> Iterator[None]:
    """Nothing that this task, or a task that it starts, does inside is logged: it is a rehearsal."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def _drop_silenced(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if _silent.get():
        raise structlog.DropEvent
    return event


def _name_partition(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """By it the lines of one browser's requests are found, in each house that they reached."""
    if (partition := current()) is not None:
        event["partition"] = partition.name
    return event


def bind_trace(traceparent: bytes) -> None:
    """Whatever this task and those that it starts log from here on carries `trace_id`, if this is a W3C `traceparent`.

    A line about work that several requests share carries the trace of the one that began it.
    """
    found = _TRACEPARENT.fullmatch(traceparent)
    if found and found[1] != _NO_TRACE:
        structlog.contextvars.bind_contextvars(trace_id=found[1].decode("ascii"))


def _one_line_for_callers_mistakes(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Django logs a refused request with a traceback, with which any caller could fill the disk."""
    if 400 <= event.get("status_code", 0) < 500:
        event.pop("exc_info", None)
    return event


def _rendering(for_people: bool) -> list[Processor]:
    if for_people:
        # Plain tracebacks: the default one prints every local variable, tokens too, and takes half a second.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False, exception_formatter=plain)]
    process = os.environ.get("PROCESS_NAME", "")

    def name_process(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if process:
            event["process"] = process
        return event

    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
