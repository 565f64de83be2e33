"""The relay: takes events from the outbox to the broker, resolves pending payments, answers requests for a replay.

Run as `python -m bff.commands.relay`. It may be killed at any line and started several times: relays share the
partitions of the ledger's stream. Events come at least once and in order, and a reader drops the second one.
"""

from bff.commands.engine.process import set_up


def main() -> None:
    set_up()
    from bff.commands.relay.process import main as run

    run()


if __name__ == "__main__":
    main()
