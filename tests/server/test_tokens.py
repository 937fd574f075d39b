"""Room tokens: who makes them, what they are good for, and when they end (PROTOCOL.md, section 12)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from backchannel_protocol.frames import Refused
from backchannel_protocol.http_bodies import CreateRoom, MakeToken, RoomCreated, TokenMade, encode_body
from backchannel_protocol.ids import b64u
from backchannel_protocol.limits import MAX_TOKEN_S
from backchannel_server.actions import tokens
from server.server_kit import Clock, Host, hosting, post, random_id, sweep_folder

HOUR_S = 3600


async def make(host: Host, bearer: str | None, rooms: int = 2, lasts_s: int = HOUR_S) -> str:
    """A room token; the refusal's code where there is none."""
    header = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    status, body = await post(host.url, "/v1/tokens", MakeToken(rooms, host.clock.now + lasts_s), header)
    if status != 201:
        return msgspec.msgpack.decode(body, type=Refused).code
    return msgspec.msgpack.decode(body, type=TokenMade).token


async def create(host: Host, bearer: str, wanted: CreateRoom | None = None) -> str:
    """ "created", or the refusal's code."""
    wanted = wanted or CreateRoom(random_id(), random_id(), bytes(32))
    status, body = await post(host.url, "/v1/rooms", wanted, {"Authorization": f"Bearer {bearer}"})
    if status != 201:
        return msgspec.msgpack.decode(body, type=Refused).code
    msgspec.msgpack.decode(body, type=RoomCreated)
    return "created"


async def test_a_token_creates_its_number_of_rooms_and_no_more(host: Host) -> None:
    token = await make(host, host.running.token, rooms=2)
    last = CreateRoom(random_id(), random_id(), bytes(32))
    assert await create(host, token) == "created"
    assert await create(host, token, last) == "created"
    assert await create(host, token) == "expired"
    assert await create(host, token, last) == "created"  # the same again: its answer was lost
    assert await create(host, host.running.token or "") == "created"


async def test_a_refused_room_spends_nothing(host: Host) -> None:
    token = await make(host, host.running.token, rooms=1)
    taken = CreateRoom(random_id(), random_id(), bytes(32))
    assert await create(host, host.running.token or "", taken) == "created"
    other_seat = msgspec.structs.replace(taken, seat=random_id())
    assert await create(host, token, other_seat) == "room-exists"
    assert await create(host, token) == "created"


async def test_a_token_ends_with_its_time(host: Host) -> None:
    token = await make(host, host.running.token, rooms=9, lasts_s=HOUR_S)
    host.clock.now += HOUR_S - 1
    assert await create(host, token) == "created"
    host.clock.now += 1
    assert await create(host, token) == "expired"
    host.clock.now += 100 * MAX_TOKEN_S
    assert await create(host, host.running.token or "") == "created"  # the host's own never ends


async def test_who_may_not_make_one(host: Host) -> None:
    token = await make(host, host.running.token)
    assert await make(host, None) == "bad-token"
    assert await make(host, b64u(bytes(32))) == "bad-token"
    assert await make(host, token) == "not-allowed"


@pytest.mark.parametrize(
    ("lasts_s", "code"), [(0, "expired"), (-HOUR_S, "expired"), (MAX_TOKEN_S + 1, "not-allowed")]
)
async def test_of_which_length_none_is_made(host: Host, lasts_s: int, code: str) -> None:
    assert await make(host, host.running.token, lasts_s=lasts_s) == code
    assert len(await make(host, host.running.token, lasts_s=MAX_TOKEN_S)) == 43


@pytest.mark.parametrize("rooms", [0, -1, 1001])
async def test_for_how_many_rooms_none_is_made(host: Host, rooms: int) -> None:
    assert await make(host, host.running.token, rooms=rooms) == "malformed"


async def test_a_server_keeps_a_bounded_number_of_them(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 3)
    made = [await make(host, host.running.token) for _ in range(3)]
    assert await make(host, host.running.token) == "too-many"
    assert await create(host, made[0]) == "created"


async def test_a_new_host_link_ends_all_tokens_and_a_restart_none(tmp_path: Path) -> None:
    folder, clock = tmp_path / "data", Clock()
    async with hosting(folder, clock) as host:
        token = await make(host, host.running.token)
    async with hosting(folder, clock) as host:
        assert host.running.token is None
        assert await create(host, token) == "created"
    async with hosting(folder, clock, new_token=True) as host:
        assert await create(host, token) == "bad-token"
        assert await create(host, host.running.token or "") == "created"
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert token.encode() not in content


async def test_a_token_that_ended_is_forgotten_a_week_later(tmp_path: Path) -> None:
    folder, clock = tmp_path / "data", Clock()
    async with hosting(folder, clock, sweep_interval_s=1 << 20) as host:
        host_token = host.running.token or ""
        token = await make(host, host_token)
    clock.now += HOUR_S + 7 * 24 * HOUR_S
    await sweep_folder(folder, clock)
    async with hosting(folder, clock, sweep_interval_s=1 << 20) as host:
        assert await create(host, token) == "expired"
    clock.now += 1
    await sweep_folder(folder, clock)
    async with hosting(folder, clock) as host:
        assert await create(host, token) == "bad-token"
        assert await create(host, host_token) == "created"


@pytest.mark.parametrize("body", [b"", b"\x90", b"\xc1", encode_body(MakeToken(1, 2))[:-1]])
async def test_bodies_that_are_none(host: Host, body: bytes) -> None:
    status, answer = await post(
        host.url, "/v1/tokens", body, {"Authorization": f"Bearer {host.running.token}"}
    )
    assert (status, msgspec.msgpack.decode(answer, type=Refused).code) == (400, "malformed")
