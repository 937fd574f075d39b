"""Servers and clients die at any moment, connections break: nothing lost, doubled, reordered, unreadable."""

from __future__ import annotations

import asyncio
import math
import random
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from backchannel import Role
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from crash.checker import Evidence, check
from crash.goals import Goals, Guest
from crash.storm import Person, Storm, storm

CLASSIC = X25519_AES128GCM_SHA256_ED25519
XWING = XWING_AES256GCM_SHA512_ED25519
RATE = 6.0
POINTS = 700
WEATHER = {"cut": 4, "within": 4, "half": 2, "slow": 3, "pause": 2, "kill": 1}
SHORT_S = 240
LONG_S = 4 * 3600


@pytest.fixture(autouse=True)
def generous(monkeypatch: pytest.MonkeyPatch) -> None:
    """All people of a storm come from one address, and the profiles here have a cheap key derivation."""
    monkeypatch.setenv("BACKCHANNEL_REQUESTS_A_MINUTE", "100000")
    monkeypatch.setattr("backchannel.store.seal.ARGON2_MEMORY_KIB", 64)
    monkeypatch.setattr("backchannel.store.seal.ARGON2_ITERATIONS", 1)


def company(raging: Storm, suite: int = CLASSIC) -> list[Person]:
    """Ann invites three; all talk."""
    guests = [Guest("bea", "b", Role.FACILITATOR), Guest("cy", "b"), Guest("dan", "a")]
    raging.add("ann", Goals(guests=tuple(guests)), suite=suite, token=raging.server.token)
    return list(raging.people.values()) + [raging.add(guest.name) for guest in guests]


async def begin(raging: Storm, people: list[Person]) -> None:
    """All talk, and the first one has nothing left to do."""
    for number, person in enumerate(people):
        await person.start(rate=RATE, seed=number)
    await raging.when(lambda: bool(people[0].said.get("done")))


async def finish(raging: Storm, *, at_least: int) -> Evidence:
    """Comes to rest, checks, and sees that there was something to check."""
    await raging.settle()
    evidence = await raging.evidence()
    assert check(evidence) == []
    said = sum(intent.saved for member in evidence.members for intent in member.intents)
    assert said >= at_least
    return evidence


@pytest.mark.parametrize(("suite", "kills"), [(CLASSIC, 6), (XWING, 4)], ids=["suite-1", "x-wing"])
async def test_the_server_is_killed(
    tmp_path: Path, seed: int, long_form: bool, suite: int, kills: int
) -> None:
    moments = random.Random(seed)
    async with storm(tmp_path, LONG_S if long_form else SHORT_S) as raging:
        await begin(raging, company(raging, suite))
        for _ in range(200 if long_form else kills):
            await raging.acknowledged(moments.randint(1, 40))
            await asyncio.sleep(moments.uniform(0, 0.05))  # the moment is what is random
            await raging.restart_server()
        evidence = await finish(raging, at_least=4 * kills)
        assert len(evidence.acks) > kills


def story(raging: Storm, turns: int, suite: int = CLASSIC) -> None:
    """Ann and Bea of both sides let people in and out, each side approving; all talk."""
    guests = [Guest("bea", "b", Role.FACILITATOR)]
    removals = {}
    for turn in range(turns):
        name, after = f"guest{turn}", 15 * turn
        guests.append(Guest(name, "ab"[turn % 2], after=after))
        leaves = turn % 3 == 1
        if turn % 3 == 2:
            removals[name] = 6
        raging.add(name, Goals(leaves_at=6 if leaves else 0))
    ann = Goals(guests=tuple(guests), removals=removals, party_rule=True)
    raging.add("ann", ann, suite=suite, token=raging.server.token)
    raging.add("bea", Goals(consents=True))


@dataclass
class Kills:
    """How many there are still to be."""

    left: int


async def torment(raging: Storm, person: Person, moments: random.Random, kills: Kills) -> None:
    """Lives, and is killed: at a random point from within, or at a random moment from without."""
    await raging.invited(person)
    while not person.out:
        inside = moments.random() < 0.6
        point = int(math.exp(moments.uniform(math.log(5), math.log(POINTS))))
        calm = kills.left <= 0
        await person.start(
            rate=RATE, die_at=point if inside and not calm else 0, seed=moments.randrange(1000)
        )
        await person.awake()
        await person.end(within_s=None if calm else moments.uniform(0, 3))
        kills.left -= not person.out


async def live_and_die(raging: Storm, moments: random.Random, kills: Kills) -> None:
    """Until all the kills were, and the story is over."""
    async with asyncio.TaskGroup() as group:
        people = raging.people.values()
        living = [group.create_task(torment(raging, person, moments, kills)) for person in people]
        await raging.when(lambda: kills.left <= 0 and bool(raging.people["ann"].said.get("done")))
        for task in living:
            task.cancel()


async def test_clients_are_killed(tmp_path: Path, seed: int, long_form: bool) -> None:
    moments = random.Random(seed)
    kills = Kills(500 if long_form else 20)
    async with storm(tmp_path, LONG_S if long_form else SHORT_S) as raging:
        story(raging, 16 if long_form else 3)
        await live_and_die(raging, moments, kills)
        await finish(raging, at_least=20)


def goes_on(raging: Storm, over: asyncio.Event, enough: int) -> bool:
    """Whether the next blow may fall."""
    return over.is_set() or len(raging.proxy.acks) >= enough


async def weather(raging: Storm, moments: random.Random, over: asyncio.Event, blows: int) -> None:
    """Bad: connections cut at once, within a frame, on one side, or slow; the server paused or killed.

    After each blow something is acknowledged before the next one falls, or nobody would come on.
    """
    for _ in range(blows):
        enough = len(raging.proxy.acks) + moments.randint(1, 8)
        await raging.when(partial(goes_on, raging, over, enough))
        link = raging.proxy.pick(moments)
        what = moments.choices(*zip(*WEATHER.items(), strict=True))[0]
        if over.is_set():
            return
        if what == "pause":
            raging.server.signal(signal.SIGSTOP)
            await asyncio.sleep(moments.uniform(0.1, 1.0))
            raging.server.signal(signal.SIGCONT)
        elif what == "kill":
            await raging.restart_server()
        elif link is None:
            continue
        elif what == "cut":
            link.cut()
        elif what == "within":
            link.cut_within(moments.randrange(1, 4000))
        elif what == "half":
            link.half_close()
        else:
            link.delay_s = moments.uniform(0.02, 0.3)


async def test_everything_at_once(tmp_path: Path, seed: int, long_form: bool) -> None:
    moments = random.Random(seed)
    kills = Kills(200 if long_form else 6)
    async with storm(tmp_path, LONG_S if long_form else SHORT_S) as raging:
        story(raging, 10 if long_form else 2, XWING)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(weather(raging, moments, over, 1000 if long_form else 12))
            try:
                await live_and_die(raging, moments, kills)
            finally:
                over.set()
        await finish(raging, at_least=20)
