"""Which partition of the ledger's stream an event goes to."""

import zlib

import pytest

from bff.contracts.ledger_partition import aggregate_of_partition, partition_of, players_by_partition

pytestmark = pytest.mark.quick


def test_a_player_is_always_in_one_partition_and_players_are_spread_over_all():
    """The same player goes to the same place; a thousand of them are shared out evenly enough."""
    places = [partition_of(f"player:pl_{n}", 4) for n in range(1000)]
    assert places == [partition_of(f"player:pl_{n}", 4) for n in range(1000)]
    assert all(200 < places.count(place) < 300 for place in range(4))


def test_a_stream_of_one_partition_holds_everything():
    assert {partition_of(about, 1) for about in ("player:pl_a", "ledger", "ledger:2", "engine")} == {0}


def test_the_hash_is_that_of_librdkafka_so_a_producer_with_its_partitioner_agrees():
    """`consistent` is CRC-32 of the key modulo the number of partitions."""
    assert partition_of("player:pl_amber", 7) == zlib.crc32(b"player:pl_amber") % 7


def test_what_is_told_of_the_ledger_in_a_partition_goes_there():
    assert [partition_of(aggregate_of_partition(place), 3) for place in range(3)] == [0, 1, 2]
    assert aggregate_of_partition(0) == "ledger", "what stands in streams of one partition"


def test_players_are_grouped_by_the_partition_of_their_events():
    grouped = players_by_partition(((f"pl_{n}", n) for n in range(50)), 3)
    assert sorted(n for some in grouped.values() for n in some) == list(range(50))
    assert all(partition_of(f"player:pl_{n}", 3) == place for place, some in grouped.items() for n in some)
    assert list(grouped) == sorted(grouped)
