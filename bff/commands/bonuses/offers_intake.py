"""The offers intake: keeps the engine's own list of promotions, so that checking a claim needs no call to another
house.

Run as `python -m bff.commands.bonuses.offers_intake`.
"""

from bff.commands.engine.process import set_up


def main() -> None:
    set_up()
    from bff.commands.bonuses.offers import main as run

    run()


if __name__ == "__main__":
    main()
