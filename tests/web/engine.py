"""The web client's whole engine in a Node process, used as a page uses it: calls, and news that it tells."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import toolchain
from backchannel.words import spoken
from web.driver import REPAIR_HOOK, WEB

WAIT_S: Final = 30
_LINE_BYTES: Final = 1 << 26
Json = dict[str, Any]


class CallRefused(Exception):
    """What the engine threw, with its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Engine:
    """tests/engine.ts with a profile in a file. `async with` starts it, and ends it if it still runs."""

    def __init__(self, profile: Path, *, ahead_s: int = 0) -> None:
        self.lobby: Json = {"rooms": [], "knocks": [], "hosts": []}
        self.rooms: dict[str, Json] = {}
        self.entries: dict[str, dict[int, Json]] = {}
        self._profile = profile
        self._ahead_s = ahead_s
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ids = count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self, *, lasting: bool = True) -> None:
        """Starts the process, and opens the profile: the file, or one that is gone with the process."""
        await asyncio.to_thread(toolchain.npm_ci, WEB)
        words = ["--experimental-strip-types", "--disable-warning=ExperimentalWarning", "--import"]
        self._process = await asyncio.create_subprocess_exec(
            str(toolchain.node()),
            *words,
            REPAIR_HOOK.as_uri(),
            "tests/engine.ts",
            str(self._profile),
            str(self._ahead_s),
            cwd=WEB,
            env=toolchain.environment(),
            stdin=PIPE,
            stdout=PIPE,
            limit=_LINE_BYTES,
        )
        self._reading = asyncio.create_task(self._read())
        self.lobby = await self.call("open", lasting)

    async def kill(self) -> None:
        """As if the browser were killed. More than once is no error."""
        process, self._process = self._process, None
        if process is None or self._reading is None:
            return
        process.kill()
        await process.wait()
        await self._reading
        self.rooms, self.entries = {}, {}

    async def call(self, name: str, *words: Any) -> Any:
        """One call of the contract. Raises CallRefused."""
        assert self._process is not None
        assert self._process.stdin is not None
        id_ = next(self._ids)
        answer = self._waiting[id_] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": id_, "name": name, "words": words}).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(WAIT_S):
            return await answer

    async def until(self, ready: Callable[[], Any]) -> Any:
        """Until something is true of what the engine told; gives that."""
        async with asyncio.timeout(WAIT_S), self._changed:
            return await self._changed.wait_for(ready)

    # ---- what is often asked
    async def knock(self, link: str, name: str) -> str:
        """Knocks; the knock's id."""
        id_: str = await self.call("knock", link, name)
        return id_

    def knock_line(self, id_: str) -> Json | None:
        """Where a knock stands."""
        found: list[Json] = [one for one in self.lobby["knocks"] if one["id"] == id_]
        return found[0] if found else None

    async def knock_in(self, id_: str, *stages: str) -> Json:
        """A knock's line, when it has come to one of those stages."""

        def ready() -> Json | None:
            line = self.knock_line(id_)
            return line if line is not None and line["stage"] in stages else None

        line: Json = await self.until(ready)
        return line

    async def enter(self, room: str) -> Json:
        """Opens a room on the page, when its first event is there."""
        self.rooms[room] = await self.call("openRoom", room)
        now: Json = await self.until(lambda: self.rooms[room].get("state") and self.rooms[room])
        return now

    def texts(self, room: str) -> list[str]:
        """What was said, in order."""
        entries = self.entries.get(room, {})
        return [entries[at]["text"] for at in sorted(entries) if entries[at]["kind"] == "message"]

    async def say(self, room: str, text: str) -> None:
        """Sends a message that may not be quoted."""
        await self.call("send", room, {"text": text, "quotable": "no", "keepS": 0})

    # ---- reading
    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "news" in told:
                self._take(told)
            else:
                self._answer(told)
            async with self._changed:
                self._changed.notify_all()
        for answer in self._waiting.values():
            answer.cancel()

    def _answer(self, told: Json) -> None:
        answer = self._waiting.pop(told["id"])
        if "code" in told:
            answer.set_exception(CallRefused(told["code"]))
        else:
            answer.set_result(told.get("result"))

    def _take(self, told: Json) -> None:
        match told["news"]:
            case "lobby":
                self.lobby = told["lobby"]
            case "room":
                self.rooms[told["room"]["id"]] = told["room"]
            case "entries":
                known = self.entries.setdefault(told["room"], {})
                known.update({entry["number"]: entry for entry in told["entries"]})


def words_of(line: Json) -> tuple[str, str, str]:
    """The three words of a knock as the Python client says them."""
    first, second, third = line["words"]
    return spoken((first, second, third))
