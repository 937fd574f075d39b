"""Servers and clients die at any moment, connections break: nothing lost, doubled, reordered, unreadable."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass
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


@pytest.mark.parametrize(("suite", "kills"), [(CLASSIC, 10), (XWING, 4)], ids=["suite-1", "x-wing"])
async def test_the_server_is_killed(
    tmp_path: Path, seed: int, long_form: bool, suite: int, kills: int
) -> None:
    moments = random.Random(seed)
    async with storm(tmp_path) as raging:
        await begin(raging, company(raging, suite))
        for _ in range(200 if long_form else kills):
            await raging.acknowledged(moments.randint(1, 40))
            await asyncio.sleep(moments.uniform(0, 0.05))  # the moment is what is random
            await raging.restart_server()
        evidence = await finish(raging, at_least=4 * kills)
        assert len(evidence.acks) > kills


def story(raging: Storm, turns: int) -> None:
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
    raging.add("ann", ann, token=raging.server.token)
    raging.add("bea", Goals(consents=True))


@dataclass
class Kills:
    """How many there are still to be; where they fell."""

    left: int
    before_coming_in: int = 0


async def torment(raging: Storm, person: Person, moments: random.Random, kills: Kills) -> None:
    """Lives, and is killed: at a random point from within, or at a random moment from without."""
    await raging.invited(person)
    while not person.out:
        inside = moments.random() < 0.6
        point = int(math.exp(moments.uniform(math.log(5), math.log(POINTS))))
        within_s = moments.uniform(1.0, 4.0)
        calm = kills.left <= 0
        await person.start(
            rate=RATE, die_at=point if inside and not calm else 0, seed=moments.randrange(1000)
        )
        await person.end(within_s=None if calm else within_s)
        if not person.out:
            kills.left -= 1
            kills.before_coming_in += not person.said


async def test_clients_are_killed(tmp_path: Path, seed: int, long_form: bool) -> None:
    moments = random.Random(seed)
    kills = Kills(500 if long_form else 30)
    async with storm(tmp_path) as raging:
        story(raging, 60 if long_form else 4)
        async with asyncio.TaskGroup() as group:
            living = [
                group.create_task(torment(raging, person, moments, kills))
                for person in raging.people.values()
            ]
            await raging.when(lambda: kills.left <= 0 and bool(raging.people["ann"].said.get("done")))
            for task in living:
                task.cancel()
        await finish(raging, at_least=30)
