"""The relay: takes events from the outbox to the broker, resolves pending payments, answers requests for a replay.

Run as `python -m bff.commands.relay`. It may be killed at any line and started twice: events come at least once and in
order, and a reader drops the second one.
"""

from bff.commands.engine.process import set_up


def main() -> None:
    set_up()
    from bff.commands.relay.loops import main as run

    run()


if __name__ == "__main__":
    main()
