"""The benchmark of the web client, in real Chromium with a real server: one JSON object on stdout.

python3 run.py bench web [--quick] [--only PART] [--json FILE]

bytes      what a browser fetches, compressed: the first screen (what the page itself names), and everything
slow       over 400 kbit/s and 400 ms, as Chromium throttles, with nothing in its caches: seconds from the
           navigation to the composer of somebody who comes back, and from an invitation to the name field
long_room  a room of 5,000 messages that Python clients wrote: catching up once; opening the page again until
           the composer is usable and the newest message is in the page; scrolling through all of it
delivery   from Python's `send` until a message stands in the page, and until another Python client has it
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.async_api import Browser, BrowserContext

import backchannel
import chromium
from backchannel import Client, Room
from backchannel_server.webroot import load_webroot
from bench import web_pages as pages
from client.people import knock_of, let_in, make_room
from e2e.browser import acts
from e2e.browser.visitor import Visitor
from server.process_kit import process

NO_LIMITS: Final = ("--events-a-second", "1000000", "--requests-a-minute", "1000000")
HYBRID: Final = 83
LOOK_S: Final = 0.1
WINDOW: Final = 64
FIRST_SCREEN: Final = (".html", ".js", ".css")
PATIENCE_S: Final = 900

TARGETS: Final = {
    "first_screen_bytes": 60_000,
    "everything_bytes": 140_000,
    "usable_s": 3.0,
    "name_field_s": 3.0,
    "opened_s": 1.5,
    "longest_task_ms": 100.0,
}


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    turns: int
    messages: int
    deliveries: int


FULL: Final = Effort(turns=5, messages=5_000, deliveries=200)
QUICK: Final = Effort(turns=1, messages=30, deliveries=5)


@dataclass(frozen=True)
class Bytes:
    """Bodies, compressed. `largest` is by file, of everything. Pictures: an installed app's icons."""

    first_screen_bytes: int
    everything_bytes: int
    pictures_bytes: int
    largest: dict[str, int]


@dataclass(frozen=True)
class Slow:
    """Medians; `usable_bytes` is what was fetched until the composer was usable."""

    usable_s: float
    usable_bytes: int
    name_field_s: float


@dataclass(frozen=True)
class LongRoom:
    """`caught_up_s` is the first time, all else once everything is stored.

    `longest_task_cpu_ms` is what the page itself did in a task; what is more in `longest_task_ms`, it waited
    for the machine.
    """

    messages: int
    caught_up_s: float
    opened_s: float
    longest_task_ms: float
    longest_task_cpu_ms: float
    tasks_over_100_ms: int
    memory_mib: float


@dataclass(frozen=True)
class Delivery:
    """Milliseconds, and what Chromium takes to what Python takes: the median of the ratios by message."""

    messages: int
    chromium_p50_ms: float
    chromium_p99_ms: float
    python_p50_ms: float
    python_p99_ms: float
    ratio: float


@dataclass(frozen=True)
class Report:
    """Everything; `met` has each target by the name of its figure."""

    seconds: float
    cores: int
    load_average: float
    chromium: str
    bytes: Bytes
    slow: Slow
    delivery: Delivery
    long_room: LongRoom
    met: dict[str, bool]


@dataclass(frozen=True)
class Stage:
    """A server, a browser, and somebody who facilitates with Python."""

    url: str
    token: str
    browser: Browser
    host: Client

    async def room(self) -> Room:
        """A new room of the hybrid suite."""
        return await make_room(self.host, self.url, self.token, suite=HYBRID)


# ---- bytes
async def measure_bytes(stage: Stage) -> Bytes:
    """In a browser that has nothing, over the server's own compression."""
    async with (
        pages.profile(stage.browser) as context,
        pages.opened(context, stage.url + "/", is_cold=True, is_slow=False) as one,
    ):
        await pages.seconds_until(one.page, "h1")
        page = re.sub(r'<link rel="(?:module)?preload"[^>]*>', "", await one.page.content())
        files = [f"/{name}" for name in load_webroot() if name != "index.html"]
        found = await pages.fetch_all(one.page, files)
    first = {path for path in found if path == "/" or (path.endswith(FIRST_SCREEN) and path in page)}
    pictures = {path for path in files if path.endswith(".png")}
    ours = {path: size for path, size in found.items() if path == "/" or path in {*files} - pictures}
    largest = sorted(ours.items(), key=lambda one: -one[1])[:8]
    return Bytes(
        sum(found[path] for path in first),
        sum(ours.values()),
        sum(found[path] for path in pictures),
        dict(largest),
    )


