"""The benchmark of coming in: one JSON object on stdout.

python3 run.py bench join [--quick] [--people N] [--json FILE]

People come into one room of a real server, each with a Python client: the facilitator's client invites, they
knock, their words are compared, she approves, her client commits, they enter and accept the rules. First one
after the other, then as many at once. The first STAY stay connected, as a room's members do; the others go
when they are in, for a hundred devices in one process would measure each other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import msgspec

from backchannel import KnockArrived, Room, open_profile
from backchannel.letters import encode_letter
from bench.seats import NO_LIMITS
from bench.writers import settled
from client.people import make_room
from server.process_kit import process

SUITE: Final = 83
PEOPLE: Final = 100
QUICK: Final = 3
STAY: Final = 8
LOOK_S: Final = 0.05
"""How often an invitee looks into the mailbox: a person's client looks once a second."""

CROWD_LOOK_S: Final = 1.0
PATIENCE_S: Final = 600
BASE64: Final = 3 / 4


@dataclass(frozen=True)
class Letter:
    """What one invitee was sent, in bytes: the Welcome, the tree, the state; `all` as it was sealed."""

    welcome: int
    tree: int
    state: int
    all: int


@dataclass(frozen=True)
class Admission:
    """One person's way in: seconds from invitation to accepted rules, and what it added to the log."""

    seconds: float
    events: int
    letter: Letter


@dataclass(frozen=True)
class Report:
    """`first`, `last`: medians of the first and last tenth, one after the other. `growth`: of their seconds.

    crowd_seconds   until all of as many who knocked at once were in another room
    """

    seconds: float
    cores: int
    load_average: float
    people: int
    suite: int
    one_by_one_seconds: float
    first: Admission
    last: Admission
    growth: float
    crowd_seconds: float
    crowd_seconds_a_person: float


async def come_in(stack: AsyncExitStack, room: Room, number: int) -> Admission:
    """One person. Her client stays until the stack is closed."""
    begin, seq = time.perf_counter(), room.ledger.view.seq
    client = await stack.enter_async_context(open_profile(None, look_s=LOOK_S))
    link = await room.invite(party="b")
    knocking = await client.knock(link, f"Person {number}")
    entering = asyncio.create_task(knocking.admitted())
    await room.approve(await knock_of(room, f"Person {number}"))
    joined = await entering
    await joined.accept_rules()
    spent = time.perf_counter() - begin
    assert knocking._door.answer is not None
    answer = knocking._door.answer
    letter = Letter(
        welcome=round(len(answer.welcome) * BASE64),
        tree=round(len(answer.tree) * BASE64),
        state=len(msgspec.json.encode(answer.state)),
        all=len(encode_letter(answer)),
    )
    await settled([room, joined])
    return Admission(spent, room.ledger.view.seq - seq, letter)


async def knock_of(room: Room, name: str) -> KnockArrived:
    """The knock under a name, when it is there."""

    def found() -> KnockArrived | None:
        return next((knock for knock in room.knocks() if knock.name == name), None)

    async with asyncio.timeout(PATIENCE_S), room.ledger.changed:
        await room.ledger.changed.wait_for(lambda: found() is not None)
    knock = found()
    assert knock is not None
    return knock


async def one_by_one(room: Room, people: int) -> list[Admission]:
    """One after the other; the first ones stay until the last is in."""
    admissions: list[Admission] = []
    async with AsyncExitStack() as staying:
        for number in range(people):
            say(f"person {number + 1} of {people}")
            if number < STAY:
                admissions.append(await come_in(staying, room, number))
                continue
            async with AsyncExitStack() as going:
                admissions.append(await come_in(going, room, number))
    return admissions


async def at_once(room: Room, people: int) -> float:
    """Seconds until everybody of a crowd is in; the facilitator approves whoever knocks."""
    links = [await room.invite(party="b") for _ in range(people)]
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(open_profile(None, look_s=CROWD_LOOK_S)) for _ in range(people)
        ]
        begin = time.perf_counter()

        async def enter(number: int) -> None:
            knocking = await clients[number].knock(links[number], f"Guest {number}")
            joined = await knocking.admitted()
            await joined.accept_rules()
            await clients[number].end()

        async def approve(number: int) -> None:
            await room.approve(await knock_of(room, f"Guest {number}"))

        async with asyncio.TaskGroup() as tasks:
            for number in range(people):
                tasks.create_task(enter(number))
                tasks.create_task(approve(number))
        return time.perf_counter() - begin


def middle(admissions: Sequence[Admission]) -> Admission:
    """The median of each figure."""
    letters = [asdict(one.letter) for one in admissions]
    letter = Letter(**{name: round(median(one[name] for one in letters)) for name in letters[0]})
    seconds = round(median(one.seconds for one in admissions), 3)
    return Admission(seconds, round(median(one.events for one in admissions)), letter)


async def measure(people: int) -> Report:
    """Two rooms, in a folder that is gone afterwards."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            process(folder / "server", *NO_LIMITS) as server,
            open_profile(folder / "ann.profile", "passphrase") as ann,
        ):
            token = server.token(folder / "server")
            room = await make_room(ann, server.url, token, suite=SUITE)
            await room.accept_rules()
            admissions = await one_by_one(room, people)
            say(f"{people} people at once")
            other = await make_room(ann, server.url, token, suite=SUITE, title="The lighthouse")
            await other.accept_rules()
            crowd = await at_once(other, people)
    tenth = max(1, people // 10)
    first, last = middle(admissions[:tenth]), middle(admissions[-tenth:])
    return Report(
        seconds=round(time.monotonic() - begin, 1),
        cores=os.cpu_count() or 1,
        load_average=round(os.getloadavg()[0], 2),
        people=people,
        suite=SUITE,
        one_by_one_seconds=round(sum(one.seconds for one in admissions), 2),
        first=first,
        last=last,
        growth=round(last.seconds / first.seconds, 2),
        crowd_seconds=round(crowd, 2),
        crowd_seconds_a_person=round(crowd / people, 3),
    )


def say(sentence: str) -> None:
    """Tells a waiting person what is going on; stdout is the JSON's."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> None:
    """Prints the report as one JSON object, and writes it to --json FILE as well."""
    parser = argparse.ArgumentParser(description="Measures how long people take to come into a room.")
    parser.add_argument("--quick", action="store_true", help="seconds: only shows that it runs")
    parser.add_argument("--people", type=int, default=PEOPLE, metavar="N", help="how many come in")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    given = parser.parse_args(arguments)
    report = asyncio.run(measure(QUICK if given.quick else max(1, given.people)))
    text = json.dumps(asdict(report), indent=2)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
