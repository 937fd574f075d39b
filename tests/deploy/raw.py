"""HTTP by hand, from an address of one's own choice: what no client library would send."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from deploy.conftest import Site

PATIENCE_S = 20


@dataclass(frozen=True)
class Answer:
    """Headers by their names in small letters, each with all its values."""

    status: int
    headers: dict[str, list[str]]
    body: bytes


async def connect(
    site: Site, source: str = "127.0.0.1", *, tls: bool = True, inner: bool = False
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the proxy, or past it to the server (`inner`)."""
    if inner or not tls:
        port = site.plan.upstream if inner else site.plan.http
        return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    return await asyncio.open_connection(
        "127.0.0.1",
        site.plan.https,
        local_addr=(source, 0),
        ssl=site.tls(),
        server_hostname="localhost",
    )


async def ask(
    site: Site,
    line: str,
    headers: tuple[str, ...] = (),
    body: bytes = b"",
    *,
    source: str = "127.0.0.1",
    tls: bool = True,
    inner: bool = False,
) -> Answer:
    """One request, one answer."""
    reader, writer = await connect(site, source, tls=tls, inner=inner)
    said = [f"{line} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(body)}"]
    writer.write("\r\n".join([*said, *headers, "", ""]).encode())
    writer.write(body)
    try:
        async with asyncio.timeout(PATIENCE_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            content = await reader.read()
    finally:
        writer.close()
    found: dict[str, list[str]] = {}
    for one in filter(None, head[1:]):
        name, _, value = one.partition(": ")
        found.setdefault(name.lower(), []).append(value)
    return Answer(int(head[0].split(" ")[1]), found, content)