# ---- a slow network
async def measure_slow(stage: Stage, turns: int) -> Slow:
    """The two ways to come, in turns."""
    usable, named, weight = [], [], 0
    room = await stage.room()
    async with pages.profile(stage.browser) as known:
        await enter(stage, known, room, "Bea")
        for _ in range(turns):
            async with pages.opened(known, stage.url + "/", is_cold=True, is_slow=True) as one:
                usable.append(await pages.seconds_until(one.page, pages.COMPOSER))
                weight = sum((await pages.fetched_bytes(one.page)).values())
            link = await room.invite(party="b")
            async with (
                pages.profile(stage.browser) as fresh,
                pages.opened(fresh, link, is_cold=True, is_slow=True) as one,
            ):
                named.append(await pages.seconds_until(one.page, pages.NAME_FIELD))
    return Slow(round(median(usable), 2), weight, round(median(named), 2))


async def enter(stage: Stage, context: BrowserContext, room: Room, name: str) -> None:
    """Somebody comes in by invitation with a browser; its page is closed again."""
    page = await context.new_page()
    guest = Visitor(stage.url, "en", context, page)
    await acts.knock(guest, await room.invite(party="b"), name)
    await room.approve(await knock_of(room, name))
    await acts.accept(guest)
    await page.close()


# ---- a long room
async def measure_long_room(stage: Stage, other: Client, effort: Effort) -> LongRoom:
    """Two Python clients write while the browser is away."""
    room = await stage.room()
    async with pages.profile(stage.browser) as context:
        await enter(stage, context, room, "Bea")
        second = await let_in(room, other, "Cy")
        await write_all((room, second), effort.messages)
        last = f"The last of {effort.messages}"
        await (await room.send(last)).sent()
        async with pages.opened(context, stage.url + "/", is_cold=False, is_slow=False) as one:
            say("the browser catches up")
            caught_up = await pages.seconds_until(one.page, "[role=log] .text", last)
        openings: list[float] = []
        longest: list[float] = []
        memory = busiest = 0.0
        for turn in range(effort.turns):
            async with pages.opened(context, stage.url + "/", is_cold=False, is_slow=False) as one:
                usable = await pages.seconds_until(one.page, pages.COMPOSER)
                newest = await pages.seconds_until(one.page, "[role=log] .text", last)
                openings.append(max(usable, newest))
                if turn == 0:
                    longest, busiest, memory = await measure_scrolling(stage, one)
    slow = [spent for spent in longest if spent > 100]
    most = round(max(longest, default=0.0), 1)
    messages = effort.messages + 1
    opened = round(median(openings), 2)
    return LongRoom(messages, round(caught_up, 2), opened, most, busiest, len(slow), memory)


async def measure_scrolling(stage: Stage, one: pages.Opened) -> tuple[list[float], float, float]:
    """The long tasks of scrolling through all, the busiest by its own work, and the memory afterwards."""
    await pages.watch_tasks(one.page)
    await pages.trace_tasks(stage.browser, one.page)
    await pages.scroll_through(one.page, "1 of a long talk")
    longest = await pages.long_tasks_ms(one.page)
    busiest = round(await pages.busiest_task_ms(stage.browser), 1)
    return longest, busiest, round(await pages.memory_mib(one.page), 1)


async def write_all(rooms: Sequence[Room], messages: int) -> None:
    """So many messages, in order, by turns; WINDOW of them are on their way at once."""
    under_way = []
    async with asyncio.timeout(PATIENCE_S):
        for number in range(1, messages + 1):
            room = rooms[number % len(rooms)] if number > 1 else rooms[0]
            under_way.append(await room.send(f"{number} of a long talk"))
            if len(under_way) == WINDOW or number in (1, messages):
                await asyncio.gather(*(one.sent() for one in under_way))
                under_way.clear()
            if number % 1000 == 0:
                say(f"{number} messages are written")


