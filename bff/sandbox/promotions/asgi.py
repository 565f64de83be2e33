"""The promotions provider as `up` serves it. Public: `application`."""

from bff.resilience import log
from bff.sandbox import settings
from bff.sandbox.clock import SandboxClock
from bff.sandbox.promotions.server import PromotionsProvider

log.configure()
application = PromotionsProvider(settings.SANDBOX_SEED, SandboxClock())
