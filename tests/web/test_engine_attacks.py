"""The attacks of tests/attack/rooms upon the log, with the web client's engine as who is lied to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest
from msgspec.structs import replace

from attack.rooms.attacks import Attack
from attack.rooms.conftest import Attacked
from attack.rooms.proxy import Proxy
from attack.rooms.stage import Seated, Stage, goes_on, heard, until
from attack.rooms.test_log import ATTACKS, first_only, lie
from backchannel import Role, Stopped
from backchannel_protocol.events import LogEvent
from backchannel_protocol.frames import Attached
from backchannel_protocol.record.note import CheckpointBody, origin, sign_checkpoint
from web.web_client import EngineProcess, WebRoom, engines, let_in_web


class WebStage(Stage):
    """Bo is a web client; all others are Python's."""

    def __init__(self, server: Attacked, stack: AsyncExitStack, node: EngineProcess) -> None:
        super().__init__(server, stack, proxied=True)
        self._node = node

    async def bring(
        self,
        facilitator: Seated,
        name: str,
        party: str | None = "b",
        role: Role = Role.PARTICIPANT,
        also: tuple[Seated, ...] = (),
        *,
        accept: bool = True,
    ) -> Seated:
        if name != "Bo":
            return await super().bring(facilitator, name, party, role, also, accept=accept)
        proxy = Proxy(self.server.url)
        await self._stack.enter_async_context(proxy.running())
        client = await self._node.client()
        room = await let_in_web(facilitator.room, client, name, party, role, url=proxy.url, accept=accept)
        return Seated(cast("Any", client), proxy, cast("Any", room))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    running = Attacked(tmp_path_factory.mktemp("attacked"))
    with running:
        yield running


@pytest.fixture
async def stage(server: Attacked) -> AsyncIterator[WebStage]:
    async with engines() as node, AsyncExitStack() as stack:
        yield WebStage(server, stack, node)


OF_PYTHON = (
    "goes_back_to_an_older_log",
    "signs_a_checkpoint_of_another_record",
    "withholds_a_body_before_its_time",
)
"""They look into the Python client; told below in the engine's words."""


@pytest.mark.parametrize("attack", [one for one in ATTACKS.all() if one.id not in OF_PYTHON])
async def test_it_fails(attack: Attack[Stage], stage: WebStage) -> None:
    await attack.fails(stage)


async def attaching_stops(bo: Seated, change: Callable[[Attached], Attached], code: str) -> None:
    """Bo's connection breaks, and the next one begins with a lie."""
    bo.proxy.down = lambda frame: [change(frame) if isinstance(frame, Attached) else frame]
    await bo.proxy.cut()
    await until(bo, lambda: bo.stopped is not None)
    assert bo.stopped is not None
    assert bo.stopped.code == code
    with pytest.raises(Stopped):
        await bo.room.send("into the void")


async def test_an_older_log_stops_it(stage: WebStage) -> None:
    _, bo = await stage.pair()
    head = bo.room.ledger.view.seq - 2
    await attaching_stops(bo, lambda frame: replace(frame, head=head), "log-shorter")


async def test_a_checkpoint_of_another_record_stops_it(stage: WebStage) -> None:
    ann, bo = await stage.pair()
    view = bo.room.ledger.view
    forged = sign_checkpoint(
        CheckpointBody(origin(view.room), view.record.size, bytes(32)), stage.server.record_key()
    )
    await attaching_stops(bo, lambda frame: replace(frame, checkpoint=forged), "record-differs")
    await goes_on(ann)


async def test_a_body_that_is_withheld_is_ignored_and_nothing_else(stage: WebStage) -> None:
    """A message that the server calls purged is not shown, and is not said to be over."""

    def withhold(event: LogEvent) -> list[LogEvent]:
        return [replace(event, body=None, body_hash=event.hash_of_body())]

    ann, bo = await lie(stage, first_only(withhold))
    await heard(bo, "marker")
    assert bo.texts == ["one", "two", "marker"]
    room = cast("WebRoom", bo.room)
    assert [one["code"] for one in room.entries if one["kind"] == "ignored"] == ["purged"]
    await goes_on(ann, bo)