# ---- delivery
async def measure_delivery(stage: Stage, other: Client, messages: int) -> Delivery:
    """One message after the other, each waited for in both places; the first does not count."""
    room = await stage.room()
    shown, heard = [], []
    async with pages.profile(stage.browser) as context:
        await enter(stage, context, room, "Bea")
        listening = await let_in(room, other, "Cy")
        async with pages.opened(context, stage.url + "/", is_cold=False, is_slow=False) as one:
            await pages.seconds_until(one.page, pages.COMPOSER)
            await pages.watch_messages(one.page)
            hearing = listening.heard()
            for number in range(-1, messages):
                text = f"Message {number}."
                begin = time.time()
                await room.send(text)
                async with asyncio.timeout(PATIENCE_S):
                    while (await anext(hearing)).text != text:
                        pass
                at = time.time()
                if number >= 0:
                    heard.append((at - begin) * 1000)
                    shown.append((await pages.shown_at_s(one.page, text) - begin) * 1000)
    ratio = round(median(one / two for one, two in zip(shown, heard, strict=True)), 2)
    return Delivery(messages, *percentiles(shown), *percentiles(heard), ratio)


def percentiles(spent: Sequence[float]) -> tuple[float, float]:
    """The middle, and what one in a hundred passes."""
    cut = quantiles(spent, n=100, method="inclusive")
    return round(cut[49], 1), round(cut[98], 1)


# ---- all of it
def say(sentence: str) -> None:
    """Tells a waiting person what is going on; stdout is the JSON's."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[tuple[Stage, Client]]:
    """A server, a browser, and two people with Python."""
    data = folder / "server"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(process(data, "--new-host-link", *NO_LIMITS))
        browser = await stack.enter_async_context(chromium.running())
        host, other = [
            await stack.enter_async_context(backchannel.open_profile(None, look_s=LOOK_S)) for _ in range(2)
        ]
        yield Stage(server.url, server.token(data), browser, host), other


Part = Bytes | Slow | LongRoom | Delivery

PARTS: Final[dict[str, Callable[[Stage, Client, Effort], Awaitable[Part]]]] = {
    "bytes": lambda stage, _, __: measure_bytes(stage),
    "slow": lambda stage, _, effort: measure_slow(stage, effort.turns),
    "delivery": lambda stage, other, effort: measure_delivery(stage, other, effort.deliveries),
    "long_room": measure_long_room,
}


async def measure(effort: Effort, names: Sequence[str]) -> dict[str, object]:
    """In a folder that is gone afterwards: the parts of a `Report`, or those of them that are named."""
    begin = time.monotonic()
    parts: dict[str, Part] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder)) as (stage, other):
            for name in names:
                say(name)
                parts[name] = await PARTS[name](stage, other, effort)
            version = stage.browser.version
    measured = {name: asdict(part) for name, part in parts.items()}
    figures = {name: figure for part in measured.values() for name, figure in part.items()}
    met = {name: figures[name] <= most for name, most in TARGETS.items() if name in figures}
    machine = {
        "seconds": round(time.monotonic() - begin, 1),
        "cores": os.cpu_count() or 1,
        "load_average": round(os.getloadavg()[0], 2),
        "chromium": version,
    }
    return {**machine, **measured, "met": met}


def main(arguments: Sequence[str]) -> None:
    """Prints the report as one JSON object, and writes it to --json FILE as well."""
    parser = argparse.ArgumentParser(description="Measures the web client in Chromium.")
    parser.add_argument("--quick", action="store_true", help="seconds: only shows that it runs")
    parser.add_argument("--only", choices=PARTS, help="this part alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    given = parser.parse_args(arguments)
    names = [given.only] if given.only else list(PARTS)
    text = json.dumps(asyncio.run(measure(QUICK if given.quick else FULL, names)), indent=2)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
