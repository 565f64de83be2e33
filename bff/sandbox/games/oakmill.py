"""Oakmill's export: a CSV with German words and a decimal comma, in windows-1252.

Public: `export`, `HEAD`.
"""

import csv
import io

from bff.sandbox.games.catalogue import SandboxGame

HEAD = ("Artikelnr", "Spielname", "Gattung", "Auszahlung", "Schwankung", "Erschienen", "Aktiv")
_KINDS = {
    "slots": "Automatenspiel",
    "jackpots": "Jackpot-Automat",
    "tables": "Tischspiel",
    "poker": "Videopoker",
    "instant": "Rubbellos",
    "crash": "Crash-Spiel",
    "bingo": "Bingo",
}
_VOLATILITY = {1: "niedrig", 2: "niedrig", 3: "mittel", 4: "hoch", 5: "hoch"}


def export(games: list[SandboxGame]) -> bytes:
    """The whole file, with its head."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEAD)
    for game in games:
        writer.writerow(
            (
                f"OM{game.number + 1000}",
                game.name,
                _KINDS[game.kind],
                f"{game.rtp:.2f}".replace(".", ","),
                _VOLATILITY[game.volatility],
                game.released.strftime("%d.%m.%Y"),
                "ja" if game.open else "nein",
            )
        )
    return written.getvalue().encode("windows-1252")
