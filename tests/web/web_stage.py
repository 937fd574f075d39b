"""The stage of tests/attack/rooms with the web client's engine as who is attacked."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, cast

from attack.rooms.conftest import Attacked
from attack.rooms.proxy import Proxy
from attack.rooms.stage import Seated, Stage
from backchannel import Role
from web.web_client import EngineProcess, let_in_web


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
