"""The catalogue, served."""

from fragments.kit.asgi import application_for

application = application_for("fragments.games.settings")
