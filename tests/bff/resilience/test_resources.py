"""Which resources are not called for a while, with a clock that the tests set."""

import pytest

from bff.resilience.breaker import Transition
from bff.resilience.message import Headers, Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.resources import Resources

pytestmark = pytest.mark.quick

POLICY = Policy(resources_max=3)
URL = "http://wallet.test/big?player=pl_one"
GOOD = Response(200, Headers(), b"<p>whole</p>")
REFUSED = Failure(Reason.OVERSIZE)


class Bench:
    def __init__(self) -> None:
        self.now = 100.0
        self.transitions: list[Transition] = []
        self.resources = Resources("wallet", POLICY, chance=lambda: 0.0, listener=self.transitions.append)

    def ends(self, resource: str, ended: Response | Failure, times: int = 1) -> None:
        for _ in range(times):
            assert self.resources.refusal(resource, self.now) is None
            permit = self.resources.acquire(resource, self.now)
            self.resources.settle(resource, permit, ended, self.now, url=URL)

    def refused(self, resource: str) -> bool:
        return self.resources.refusal(resource, self.now) is not None


def test_nothing_is_kept_of_what_is_well() -> None:
    """Good answers, answers that say no, and failures of the upstream are no resource's business."""
    bench = Bench()
    for ended in (GOOD, Failure(Reason.NOT_FOUND), Failure(Reason.TIMEOUT), Failure(Reason.INTERNAL)):
        bench.ends("/big", ended, 30)
    assert len(bench.resources) == 0


def test_five_refusals_in_a_row_shut_it_and_one_good_answer_opens_it() -> None:
    """The same figures as an upstream's; nobody probes, so who asks next is the trial."""
    bench = Bench()
    bench.ends("/big", REFUSED, 4)
    bench.ends("/big", GOOD)
    bench.ends("/big", REFUSED, 5)
    assert bench.refused("/big")
    assert not bench.refused("/ok")
    bench.now += 1
    bench.ends("/big", REFUSED)
    assert bench.refused("/big")
    bench.now += 2
    bench.ends("/big", Failure(Reason.NOT_FOUND))
    assert not bench.refused("/big")
    assert bench.resources.shut == 0


def test_its_name_in_logs_is_its_path() -> None:
    """What the query says may be about a player."""
    bench = Bench()
    bench.ends("/big", REFUSED, 5)
    assert [(moved.upstream, moved.cause) for moved in bench.transitions] == [("wallet/big", "oversize")]


def test_refusals_that_end_after_it_was_shut_prove_nothing_more() -> None:
    """Six asked at once: the sixth finds it shut by the others."""
    bench = Bench()
    for _ in range(6):
        bench.resources.settle("/big", None, REFUSED, bench.now, url=URL)
    assert bench.refused("/big")
    assert len(bench.transitions) == 1


def test_a_flood_of_refused_resources_is_bounded() -> None:
    """The one that was refused longest ago goes first."""
    bench = Bench()
    for name in "abcd":
        bench.ends(name, REFUSED, 5)
    assert len(bench.resources) == POLICY.resources_max
    assert [bench.refused(name) for name in "abcd"] == [False, True, True, True]


def test_what_was_not_refused_for_a_while_is_forgotten() -> None:
    """Whether it is shut or not."""
    bench = Bench()
    bench.ends("a", REFUSED, 5)
    bench.now += POLICY.resource_s_max + 1
    bench.ends("b", REFUSED)
    assert len(bench.resources) == 1
