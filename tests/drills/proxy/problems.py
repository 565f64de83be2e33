"""Refusals of the HTTP API, with Toxiproxy's words and status codes, and the reason after a colon.

Public: `ApiProblem`.
"""


class ApiProblem(Exception):
    """A request that is refused; `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message, self.status = message, status

    def body(self) -> dict[str, object]:
        return {"error": self.message, "status": self.status}


def bad_body(detail: str) -> ApiProblem:
    return ApiProblem(f"bad request body: {detail}", 400)


def missing_field(name: str) -> ApiProblem:
    return ApiProblem(f"missing required field: {name}", 400)


def invalid_type(detail: str) -> ApiProblem:
    return ApiProblem(f"invalid toxic type: {detail}", 400)


def invalid_stream(detail: str = "") -> ApiProblem:
    words = "stream was invalid, can be either upstream or downstream"
    return ApiProblem(f"{words}: {detail}" if detail else words, 400)


def proxy_not_found(name: str, hint: str = "") -> ApiProblem:
    return ApiProblem(f"proxy not found: {name!r}{hint}", 404)


def proxy_exists(name: str) -> ApiProblem:
    return ApiProblem(f"proxy already exists: {name!r}", 409)


def toxic_not_found(name: str) -> ApiProblem:
    return ApiProblem(f"toxic not found: {name!r}", 404)


def toxic_exists(name: str) -> ApiProblem:
    return ApiProblem(f"toxic already exists: {name!r}", 409)
