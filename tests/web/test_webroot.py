"""The real server serves the built web client, and tells browsers to be strict."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from backchannel_server.webroot import PAGE_PATHS, load_webroot
from server.server_kit import Host, hosting

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "backchannel",
}
STRICT = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@pytest.fixture
async def host(webroot: Path, tmp_path: Path) -> AsyncIterator[Host]:
    async with hosting(tmp_path / "data") as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        auto_decompress=False, headers={"Accept-Encoding": "identity"}
    ) as session:
        yield session


def names_in(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page)


async def test_the_page_stands_where_links_lead(host: Host, http: aiohttp.ClientSession) -> None:
    pages = []
    for path in PAGE_PATHS:
        async with http.get(host.url + path) as answer:
            assert answer.status == 200
            assert answer.content_type == "text/html"
            assert answer.headers["Cache-Control"] == "no-cache"
            pages.append(await answer.read())
    assert len(set(pages)) == 1


async def test_every_file_is_served_strictly(host: Host, http: aiohttp.ClientSession) -> None:
    for path in ("/", *("/" + name for name in load_webroot())):
        async with http.get(host.url + path) as answer:
            if path == "/index.html":
                assert answer.status == 404  # the page has its own paths
                continue
            assert answer.status == 200, path
            policy = dict(
                directive.split(" ", 1) for directive in answer.headers["Content-Security-Policy"].split("; ")
            )
            assert POLICY.items() <= policy.items()
            assert not re.search("unsafe|http|\\*", answer.headers["Content-Security-Policy"])
            assert STRICT.items() <= dict(answer.headers).items()
            assert answer.headers["Server"] == "backchannel"
            forever = path.startswith("/assets/")
            assert ("immutable" in answer.headers["Cache-Control"]) == forever


async def test_what_the_page_names_is_there_and_has_its_hash(host: Host, http: aiohttp.ClientSession) -> None:
    async with http.get(host.url + "/") as answer:
        page = (await answer.read()).decode()
    tags = [tag for tag in re.findall(r"<(?:script|link)[^>]*>", page) if "/assets/" in tag]
    assert any(tag.startswith("<script") for tag in tags)
    assert any("stylesheet" in tag for tag in tags)
    for tag in tags:
        (name,) = names_in(tag)
        (said,) = re.findall(r'integrity="sha256-([^"]+)"', tag)
        async with http.get(host.url + name) as answer:
            content = await answer.read()
        assert base64.b64encode(hashlib.sha256(content).digest()).decode() == said
    for name in names_in(page):
        assert name.startswith("/")
        assert not name.startswith("//")
    assert not re.search(r"<script[^>]*>[^<]|<style|\son\w+=|style=", page)


def test_nothing_names_another_host(webroot: Path) -> None:
    """Namespaces of XML, and the documentation that libraries' errors point to, are not requests."""
    known = {"www.w3.org", "github.com"}
    for file in webroot.rglob("*"):
        if file.suffix in (".css", ".html", ".js", ".svg", ".webmanifest"):
            found = set(re.findall(r"(?:https?|wss?)://([A-Za-z0-9.-]+)", file.read_text()))
            assert found <= known, f"{file.name}: {found - known}"


async def test_compressed_forms(host: Host, http: aiohttp.ClientSession) -> None:
    files = load_webroot()
    name = next(name for name in files if name.startswith("assets/engine"))
    plain = files[name].bodies[""]
    for accepted, encoding in (
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("gzip;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("br;q=0, gzip; q=0", None),
    ):
        async with http.get(f"{host.url}/{name}", headers={"Accept-Encoding": accepted}) as answer:
            assert answer.headers.get("Content-Encoding") == encoding, accepted
            assert answer.headers["Vary"] == "Accept-Encoding"
            body = await answer.read()
        assert body == files[name].bodies[encoding or ""]
        assert (len(body) < len(plain) / 2) == (encoding is not None)
    assert gzip.decompress(files[name].bodies["gzip"]) == plain


async def test_a_browser_that_has_the_page_gets_nothing_again(
    host: Host, http: aiohttp.ClientSession
) -> None:
    async with http.get(host.url + "/") as answer:
        etag = answer.headers["ETag"]
    async with http.get(host.url + "/", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304
        assert await answer.read() == b""
        assert "Content-Security-Policy" in answer.headers
    async with http.get(host.url + "/", headers={"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


async def test_nothing_beside_the_files_can_be_had(host: Host, http: aiohttp.ClientSession) -> None:
    for path in (
        "/.stamp",
        "/assets/",
        "/assets",
        "/assets/../../app.py",
        "/%2e%2e/app.py",
        "/index.html.br",
    ):
        async with http.get(host.url + path) as answer:
            assert answer.status == 404, path


async def test_a_server_without_web_client_says_so(tmp_path: Path) -> None:
    assert load_webroot(tmp_path / "nothing") == {}
