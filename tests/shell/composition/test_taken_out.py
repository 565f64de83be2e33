"""What containment removes from a fragment's HTML is logged, once for each release."""

from structlog.testing import capture_logs

from bff.resilience.policy import Policy
from tests.support.shell_page import Trio


async def test_what_is_taken_out_stands_in_the_log_once() -> None:
    """Bodies differ from visit to visit, and lose the same; what another body loses besides is told then."""
    policy = Policy(connect_ms=10_000, deadline_ms=20_000)
    async with Trio(policy=policy, extension={"deadline_ms": 5000}, page_deadline_ms=20_000) as trio:
        with capture_logs() as logs:
            for body in (b"<p onfirst=x>1</p>", b"<p onfirst=x>2</p>", b"<p onfirst=x onsecond=y>3</p>"):
                trio.origins["tables"].body = body
                await trio.page()
    lines = [entry for entry in logs if entry["event"] == "html_taken_out"]
    assert [(line["fragment"], line["taken_out"]) for line in lines] == [
        ("tables", ["removed onfirst of <p>"]),
        ("tables", ["removed onfirst of <p>", "removed onsecond of <p>"]),
    ]
