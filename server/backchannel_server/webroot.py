"""The web client's files, with the headers that keep a browser strict (ready-made: built by hatch_build.py).

Every file is read once, at the start. What a browser is told:

* nothing from anywhere else, ever; no script but the page's own, each with its hash in the page; no text
  becomes a script (Trusted Types), but for the one policy that names the page's worker
* no referrer, no framing, no other window's or site's hands on it
* files with a hash in their name never change; the page itself is asked for anew each time
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

PAGE: Final = "index.html"
PAGE_PATHS: Final = ("/", "/i", "/host")
"""Where the page is served: itself, invitations and host links (whose secrets stand behind the #)."""

ASSETS: Final = "assets/"
"""What stands below has its hash in its name."""

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types backchannel"
    ),
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
_FOREVER: Final = "public, max-age=31536000, immutable"
_ABSENT: Final = (
    "This server was installed without its web client. Install it again without BACKCHANNEL_WEB=skip, or use "
    "the command line.\n"
)


@dataclass(frozen=True, slots=True)
class File:
    """One file: its content as it is and compressed, by the encoding's name ("" for as it is)."""

    media_type: str
    cache: str
    etag: str
    bodies: Mapping[str, bytes]

    def respond(self, request: web.Request) -> web.Response:
        """The smallest form that the browser takes; nothing where it has this very file."""
        headers = {**HEADERS, "Cache-Control": self.cache, "ETag": self.etag, "Vary": "Accept-Encoding"}
        if self.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        encoding = _choose(request.headers.get("Accept-Encoding", ""), self.bodies)
        if encoding:
            headers["Content-Encoding"] = encoding
        headers["Content-Type"] = self.media_type
        return web.Response(body=self.bodies[encoding], headers=headers)


def load_webroot(folder: Traversable | None = None) -> dict[str, File]:
    """All files by their paths, without the slash before them; none where the client was not built."""
    root = files("backchannel_server").joinpath("webroot") if folder is None else folder
    contents = dict(_walk(root, "")) if root.is_dir() else {}
    return {
        name: _file(name, content, contents)
        for name, content in contents.items()
        if name.rpartition(".")[2] in _TYPES
    }


def webroot_routes(found: Mapping[str, File]) -> list[web.RouteDef]:
    """A route for each file, and for the paths of the page."""
    page = found.get(PAGE)
    paths = {"/" + name: file for name, file in found.items() if name != PAGE}
    if page is None:
        return [web.get(path, _say_absent) for path in PAGE_PATHS]
    return [_route(path, file) for path, file in (paths | dict.fromkeys(PAGE_PATHS, page)).items()]


def _route(path: str, file: File) -> web.RouteDef:
    async def respond(request: web.Request) -> web.Response:
        return file.respond(request)

    return web.get(path, respond)


async def _say_absent(_: web.Request) -> web.Response:
    return web.Response(text=_ABSENT, status=503)


def _walk(folder: Traversable, before: str) -> list[tuple[str, bytes]]:
    found = []
    for one in folder.iterdir():
        name = before + one.name
        found += _walk(one, name + "/") if one.is_dir() else [(name, one.read_bytes())]
    return found


def _file(name: str, content: bytes, contents: Mapping[str, bytes]) -> File:
    compressed = {
        encoding: contents[name + suffix] for encoding, suffix in _ENCODINGS if name + suffix in contents
    }
    return File(
        media_type=_TYPES[name.rpartition(".")[2]],
        cache=_FOREVER if name.startswith(ASSETS) else "no-cache",
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        bodies=compressed | {"": content},
    )


def _choose(accepted: str, bodies: Mapping[str, bytes]) -> str:
    """Brotli before gzip before nothing; an encoding with q=0 is one that is not taken."""
    taken = {
        name.strip().lower()
        for name, _, parameters in (one.partition(";") for one in accepted.split(","))
        if parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    }
    return next((encoding for encoding, _ in _ENCODINGS if encoding in taken and encoding in bodies), "")
