"""The sign-in throttle: which tries are counted, by account and by address, and that honest players are not held up."""

import asyncio

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, identify_hasher, make_password

from shell.fleet.redis_stores import connect
from shell.players.device import ACCOUNTS_MAX, device_of, remember
from shell.players.throttle import SignInThrottle, ThrottlePolicy, attempt_counters

pytestmark = pytest.mark.quick

NOWHERE = "redis://127.0.0.1:1/0"
POLICY = ThrottlePolicy(address_tries_max=20, account_tries_max=10, device_tries_max=10)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def throttle(clock: Clock | None = None) -> SignInThrottle:
    """Counters in this process only, as its Redis is away."""
    return SignInThrottle(connect(NOWHERE), POLICY, clock=clock or Clock())


async def admitted(counts: SignInThrottle, *who: tuple[str, str]) -> int:
    """How many of these simultaneous tries, by (name, address), are admitted."""
    tries = [attempt_counters(POLICY, name=name, address=address, device="") for name, address in who]
    return (await asyncio.gather(*map(counts.take, tries))).count(0)


async def test_48_tries_at_once_at_one_name_are_10_with_the_store_away() -> None:
    """Each try comes from another address."""
    assert await admitted(throttle(), *(("amber", f"10.0.0.{n}") for n in range(48))) == 10


async def test_25_names_from_one_address_are_stopped_with_the_store_away() -> None:
    """All addresses of one IPv6 customer count as one address."""
    assert await admitted(throttle(), *((f"name{n}", "10.0.0.1") for n in range(25))) == 20
    assert await admitted(throttle(), *((f"name{n}", f"2001:db8:1:2::{n:x}") for n in range(25))) == 20
    assert await admitted(throttle(), *((f"name{n}", f"2001:db8:1:{n:x}::1") for n in range(25))) == 25


async def test_upper_case_is_not_another_name() -> None:
    """The same account has one counter."""
    names = ["amber", "Amber", "AMBER"] * 10
    assert await admitted(throttle(), *((name, f"10.0.0.{n}") for n, name in enumerate(names))) == 10


async def test_tries_are_let_in_again_after_the_window() -> None:
    """A refused try's Retry-After is the rest of the window."""
    clock = Clock()
    counts = throttle(clock)
    tries = attempt_counters(POLICY, name="amber", address="10.0.0.1", device="")
    assert [await counts.take(tries) for _ in range(10)] == [0] * 10
    clock.now += 100
    assert await counts.take(tries) == 200
    clock.now += 200
    assert await counts.take(tries) == 0


async def test_address_that_is_over_its_limit_is_known_before_anything_is_done_for_it() -> None:
    """The check itself counts no try."""
    counts = throttle()
    assert [counts.address_wait_s("10.0.0.1") for _ in range(30)] == [0] * 30
    await admitted(counts, *((f"name{n}", "10.0.0.1") for n in range(25)))
    assert counts.address_wait_s("10.0.0.1") == 300
    assert counts.address_wait_s("10.0.0.2") == 0


async def test_refused_tries_do_not_count() -> None:
    """Repeated refused tries neither extend the wait nor use up an account's tries for others."""
    counts = throttle()
    for _ in range(3):
        await admitted(counts, *((f"name{n}", "10.0.0.1") for n in range(25)))
    assert await admitted(counts, *(("name24", f"10.0.1.{n}") for n in range(12))) == 10


async def test_successful_sign_in_is_not_counted() -> None:
    """A successful sign-in is not counted, so an office behind one address can sign in all day."""
    counts = throttle()
    for n in range(100):
        tries = attempt_counters(POLICY, name=f"player{n}", address="10.0.0.1", device="")
        assert await counts.take(tries) == 0
        await counts.refund(tries)


async def test_known_device_signs_in_while_its_name_is_attacked_from_everywhere() -> None:
    """An attack can not lock a player out of a known device, nor guess without limit on one."""
    counts = throttle()
    await admitted(counts, *(("amber", f"10.0.{n}.1") for n in range(50)))
    stranger = attempt_counters(POLICY, name="amber", address="10.9.9.9", device="")
    tries = attempt_counters(POLICY, name="amber", address="10.0.0.1", device="d1")
    assert await counts.take(stranger) > 0
    assert [await counts.take(tries) for _ in range(11)].count(0) == 10


async def test_counters_of_a_process_are_bounded() -> None:
    """A flood of invented names takes no more memory than the policy says."""
    counts = SignInThrottle(connect(NOWHERE), ThrottlePolicy(buckets_max=32, address_tries_max=1000))
    for n in range(200):
        await counts.take(attempt_counters(counts.policy, name=f"n{n}", address=f"10.0.{n}.1", device=""))
    assert len(counts._here) <= 2 * 32


def test_device_is_known_for_the_accounts_that_signed_in_on_it() -> None:
    """The cookie names the last few accounts; a modified cookie, or another account, makes the device unknown."""

    def cookies(value: str) -> dict[str, str]:
        return {settings.DEVICE_COOKIE_NAME: value}

    jar: dict[str, str] = {}
    for name in ("amber", "birch"):
        jar = cookies(remember(jar, name).partition(";")[0].partition("=")[2])
    assert device_of(jar, "amber") == device_of(jar, "Birch") != ""
    assert device_of(jar, "cedar") == ""
    [value] = jar.values()
    assert device_of(cookies(value[:10] + "x" + value[11:]), "amber") == ""
    assert device_of(cookies("x" * 5000), "amber") == ""
    for n in range(ACCOUNTS_MAX):
        jar = cookies(remember(jar, f"other{n}").partition(";")[0].partition("=")[2])
    assert device_of(jar, "amber") == ""


def test_passwords_are_hashed_with_argon2_and_older_hashes_still_open() -> None:
    """A hash takes one thread and 19 MiB; an older hash is replaced at the next sign-in."""
    assert make_password("a long one").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    older = PBKDF2PasswordHasher().encode("a long one", "salt", iterations=1000)
    renewed: list[str] = []
    assert check_password("a long one", older, setter=renewed.append)
    assert renewed == ["a long one"]
    assert identify_hasher(make_password("x")).algorithm == "argon2"
