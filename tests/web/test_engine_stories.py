"""Rooms in which the web client's engine sits beside Python clients, over a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import backchannel
from backchannel import Client, Room
from backchannel.testing import LocalServer
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from client.people import heard, make_room
from web.web_client import EngineProcess, WebRoom, engines, let_in_web

SUITES = [X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    with LocalServer(tmp_path) as running:
        yield running


@pytest.fixture
async def node() -> AsyncIterator[EngineProcess]:
    async with engines() as running:
        yield running


@pytest.fixture
async def ann() -> AsyncIterator[Client]:
    async with backchannel.open_profile(None, look_s=0.02) as client:
        yield client


async def web_heard(room: WebRoom, text: str) -> str:
    """A message's id, when it is there."""
    await room.client.until(lambda: any(one.text == text for one in room.messages()))
    return next(str(one.id) for one in room.messages() if one.text == text)


async def talk(room: Room, web: WebRoom, word: str) -> None:
    """Both say something, both hear it."""
    await room.send(f"{word} from Python")
    await web_heard(web, f"{word} from Python")
    await web.send(f"{word} from the web")
    await heard(room, f"{word} from the web")


@pytest.mark.parametrize("suite", SUITES)
async def test_they_talk(server: LocalServer, node: EngineProcess, ann: Client, suite: int) -> None:
    room = await make_room(ann, server.url, server.token, suite=suite)
    bo = await let_in_web(room, await node.client(), "Bo")
    await talk(room, bo, "first")
    assert bo.now["state"]["title"] == "The harbour"
    assert [one["name"] for one in bo.now["members"]] == ["Ann", "Bo"]
    assert bo.entries[0]["kind"] == "entered"
