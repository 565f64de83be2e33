"""The outcome of a round for each kind of game.

Public: `draw`, `named`.
"""

import random

_RED = frozenset({1, 3, 5, 7, 9, 12, 14, 16, 18, 19, 21, 23, 25, 27, 30, 32, 34, 36})  # the European wheel

# A wheel of 54 segments, the way money wheels are cut: many ones, few prizes.
_WHEEL = ("1",) * 23 + ("2",) * 15 + ("5",) * 7 + ("10",) * 4 + ("x2",) * 2 + ("x5",) * 2 + ("Lantern",)

# A dealer who stands on all seventeens: final totals, bust last (rounded figures of the usual tables).
_DEALER = (("17", 14.5), ("18", 13.9), ("19", 13.4), ("20", 18.0), ("21", 7.3), ("Blackjack", 4.8), ("Bust", 28.1))


def draw(kind: str, rng: random.Random) -> tuple[str, str]:
    """(result, colour) of one round; colour is empty where the game has none."""
    if kind == "roulette":
        number = rng.randrange(37)
        return str(number), _colour(number)
    if kind == "blackjack":
        totals, weights = zip(*_DEALER, strict=True)
        return f"Dealer {rng.choices(totals, weights)[0]}", ""
    if kind == "baccarat":
        # Eight decks: banker 45.86 %, player 44.62 %, tie 9.52 %.
        return rng.choices((("Banker", "red"), ("Player", "blue"), ("Tie", "green")), (45.86, 44.62, 9.52))[0]
    return rng.choice(_WHEEL), ""


def named(kind: str, word: str) -> tuple[str, str]:
    """The outcome that `word` names: a roulette's number or colour, or the result itself. ValueError for any other."""
    if kind == "roulette":
        number = {"red": "14", "black": "20", "green": "0"}.get(word, word)
        if not (number.isascii() and number.isdecimal() and str(int(number)) == number and int(number) < 37):
            raise ValueError("result must be red, black, green or a number from 0 to 36")
        return number, _colour(int(number))
    results = {
        "blackjack": {f"Dealer {total}": "" for total, _ in _DEALER},
        "baccarat": {"Banker": "red", "Player": "blue", "Tie": "green"},
    }.get(kind, dict.fromkeys(_WHEEL, ""))
    if word not in results:
        raise ValueError(f"result must be one of {', '.join(results)}")
    return word, results[word]


def _colour(number: int) -> str:
    return "green" if number == 0 else "red" if number in _RED else "black"
