"""A request that gets a problem instead of a view.

Public: `ViewRefused`.
"""

from http import HTTPStatus

from bff.contracts.problem import Problem


class ViewRefused(Exception):
    """Answered as an RFC 9457 problem. `code` is for programs, `detail` for the person who reads the log."""

    def __init__(self, status: int, code: str, detail: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.problem = Problem(
            status=status, title=HTTPStatus(status).phrase, code=code, detail=detail, fields=fields or {}
        )
