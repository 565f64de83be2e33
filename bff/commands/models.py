"""The app's models, where Django looks for them; they stand in `bff.commands.ledger.models`."""

from bff.commands.ledger.models import *  # noqa: F403
