"""How the server answers over HTTP, whatever it is about: strict headers, and refusals in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

from backchannel_protocol.frames import encode_frame
from backchannel_protocol.http_bodies import MEDIA_TYPE
from backchannel_server.refusal import Refusal
from backchannel_server.routes import status_of
from backchannel_server.sights import STYLE_HASH

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src '{STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "backchannel",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """on_response_prepare; the web client's own headers stay.

    A WebSocket is no page, and would keep them for as long as it is open.
    """
    if isinstance(response, web.WebSocketResponse):
        return
    for name, value in HEADERS.items():
        if name == "Server" or name not in response.headers:
            response.headers[name] = value


def refused(refusal: Refusal) -> web.Response:
    """A Refused frame, with the status that fits (PROTOCOL.md, section 12)."""
    response = web.Response(
        body=encode_frame(refusal.frame(None)),
        status=status_of(refusal.code),
        content_type=MEDIA_TYPE,
    )
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def last_answer(refusal: Refusal) -> bytes:
    """The same as the bytes of a whole answer, the connection's last: for what is no request."""
    body = encode_frame(refusal.frame(None))
    status = HTTPStatus(status_of(refusal.code))
    own = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {it}" for name, it in {**HEADERS, **own}.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
