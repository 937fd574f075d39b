"""The bot of the README, word for word, in a process of its own, against the real server."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from backchannel import Role, Scope, open_profile
from backchannel.testing import LocalServer
from client.people import heard, knock_of, make_room, until

ROOT = Path(__file__).parents[2]
WAIT_S = 30


def bot_of_the_readme() -> str:
    """The block that makes a bot."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if "room.heard()" in block]
    assert isinstance(found, str)
    return found


async def start(folder: Path, secrets: Mapping[str, str]) -> asyncio.subprocess.Process:
    (folder / "bot.py").write_text(bot_of_the_readme(), "utf-8")
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "bot.py",
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "ECHO_PASSPHRASE": "correct horse", **secrets},
        stdout=asyncio.subprocess.PIPE,
    )


async def stop(bot: asyncio.subprocess.Process) -> None:
    bot.terminate()
    await bot.communicate()


def test_it_has_ten_lines() -> None:
    assert sum(bool(line.strip()) for line in bot_of_the_readme().splitlines()) == 10


async def test_it_answers_and_answers_again_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "bot"
    folder.mkdir()
    scope = Scope(purpose="Repeats what it is told.", reads="addressed", writes=True)
    with LocalServer(tmp_path) as server:
        async with asyncio.timeout(4 * WAIT_S), open_profile(None) as client:
            ann = await make_room(client, server.url, server.token)
            link = await ann.invite(role=Role.BOT, scope=scope)
            bot = await start(folder, {"ECHO_LINK": link})
            try:
                knock = await knock_of(ann, "Echo")
                assert bot.stdout is not None
                assert (await bot.stdout.readline()).decode().split() == list(knock.words)
                await ann.approve(knock)
                await until(ann, lambda: any(seat.accepted for seat in ann.members().values() if seat.scope))
                await ann.send("Not for anybody's program.")
                await ann.send("@Echo: is anybody there?")
                await heard(ann, "I hear you: @Echo: is anybody there?")
            finally:
                await stop(bot)
            again = await start(folder, {})
            try:
                await ann.send("@Echo and now?")
                await heard(ann, "I hear you: @Echo and now?")
            finally:
                await stop(again)
            (echo,) = [seat for seat in ann.members().values() if seat.role is Role.BOT]
            assert echo.scope == scope
            assert sum(message.name == "Echo" for message in ann.messages()) == 2
