"""The real server behind real nginx and real Caddy, with the configurations that a host gets."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import pytest

import backchannel
import debian
from backchannel import Client
from backchannel_protocol.frames import Hello, Refused, parse_server_frame
from backchannel_protocol.limits import PING_INTERVAL_S, SILENCE_TIMEOUT_S
from backchannel_server.http import MAX_REQUEST_BYTES
from client.people import heard, let_in, make_room, texts
from deploy.certificate import Certificate
from deploy.conftest import REQUESTS_A_MINUTE, Site
from deploy.proxies import CADDYFILE, Plan, caddy_environment, command
from deploy.raw import ask, connect

LOOK_S = 0.6
HOP_BY_HOP = frozenset({"connection", "date", "content-length", "transfer-encoding", "keep-alive", "via"})
STRICT = {
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-frame-options",
}
HSTS = ["max-age=63072000"]
INNER = (
    "/metrics",
    "/metrics?x=/",
    "/metrics#x",
    "//metrics",
    "/./metrics",
    "/x/../metrics",
    "/%6detrics",
    "/%2e/metrics",
    "/x/%2e%2e/metrics",
    "/metrics%3f",
    "/readyz",
    "/%72eadyz",
)
ALONE, OTHER = "127.0.0.7", "127.0.0.8"
"""Addresses of clients, which no server here has."""

PLANTED = {
    "query": "planted-query-of-a-person",
    "path": "planted-path-of-a-person",
    "agent": "PlantedBrowser/7.1",
    "referrer": "planted-page-before",
    "token": "planted-token-of-a-host",
    "host": "planted-name-of-a-host",
    "forwarded": "203.0.113.217",
    "address": ALONE,
}


@pytest.fixture
async def clients() -> AsyncIterator[list[Client]]:
    async with AsyncExitStack() as stack:
        opened = [backchannel.open_profile(None, look_s=LOOK_S) for _ in range(2)]
        yield [await stack.enter_async_context(one) for one in opened]


async def test_people_meet_in_a_room_and_stay_when_the_server_is_restarted(
    site: Site, clients: list[Client]
) -> None:
    address, _, token = site.link.partition("#")
    assert address == f"{site.url}/host"
    ann = await make_room(clients[0], site.url, token)
    assert (await ann.invite()).startswith(site.url)
    bo = await let_in(ann, clients[1], "Bo")
    question = await (await ann.send("Shall we begin?")).sent()
    await heard(bo, "Shall we begin?")
    await (await bo.reply(question, "Gladly.")).sent()
    await (await bo.send("ش" * 20_000)).sent()
    site.stop_server()
    await ann.send("Is anybody there?")
    site.start_server()
    await heard(bo, "Is anybody there?")
    await (await bo.send("We are back.")).sent()
    await heard(ann, "We are back.")
    assert texts(ann) == texts(bo)
    assert len(texts(ann)) == 5


async def test_the_servers_headers_arrive_once_each_and_tls_is_kept_to(site: Site, source: str) -> None:
    for path, said in (
        ("/", ()),
        ("/", ("Accept-Encoding: br, gzip",)),
        ("/i", ("Accept-Encoding: gzip",)),
        ("/what-the-server-sees", ()),
        ("/v1/record/none", ()),
        ("/none", ()),
    ):
        direct = await ask(site, f"GET {path}", said, inner=True, source=source)
        through = await ask(site, f"GET {path}", said, source=source)
        assert (through.status, through.body) == (direct.status, direct.body)
        assert direct.headers.keys() >= STRICT
        is_page = path in ("/", "/i") and direct.status == 200  # else there is no web client here
        assert ("cross-origin-embedder-policy" in direct.headers) == is_page
        kept = {name: values for name, values in direct.headers.items() if name not in HOP_BY_HOP}
        assert kept == {name: through.headers.get(name) for name in kept}
        assert through.headers["server"] == ["backchannel"]
        assert through.headers["strict-transport-security"] == HSTS


async def test_what_is_the_hosts_alone_is_not_passed_on(site: Site, source: str) -> None:
    assert b"backchannel_connections" in (await ask(site, "GET /metrics", inner=True)).body
    for path in INNER:
        for method in ("GET", "HEAD"):
            answer = await ask(site, f"{method} {path}", source=source)
            assert 400 <= answer.status < 500, path
            assert b"backchannel_" not in answer.body, path
    assert (await ask(site, "GET /healthz", source=source)).status == 200


async def test_each_client_has_its_own_limit_whatever_it_says(site: Site, source: str) -> None:
    async def try_a_token(source: str, invented: int) -> int:
        said = (f"X-Forwarded-For: 203.0.113.{invented}", f"Forwarded: for=203.0.113.{invented}")
        return (await ask(site, "POST /v1/tokens", said, source=source)).status

    found = [await try_a_token(source, at) for at in range(2 * REQUESTS_A_MINUTE)]
    assert set(found[:REQUESTS_A_MINUTE]) == {401}
    assert 429 in found
    assert await try_a_token(OTHER, 0) == 401
    assert "trusted_proxies" not in site.log.read_text()


async def test_the_largest_request_passes_and_a_larger_one_does_not(site: Site, source: str) -> None:
    whole = await ask(site, "POST /v1/mail", body=bytes(MAX_REQUEST_BYTES), source=source)
    refused = parse_server_frame(whole.body)
    assert isinstance(refused, Refused)
    assert refused.code == "malformed"
    larger = await ask(site, "POST /v1/mail", body=bytes(MAX_REQUEST_BYTES + 64 * 1024), source=source)
    assert larger.status in (413, 502)  # Caddy 2.6 says 502, later ones 413
    assert larger.headers["strict-transport-security"] == HSTS


async def test_a_websocket_is_asked_for_at_its_path_alone(site: Site, source: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{site.url}/v1/ws", protocols=["backchannel.v1"], ssl=site.tls()) as line,
    ):
        assert line.protocol == "backchannel.v1"
        assert isinstance(parse_server_frame(await line.receive_bytes()), Hello)
    upgrade = ("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    for path in ("/", "/v1/ws", "/healthz"):
        assert (await ask(site, f"GET {path}", upgrade, source=source)).status != 101


async def test_without_tls_one_is_sent_to_tls(site: Site) -> None:
    answer = await ask(site, "GET /i", tls=False)
    assert answer.status == 308
    (location,) = answer.headers["location"]
    assert re.fullmatch(r"https://localhost(:\d+)?/i", location)


async def test_when_the_server_is_away_one_is_told_so(lonely: Site) -> None:
    answer = await ask(lonely, "GET /i")
    assert answer.status in (502, 503)
    assert answer.headers["retry-after"] == ["5"]
    assert answer.headers["strict-transport-security"] == HSTS
    assert answer.body.startswith(b"Backchannel cannot be reached at the moment")


async def misbehave(site: Site) -> None:
    """All that might be worth a line in a log, from ALONE."""
    told = (
        f"User-Agent: {PLANTED['agent']}",
        f"Referer: https://{PLANTED['referrer']}/",
        f"Authorization: Bearer {PLANTED['token']}",
        f"X-Forwarded-For: {PLANTED['forwarded']}",
    )
    for tls in (True, False):
        for line in (
            f"GET /{PLANTED['path']}?{PLANTED['query']}",
            f"POST /v1/tokens?{PLANTED['query']}",
            f"GET /.well-known/acme-challenge/{PLANTED['path']}",
        ):
            await ask(site, line, told, source=ALONE, tls=tls)
        for bad in (
            f"GET /{PLANTED['path']} HTTP/9.9\r\nHost: {PLANTED['host']}\r\n\r\n",
            f"GET /{PLANTED['path']} HTTP/1.1\r\nHost: {PLANTED['host']}.test\r\nConnection: close\r\n\r\n",
            f"{PLANTED['query']}\r\n\r\n",
            f"GET /{PLANTED['path']} HTTP/1.1\r\nX: {PLANTED['query'] * 4000}\r\n\r\n",
        ):
            reader, writer = await connect(site, ALONE, tls=tls)
            writer.write(bad.encode())
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
    # a body that ends too soon; a name that is not served; no TLS at all
    _, writer = await connect(site, ALONE)
    writer.write(b"POST /v1/mail HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nx")
    await writer.drain()
    writer.transport.abort()
    with pytest.raises(OSError):  # noqa: PT011 - whichever way TLS ends here
        await asyncio.open_connection(
            "127.0.0.1",
            site.plan.https,
            local_addr=(ALONE, 0),
            ssl=site.tls(),
            server_hostname=f"{PLANTED['host']}.test",
        )
    reader, writer = await asyncio.open_connection("127.0.0.1", site.plan.https, local_addr=(ALONE, 0))
    writer.write(b"\x16\x03\x01\x00\x05" + bytes(40))
    with suppress(ConnectionError):
        await reader.read()
    writer.close()


async def test_no_log_names_who_asked_nor_for_what(site: Site, lonely: Site) -> None:
    await misbehave(site)
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(ALONE, 0))) as http,
        http.ws_connect(f"{site.url}/v1/ws", ssl=site.tls()) as line,
    ):
        await line.receive_bytes()
    await misbehave(lonely)  # whose server is away
    whole = "\n".join((*site.plan.logs().values(), *lonely.plan.logs().values()))
    lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
    statuses = {line["status"] for line in lines if "status" in line}
    assert 404 in statuses, "the access log is there"
    assert statuses & {101, 0}, "a WebSocket, for which Caddy 2.6 has no status"
    assert statuses & {502, 503}, "and the server was away"
    found = {name: text for name, text in PLANTED.items() if text in whole}
    assert found == {}
    allowed = {"time", "status", "bytes", "seconds"} | {"level", "ts", "logger", "msg", "duration", "size"}
    assert {key for line in lines if "status" in line for key in line} <= allowed


def timeouts(dump: str) -> dict[str, list[int]]:
    """Every proxy_…_timeout of what nginx says that it runs, in seconds."""
    found: dict[str, list[int]] = {}
    for name, seconds in re.findall(r"^\s*(proxy_\w+_timeout) (\d+)s;", dump, re.MULTILINE):
        found.setdefault(name, []).append(int(seconds))
    return found


@pytest.fixture
def plan(tmp_path: Path, certificate: Certificate) -> Plan:
    return Plan(tmp_path, certificate, 1080, 1443, 8470)


def test_nginx_keeps_an_idle_websocket_for_longer_than_the_server(plan: Plan) -> None:
    words, environment = command("nginx", plan)
    done = subprocess.run(
        [*words, "-T"], env=environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
    assert PING_INTERVAL_S < SILENCE_TIMEOUT_S
    found = timeouts(done.stdout)
    for name in ("proxy_read_timeout", "proxy_send_timeout"):
        (seconds,) = found[name]
        assert seconds > SILENCE_TIMEOUT_S


def handlers(config: object, name: str) -> Iterator[dict[str, object]]:
    """Every handler of a name in Caddy's JSON."""
    if isinstance(config, list):
        for one in config:
            yield from handlers(one, name)
    elif isinstance(config, dict):
        if config.get("handler") == name:
            yield config
        for one in config.values():
            yield from handlers(one, name)


def test_caddy_sets_no_end_to_a_websocket(plan: Plan) -> None:
    found = debian.program("caddy", "caddy")
    environment = {**found.environment, **caddy_environment(plan)}
    words = [str(found.path), "adapt", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, timeout=30)
    config = json.loads(done.stdout)
    (passing,) = handlers(config, "reverse_proxy")
    assert not {"stream_timeout", "stream_close_delay"} & passing.keys()
    transport = passing["transport"]
    assert isinstance(transport, dict)
    assert not {"read_timeout", "write_timeout"} & transport.keys()
    for server in config["apps"]["http"]["servers"].values():
        assert "write_timeout" not in server


def test_the_caddyfile_is_in_caddys_own_form(plan: Plan) -> None:
    found = debian.program("caddy", "caddy")
    environment = {**found.environment, **caddy_environment(plan)}
    done = subprocess.run(
        [str(found.path), "fmt", str(CADDYFILE)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == CADDYFILE.read_text(encoding="utf-8")
