"""The providers of games that this installation has, each with its protocol.

Public: `games_feeds`.
"""

from bff.feeds import settings
from bff.feeds.games.feed import GamesFeed
from bff.feeds.games.lantern import LanternSource
from bff.feeds.games.oakmill import OakmillSource
from bff.feeds.games.tidewheel import TidewheelSource
from bff.feeds.policy import GAMES
from bff.store import Store


def games_feeds(store: Store, owner: str) -> list[GamesFeed]:
    """A feed for each provider that has an address."""
    feeds = []
    if settings.GAMES_LIST_URL:
        feed = GamesFeed(store, "lantern", "Lantern", owner)
        url, operator, secret = settings.GAMES_LIST_URL, settings.GAMES_LIST_OPERATOR, settings.GAMES_LIST_SECRET
        feed.source = LanternSource(url, operator, secret, feed.health, GAMES)
        feeds.append(feed)
    if settings.GAMES_PUSH_URL:
        feed = GamesFeed(store, "tidewheel", "Tidewheel", owner)
        feed.source = TidewheelSource(settings.GAMES_PUSH_URL, feed.health, GAMES)
        feeds.append(feed)
    if settings.GAMES_CSV_URL:
        feed = GamesFeed(store, "oakmill", "Oakmill", owner)
        feed.source = OakmillSource(settings.GAMES_CSV_URL, feed.health, GAMES)
        feeds.append(feed)
    return feeds
