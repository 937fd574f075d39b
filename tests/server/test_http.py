"""What the server answers over plain HTTP."""

from __future__ import annotations

import base64
import hashlib
import ssl
from pathlib import Path

import aiohttp
import msgspec
import pytest

from backchannel_protocol.frames import Refused
from backchannel_protocol.http_bodies import MEDIA_TYPE, CreateRoom
from backchannel_protocol.ids import RoomId, b64u
from backchannel_protocol.record.note import origin, verify_checkpoint
from backchannel_server.storage.tables import metadata
from server.server_kit import Host, Seat, create_room, get, hosting, new_room, post, random_id
from server.tls_kit import certificate


async def test_a_room_is_created_once_and_the_same_request_answered_alike(host: Host) -> None:
    seat = Seat(RoomId(random_id()))
    created = await create_room(host.url, host.running.token, seat)
    assert verify_checkpoint(created.checkpoint, origin(seat.room), created.record_key).size == 0
    assert await create_room(host.url, host.running.token, seat) == created
    status, body = await post(
        host.url,
        "/v1/rooms",
        CreateRoom(seat.room, random_id(), seat.key),
        {"Authorization": f"Bearer {host.running.token}"},
    )
    assert (status, msgspec.msgpack.decode(body, type=Refused).code) == (409, "room-exists")


async def test_without_a_token_there_is_no_room(host: Host) -> None:
    wanted = CreateRoom(random_id(), random_id(), bytes(32))
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {host.running.token}"}):
        status, body = await post(host.url, "/v1/rooms", wanted, header)
        assert (status, msgspec.msgpack.decode(body, type=Refused).code) == (401, "bad-token")


async def test_health_and_metrics_name_no_room(host: Host) -> None:
    seat = await new_room(host)
    assert await get(host.url, "/healthz") == (200, "ok\n")
    assert await get(host.url, "/readyz") == (200, "ok\n")
    _, metrics = await get(host.url, "/metrics")
    assert "backchannel_connections" in metrics
    assert b64u(seat.room) not in metrics
    assert seat.room.hex() not in metrics
    assert (await get(host.url, "/v1/record/" + b64u(random_id())))[0] == 404
    assert (await get(host.url, "/v1/record/x"))[0] == 400


async def test_the_page_of_what_the_server_sees_names_every_column(host: Host) -> None:
    status, page = await get(host.url, "/what-the-server-sees")
    assert status == 200
    for table in metadata.sorted_tables:
        assert f"<h2>{table.name}</h2>" in page
        for column in table.columns:
            assert f">{column.name}</th>" in page


BROWSES = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("ar-EG,en;q=0.8", 'lang="ar" dir="rtl"'),
        ("fr, en;q=0.2, ar;q=0.9", 'lang="ar" dir="rtl"'),
        ("en-GB,ar;q=0.9", 'lang="en" dir="ltr"'),
        ("fr", 'lang="en" dir="ltr"'),
        ("ar;q=nonsense,,;;, ar;q=0", 'lang="en" dir="ltr"'),
        ("", 'lang="en" dir="ltr"'),
    ],
)
async def test_who_browses_to_nowhere_reads_why(host: Host, accepted: str, language: str) -> None:
    headers = {**BROWSES, "Accept-Language": accepted}
    async with aiohttp.ClientSession() as http, http.get(host.url + "/<b>x</b>", headers=headers) as answer:
        page = await answer.text()
        assert (answer.status, answer.content_type) == (404, "text/html")
        assert language in page
        assert "x</b>" not in page
        assert "<script" not in page
        style = page.partition("<style>")[2].partition("</style>")[0]
        hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{hashed}'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "/v1/nothing", BROWSES, 404),
        ("POST", "/nothing", BROWSES, 404),
        ("GET", "/v1/rooms", {}, 405),
        ("DELETE", "/", {}, 405),
    ],
)
async def test_a_program_that_asks_for_nothing_gets_a_code(
    host: Host, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, host.url + path, headers=headers) as answer,
    ):
        assert (answer.status, answer.content_type) == (status, MEDIA_TYPE)
        assert msgspec.msgpack.decode(await answer.read(), type=Refused).code == "malformed"
        assert ("Allow" in answer.headers) == (status == 405)


async def test_tls(tmp_path: Path) -> None:
    cert_file, key_file = certificate(tmp_path)
    trusted = ssl.create_default_context(cafile=str(cert_file))
    async with (
        hosting(tmp_path / "data", host="localhost", tls_cert=cert_file, tls_key=key_file) as host,
        aiohttp.ClientSession() as http,
        http.get(host.url + "/healthz", ssl=trusted) as answer,
    ):
        assert host.url.startswith("https://localhost:")
        assert answer.status == 200


async def test_headers_that_keep_browsers_strict(host: Host) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("/healthz", "/nowhere", "/what-the-server-sees"):
            async with http.get(host.url + path) as answer:
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert "unsafe" not in answer.headers["Content-Security-Policy"]
                assert answer.headers["Server"] == "backchannel"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
