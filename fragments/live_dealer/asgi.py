"""The live tables, served."""

from fragments.kit.asgi import application_for

application = application_for("fragments.live_dealer.settings", "fragments.live_dealer.provider:close")
