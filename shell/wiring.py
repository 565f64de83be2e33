"""The parts of one shell process, put together once.

Public: `Parts`, `parts`, `start`, `stop`.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

from django.conf import settings

from bff.resilience.door import Limiter, door_limiter
from bff.resilience.last_good import LastGood, LastGoodPolicy
from bff.resilience.policies import house_policy
from bff.resilience.redis_clients import AsyncClient
from shell.composition.body import Body
from shell.composition.compiler import Compiler
from shell.composition.fragment_log import FragmentLog
from shell.composition.fragment_report import Sources
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.ladder import Included
from shell.composition.outcome_lines import OutcomeLines
from shell.composition.page import Page, PageTable, Slot, Visit
from shell.composition.probe_targets import ProbeTargets
from shell.composition.recent_outcomes import RecentOutcomes
from shell.composition.release import Release, Snapshot
from shell.composition.requests import Bearer
from shell.composition.stream import Composer
from shell.composition.upstreams import Upstreams
from shell.fleet.evidence import RedisEvidence
from shell.fleet.fragment_reports import FragmentReports, ReportsPolicy
from shell.fleet.redis_stores import BodyCodec, RedisLastGood, RedisLease, connect
from shell.pages.follow import PagesFollower
from shell.pages.published import LivePages
from shell.pages.table import NOT_FOUND, read_pages
from shell.players.context import Minter
from shell.players.revocation import Revocations
from shell.players.throttle import SignInThrottle, ThrottlePolicy
from shell.registry.analysis import AnalysisPolicy
from shell.registry.change_hints import ChangeHints
from shell.registry.follow import ACTOR, Follower, FollowPolicy
from shell.registry.hold_enforcer import HoldEnforcer
from shell.registry.origins import Origins
from shell.registry.poll_policy import PollPolicy
from shell.registry.prewarm import Prewarmer, PrewarmPolicy
from shell.registry.publish import Published, publish
from shell.registry.snapshot_file import SnapshotFile
from shell.registry.snapshot_loader import Holds
from shell.registry.snapshot_poller import SnapshotPoller
from shell.registry.tallies import ReleaseTally
from shell.registry.trial_controller import TrialController
from shell.registry.trial_webhook import TrialWebhook, WebhookPolicy


@dataclass(frozen=True, slots=True)
class Parts:
    """What a request of any kind may need; all of it lives as long as the process."""

    pages: LivePages
    registry: SnapshotPoller
    upstreams: Upstreams
    composer: Composer
    minter: Minter
    revocations: Revocations
    throttle: SignInThrottle
    registry_throttle: SignInThrottle
    bearer: Bearer
    recent_outcomes: RecentOutcomes
    outcome_lines: OutcomeLines
    fragment_log: FragmentLog
    fragment_reports: FragmentReports
    evidence: RedisEvidence
    redis: AsyncClient
    follower: Follower
    trial_controller: TrialController
    trial_webhook: TrialWebhook
    tally: ReleaseTally
    pages_follower: PagesFollower
    limiter: Limiter
    prewarmer: Prewarmer


@cache
def parts() -> Parts:
    compiler = Compiler()
    pages = LivePages(read_pages(settings.PAGES), lambda page: compiler.check(PageTable([page])))
    compiler.check(pages)
    process = uuid4().hex
    evidence = RedisEvidence(settings.REDIS_URL, sender=process)
    redis = connect(settings.REDIS_URL)
    targets, lease = (lambda release: _probe_targets(pages, release)), RedisLease(redis, holder=process)
    upstreams = Upstreams(targets, evidence=evidence, lease=lease, rule=settings.FRAGMENT_ADDRESSES)
    prewarmer = Prewarmer(upstreams, targets, lease, house_policy("prewarm", PrewarmPolicy()))
    minter = Minter(settings.PLAYER_CONTEXT_PRIVATE_KEY)
    bearer = _bearer_of(minter)
    follower = _follower(pages, bearer)
    registry = _registry(upstreams, pages, prewarmer)
    tally = ReleaseTally(lambda: registry.current)
    recent_outcomes, outcome_lines, fragment_log = RecentOutcomes(), OutcomeLines(), FragmentLog()
    trial_webhook = TrialWebhook(
        settings.TRIAL_WEBHOOK_URL, settings.TRIAL_WEBHOOK_SECRET, house_policy("trial-webhook", WebhookPolicy())
    )

    limiter = door_limiter()
    includer = Includer(
        upstreams,
        bearer,
        last_good=_last_good(redis),
        watch=_watched_by(recent_outcomes.note, outcome_lines.note, tally.note, follower.note),
        spares=lambda load_class: limiter.sheds_slots(load_class, time.monotonic()),
    )
    return Parts(
        pages=pages,
        limiter=limiter,
        follower=follower,
        trial_controller=TrialController(tally, house_policy("analysis", AnalysisPolicy()), trial_webhook.notify),
        trial_webhook=trial_webhook,
        tally=tally,
        registry=registry,
        prewarmer=prewarmer,
        pages_follower=PagesFollower(Path(settings.PAGES), pages),
        upstreams=upstreams,
        composer=Composer(compiler, includer, NOT_FOUND),
        minter=minter,
        revocations=Revocations(settings.REDIS_URL),
        throttle=SignInThrottle(redis, house_policy("sign-in", ThrottlePolicy())),
        registry_throttle=_registry_throttle(redis),
        bearer=bearer,
        recent_outcomes=recent_outcomes,
        outcome_lines=outcome_lines,
        fragment_log=fragment_log,
        fragment_reports=FragmentReports(
            settings.REDIS_URL,
            redis,
            process=process,
            secret=settings.SECRET_KEY,
            report=Sources(recent_outcomes, outcome_lines, fragment_log, upstreams.guards).report,
            policy=house_policy("fragment-reports", ReportsPolicy()),
        ),
        evidence=evidence,
        redis=redis,
    )


def _watched_by(*listeners: Callable[[Included], None]) -> Callable[[Included], None]:
    def watch(included: Included) -> None:
        for listener in listeners:
            listener(included)

    return watch


def _bearer_of(minter: Minter) -> Bearer:
    def bearer(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
        return minter.bearer(
            visit.player,
            audience,
            scopes,
            currency=visit.currency,
            locale=visit.locale,
            life_s=min(life_s, max(0, visit.session_ends - int(time.time()))),
            session=visit.session if life_s else "",
        )

    return bearer


def _follower(pages: LivePages, bearer: Bearer) -> Follower:
    policy = house_policy("follow", FollowPolicy())

    def publish_again(manifest_url: str) -> Awaitable[Published]:
        origins = Origins(settings.FRAGMENT_ORIGINS, loopback=settings.LOCAL)
        return publish(manifest_url, origins=origins, actor=ACTOR, pages=pages, bearer=bearer, trial=policy.trial)

    return Follower(publish_again, policy)


def _registry(upstreams: Upstreams, pages: LivePages, prewarmer: Prewarmer) -> SnapshotPoller:
    hold_enforcer = HoldEnforcer(upstreams)

    def follow(snapshot: Snapshot, holds: Holds) -> None:
        pages.take_published(snapshot.pages, snapshot.scopes)
        upstreams.retain(snapshot)
        hold_enforcer.follow(snapshot, holds)
        prewarmer.follow(snapshot)

    return SnapshotPoller(
        follow,
        SnapshotFile(settings.SNAPSHOT, settings.SECRET_KEY),
        ChangeHints(settings.REDIS_URL),
        house_policy("registry-poll", PollPolicy()),
    )


def _last_good(redis: AsyncClient) -> LastGood[Body]:
    return LastGood(
        house_policy("last-good", LastGoodPolicy()),
        second=RedisLastGood(redis, settings.SECRET_KEY),
        codec=BodyCodec(),
    )


def _registry_throttle(redis: AsyncClient) -> SignInThrottle:
    """A team's CI makes a few requests a minute; an attacker who guesses tokens makes many. The account that is limited
    is the token.
    """
    policy = house_policy("registry-api", ThrottlePolicy(window_s=60, address_tries_max=300, account_tries_max=120))
    return SignInThrottle(redis, policy)


def _probe_targets(pages: PageTable, release: Release) -> ProbeTargets:
    """Until something of a release was healthy: the first of its slots that needs no parameter, as a visitor would."""
    fitting = [(page, slot) for page in pages.pages if not page.params for slot in page.slots]
    bare = Page("probe", "/", "")
    page, slot = next((found for found in fitting if found[1].fragment == release.fragment), (bare, _root(release)))
    visit = Visit(
        page=page,
        params={},
        language=settings.LANGUAGE_CODE,
        locale=settings.LOCALES[0],
        currency=settings.CURRENCY,
        origin=settings.PUBLIC_URL,
    )
    return ProbeTargets(Include(slot, visit, release))


def _root(release: Release) -> Slot:
    return Slot("probe", release.fragment)


_runs = False


async def start() -> None:
    """Start what runs beside the requests. A second call does nothing, and costs nothing: each request calls."""
    global _runs
    if _runs:
        return
    logging.getLogger().addHandler(parts().fragment_log)
    await parts().evidence.start()
    await parts().revocations.start()
    await parts().registry.start()
    parts().trial_controller.start()
    parts().fragment_reports.start()
    parts().prewarmer.start()
    await parts().pages_follower.start()
    _runs = True


async def stop() -> None:
    """End what `start` began and close every connection."""
    global _runs
    _runs = False
    await parts().prewarmer.stop()
    await parts().trial_controller.stop()
    await parts().fragment_reports.stop()
    await parts().trial_webhook.aclose()
    await parts().follower.aclose()
    await parts().pages_follower.stop()
    await parts().registry.stop()
    await parts().revocations.stop()
    await parts().composer.includer.aclose()
    await parts().upstreams.aclose()
    await parts().evidence.stop()
    await parts().redis.aclose()
    logging.getLogger().removeHandler(parts().fragment_log)
