"""Resolves charges with an unknown outcome: asks the provider until it answers, and settles them.

Public: `resolve`, `due_charges`, `outcome_to_record`.
"""

import asyncio
from datetime import UTC, datetime, timedelta

from bff.broker import pause
from bff.commands.engine.policy import POLICY
from bff.commands.engine.threads import Engine, EngineUnavailable
from bff.commands.ledger.models import Charge
from bff.commands.payments import charges
from bff.commands.payments.outcome import ChargeOutcome
from bff.commands.payments.provider import PaymentsProvider
from bff.resilience import log

logger = log.get("resolver")


def due_charges(now: datetime) -> list[tuple[str, datetime]]:
    """References that are to be asked about now, and when each was sent; the longest overdue first."""
    waiting = Charge.objects.filter(check_at__lte=now).order_by("check_at")
    return list(waiting.values_list("receipt_id", "sent_at")[:20])


def outcome_to_record(outcome: ChargeOutcome, sent_at: datetime, now: datetime) -> ChargeOutcome:
    """The outcome to store: a charge that the provider does not know yet may still be on its way to it."""
    if outcome.state == "lost" and now - sent_at < timedelta(seconds=POLICY.lost_after_s):
        return ChargeOutcome("unknown")
    return outcome


async def resolve(engine: Engine, payments: PaymentsProvider, stopping: asyncio.Event) -> None:
    """Runs until `stopping`. It never posts a charge, only looks it up."""
    failing = False
    while not stopping.is_set():
        try:
            for reference, sent_at in await engine.run(due_charges, datetime.now(UTC)):
                outcome = await payments.look_up(reference)
                now = datetime.now(UTC)
                receipt = await engine.run(charges.settle, reference, outcome_to_record(outcome, sent_at, now), now)
                if receipt.state != "pending":
                    logger.info("deposit_resolved", receipt=reference, state=receipt.state)
            failing = False
        except EngineUnavailable as error:
            if not failing:
                logger.warning("resolver_retrying", detail=str(error))
            failing = True
        await pause(stopping, 2.0 if failing else 0.25)
