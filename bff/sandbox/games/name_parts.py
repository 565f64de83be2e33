"""Names of games, made of words of our own.

Public: `LANTERN`, `TIDEWHEEL`, `OAKMILL`, `names`.
"""

import random
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, slots=True)
class Words:
    """A name is a word of `firsts`, one of `seconds` and perhaps one of `lasts`."""

    firsts: str
    seconds: str
    lasts: tuple[str, ...]


LANTERN = Words(
    (
        "Amber Ancient Blazing Brass Bright Crimson Crystal Dancing Drifting Ember Evening Fabled Feathered Gilded "
        "Glowing Hidden Hollow Ivory Jade Jolly Lacquered Lucky Midnight Misty Moonlit Painted Paper Quiet Ruby Silver "
        "Singing Smoky Starlit Sunken Thundering Velvet Wandering Whispering Wild Élan"
    ),
    (
        "Antlers Bazaar Beacon Butterfly Canyon Caravan Carnival Comet Coral Crown Dragonfly Falcon Fjörd Fortune "
        "Fountain Garden Harbour Harvest Honey Isles Jaguar Jötunn Kites Koi Labyrinth Lagoon Lanterns Lotus Meadow "
        "Mirage Oasis Orchard Otter Palace Peacock Pearls Phoenix Piñata Prairie Reef River Sphinx Temple Tiger"
    ),
    ("", "", "", "Deluxe", "Ways", "Nights", "Megaspin", "Hold and Spin", "II"),
)
TIDEWHEEL = Words(
    (
        "Abyssal Anchor Azure Barnacle Breaker Brine Calypso Captain Cobalt Coastal Compass Current Deep Delta "
        "Driftwood Foam Galleon Gulf Harpoon Kelp Kraken Lighthouse Maelstrom Mariner Nautical Neptune Northern "
        "Oyster Pelican Pirate Pólar Riptide Sailor Salty Siren Spray Storm Tidal Trade Tsunami"
    ),
    (
        "Ahoy Bay Bell Bonanza Bounty Breeze Cove Crew Crossing Depths Diver Express Fleet Gale Gems Gold Haul Horizon "
        "Jackpot Jetty Knots Ledger Log Map Net Passage Pier Plunder Quay Rush Sails Sea Shells Splash Strait Surge "
        "Tides Treasure Vault Voyage Wave Wheel Wreck"
    ),
    ("", "", "", "Classic", "Gold", "Extra", "Progressive", "Turbo"),
)
OAKMILL = Words(
    (
        "Alter Bunter Dunkler Edler Ewiger Feiner Flinker Freier Früher Goldener Grüner Großer Heißer Heller Kühner "
        "Kleiner Klarer Königlicher Lauter Leiser Magischer Munterer Nächtlicher Reicher Roter Runder Schneller "
        "Schöner Stiller Stolzer Süßer Tapferer Uralter Verborgener Wahrer Wilder Winziger Zarter Öder Übermütiger"
    ),
    (
        "Adler Apfel Bär Baum Berg Biber Brunnen Dachs Drache Eichbaum Falke Fluss Förster Fuchs Garten Geist Hahn "
        "Hase Hirsch Igel Jäger Käfer Kobold König Kürbis Löwe Luchs Markt Müller Mond Pfad Rabe Ritter Schatz "
        "Schlüssel See Stern Turm Wald Weiher Wind Wolf Wächter Zauber Zwerg"
    ),
    ("", "", "", "Deluxe", "XL", "Gold", "2"),
)


def names(words: Words, rng: random.Random, count: int) -> list[str]:
    """`count` names that differ, in an order of chance."""
    pairs = list(product(words.firsts.split(), words.seconds.split(), dict.fromkeys(words.lasts)))
    # Most names have no last word, as most games are the first of their kind.
    chosen = rng.sample(pairs, count // 2) + [pair for pair in rng.sample(pairs, len(pairs)) if not pair[2]]
    return [" ".join(part for part in pair if part) for pair in dict.fromkeys(chosen)][:count]
