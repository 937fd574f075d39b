"""Attachments with the real server, over real sockets, which dies in the middle."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import backchannel
from backchannel.testing import LocalServer
from client.people import let_in, make_room, until

LOOK_S = 0.6
CONTENT = 5 << 20
MOST_S = 60


async def test_five_mebibytes_arrive_whole_though_both_ends_die(tmp_path: Path) -> None:
    content = os.urandom(CONTENT)
    (tmp_path / "report.bin").write_bytes(content)
    profile = tmp_path / "profile"
    with LocalServer(tmp_path) as server:
        async with backchannel.open_profile(None) as first:
            ann = await make_room(first, server.url, server.token)
            async with backchannel.open_profile(profile, "words", look_s=LOOK_S) as client:
                bo = await let_in(ann, client, "Bo")
                outgoing = await bo.send("Here.", attachments=[tmp_path / "report.bin"])
                await until(bo, lambda: outgoing.progress[0] > CONTENT // 4)
                await asyncio.to_thread(server.kill)
                assert outgoing.delivery is backchannel.Delivery.WAITING
                await bo.send("Meanwhile.")
                await asyncio.to_thread(server.start)
                await until(bo, lambda: outgoing.progress[0] > CONTENT // 2)
            async with backchannel.open_profile(profile, "words") as client:
                bo_again = client.first_room
                assert bo_again is not None
                async with asyncio.timeout(MOST_S):
                    await until(ann, lambda: any(one.attachments for one in ann.messages()))
                message = next(one for one in ann.messages() if one.attachments)
                fetching = asyncio.create_task(ann.save(message.attachments[0], tmp_path / "saved"))
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
                assert await fetching == tmp_path / "saved"
                assert await asyncio.to_thread((tmp_path / "saved").read_bytes) == content
                assert [one.text for one in ann.messages()] == ["Meanwhile.", "Here."]
                await until(bo_again, lambda: not bo_again.pending() and bo_again.current)
                await bo_again.retract(message)
                await until(ann, lambda: ann.messages()[-1].gone == "retracted")
    kept = kept_by_the_server(tmp_path)
    assert b"report.bin" not in kept
    assert content[:64] not in kept


def kept_by_the_server(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (folder / "server").rglob("*") if path.is_file())
