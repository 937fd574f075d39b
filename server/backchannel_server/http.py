"""The HTTP edge (PROTOCOL.md, section 12): rooms, invitees' mail, and what everybody may look at."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from sqlalchemy import select

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.http_bodies import (
    MEDIA_TYPE,
    CreateRoom,
    Knock,
    MailSoFar,
    MakeToken,
    RoomCreated,
    TokenMade,
    encode_body,
    parse_body,
)
from backchannel_protocol.ids import ID_SIZE, RoomId, parse_b64u
from backchannel_protocol.limits import MAX_MAIL_BYTES
from backchannel_protocol.refusals import Code
from backchannel_server.actions.mail import do_knock
from backchannel_server.actions.rooms import do_create_room
from backchannel_server.actions.tokens import do_make_room_token
from backchannel_server.addresses import Addresses
from backchannel_server.answers import refused
from backchannel_server.enforce.rates import Rates
from backchannel_server.http_blobs import HttpBlobs
from backchannel_server.nowhere import answer_nowhere
from backchannel_server.refusal import Refusal
from backchannel_server.routes import ROUTES
from backchannel_server.session import Reception
from backchannel_server.sights import render_sights
from backchannel_server.storage.reads import read_room
from backchannel_server.storage.tables import tokens
from backchannel_server.visitor import read_body, visitor_of

MAX_REQUEST_BYTES: Final = MAX_MAIL_BYTES + 4_096
LOOKS_A_SECOND: Final = 2.0
"""How often one invitation's mailbox may be looked into, on average."""
LOOKS_BURST: Final = 60
READY_S: Final = 3.0
"""How long the database may take to answer who asks whether the server is ready."""

log = logging.getLogger(__name__)


class Http(HttpBlobs):
    """The routes that are not the WebSocket."""

    def __init__(self, reception: Reception, addresses: Addresses) -> None:
        super().__init__(reception, addresses)
        self._reception = reception
        self._context = reception.context
        self._addresses = addresses
        self._looks: Rates[bytes] = Rates(LOOKS_A_SECOND, LOOKS_BURST)

    def routes(self) -> list[web.RouteDef]:
        """For the application."""
        return [web.route(one.method, one.path, getattr(self, one.name)) for one in ROUTES]

    async def make_token(self, request: web.Request) -> web.Response:
        """POST /v1/tokens: [rooms, expires], by the bearer of the host's token."""
        token = _bearer(request)
        wanted = parse_body(await read_body(request, MAX_REQUEST_BYTES), MakeToken)
        return _packed(TokenMade(await do_make_room_token(self._context, token, wanted)), 201)

    async def create_room(self, request: web.Request) -> web.Response:
        """POST /v1/rooms: [room, seat, seat key], by a bearer of a token."""
        token = _bearer(request)
        wanted = parse_body(await read_body(request, MAX_REQUEST_BYTES), CreateRoom)
        room = await do_create_room(self._context, token, wanted)
        return _packed(RoomCreated(self._reception.key.public, self._context.checkpoint(room)), 201)

    async def mail(self, request: web.Request) -> web.Response:
        """POST /v1/mail: an invitee's letter or look, signed with the invitation's keys."""
        knock = parse_body(await read_body(request, MAX_REQUEST_BYTES), Knock)
        wait = self._looks.take(knock.mailbox, 1, time.monotonic())
        if wait:
            raise Refusal(Code.TOO_FAST, retry_after_s=int(wait) + 1)
        return _packed(MailSoFar(list(await do_knock(self._context, knock))))

    async def record(self, request: web.Request) -> web.Response:
        """GET /v1/record/{room}: the last checkpoint."""
        self._addresses.charge(request)
        id_ = RoomId(parse_b64u(request.match_info["room"], ID_SIZE))
        async with self._context.engines.reader.connect() as connection:
            room = await read_room(connection, id_)
        if room is None or room.is_over(self._context.clock()):
            raise Refusal(Code.UNKNOWN_ROOM)
        return web.Response(text=self._context.checkpoint(room))

    async def healthy(self, _: web.Request) -> web.Response:
        """GET /healthz: the process answers."""
        return web.Response(text="ok\n")

    async def ready(self, _: web.Request) -> web.Response:
        """GET /readyz: whether the server can do its work; what it lacks, a line for each.

        Without the database or its disk it can write nothing (503). Without hints it works, slower.
        """
        conditions = self._context.conditions
        is_answering = await self._database_answers()
        can_write = is_answering and conditions.disk.is_well
        lacking = [] if is_answering else [conditions.database]
        lacking += [one for one in (conditions.disk, conditions.hints, conditions.clock) if not one.is_well]
        lines = ["ok" if can_write else "not ready", *(f"{one.name}: {one.lack}" for one in lacking)]
        return web.Response(text="\n".join(lines) + "\n", status=200 if can_write else 503)

    async def _database_answers(self) -> bool:
        database = self._context.conditions.database
        try:
            async with asyncio.timeout(READY_S), self._context.engines.reader.connect() as connection:
                await connection.execute(select(tokens.c.hash).limit(1))
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is told, and its kind logged
            database.fails(type(fault).__name__)
            return False
        database.works()
        return True

    async def metrics(self, _: web.Request) -> web.Response:
        """GET /metrics."""
        text = self._context.metrics.text()
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def sights(self, _: web.Request) -> web.Response:
        """GET /what-the-server-sees."""
        return web.Response(text=render_sights(), content_type="text/html")


def refusing(addresses: Addresses) -> Middleware:
    """A middleware: refusals become answers, failures cost the address that caused them."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        visitor = visitor_of(request)
        visitor.heard(addresses.key(request))
        try:
            if request.method != "GET":
                addresses.verify(request)
            return await handler(request)
        except RemoteProtocolError as error:
            addresses.charge(request)
            return refused(Refusal.of(error))
        except Refusal as refusal:
            if refusal.code is not Code.TOO_FAST:
                addresses.charge(request)
            return _last(refused(refusal)) if refusal.code is Code.TOO_SLOW else refused(refusal)
        except (web.HTTPBadRequest, web.RequestPayloadError):  # of aiohttp: no WebSocket, no whole chunk
            addresses.charge(request)
            return refused(Refusal(Code.MALFORMED))
        except web.HTTPException as error:  # of aiohttp: no route takes it
            addresses.charge(request)
            return answer_nowhere(request, error)
        except ConnectionError:
            raise  # the peer is gone; aiohttp ends the connection
        except Exception as error:  # noqa: BLE001 - our fault: a code for the peer, a kind for the log
            log.error(  # noqa: TRY400 - a traceback may carry content
                "a request failed", extra={"fault": type(error).__name__}
            )
            return refused(Refusal(Code.INTERNAL))
        finally:
            visitor.answered()

    return middleware


def _last(response: web.Response) -> web.Response:
    """Nothing else is read from this connection."""
    response.force_close()
    return response


def _bearer(request: web.Request) -> str:
    """The token that the request bears. Raises `bad-token`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Refusal(Code.BAD_TOKEN)
    return token.strip()


def _packed(body: msgspec.Struct, status: int = 200) -> web.Response:
    return web.Response(body=encode_body(body), status=status, content_type=MEDIA_TYPE)
