"""do_make_host_token, do_make_room_token and who bears one (PROTOCOL.md, section 12)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backchannel_protocol.http_bodies import MakeToken
from backchannel_protocol.ids import b64u
from backchannel_protocol.limits import MAX_TOKEN_S, MAX_TOKENS
from backchannel_protocol.refusals import Code
from backchannel_server.actions.context import Context
from backchannel_server.refusal import Refusal
from backchannel_server.storage.committer import one_by_one
from backchannel_server.storage.dialects import Touched, lock
from backchannel_server.storage.rows import Token
from backchannel_server.storage.tables import tokens

_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Request:
    """A token that the bearer of another asks for; `new` is the hash of what it would be."""

    bearer: str
    wanted: MakeToken
    new: bytes
    now: int


async def do_make_host_token(engine: AsyncEngine) -> str:
    """A new host token, kept nowhere but as a hash. All tokens before it stop working.

    With the room tokens: who had the old link may have made some.
    """
    async with engine.begin() as connection:
        await lock(connection, Touched(tokens=True))
        return await _make_host(connection)


async def do_make_first_host_token(engine: AsyncEngine) -> str | None:
    """The host token of a server that had none; None where there is one, perhaps since a moment ago."""
    async with engine.begin() as connection:
        await lock(connection, Touched(tokens=True))
        known = (await connection.execute(select(tokens.c.hash).limit(1))).first()
        return await _make_host(connection) if known is None else None


async def do_make_room_token(context: Context, bearer: str, wanted: MakeToken) -> str:
    """A token that creates some rooms, for a while. Raises `bad-token`, `not-allowed`, `expired`,
    `too-many`."""
    token = _generate()
    request = Request(bearer, wanted, hash_token(token), context.clock())
    await context.committer.perform(_perform_room, request)
    return token


async def find_token(connection: AsyncConnection, token: str) -> Token:
    """The row of a token. Raises `bad-token`."""
    given = hash_token(token)
    known = [Token(**row) for row in (await connection.execute(select(tokens))).mappings()]
    matching = [one for one in known if hmac.compare_digest(given, one.hash)]  # all, in constant time
    if not matching:
        raise Refusal(Code.BAD_TOKEN)
    return matching[0]


async def spend_token(connection: AsyncConnection, token: Token, now: int) -> None:
    """One room is created with it. Raises `expired` where it is used up or too late."""
    if token.rooms_left is None:
        return
    if token.rooms_left < 1 or (token.expires is not None and token.expires <= now):
        raise Refusal(Code.EXPIRED)
    await connection.execute(
        update(tokens).where(tokens.c.hash == token.hash).values(rooms_left=token.rooms_left - 1)
    )


def hash_token(token: str) -> bytes:
    """A token is 32 random bytes: its hash needs no salt and no work factor."""
    return hashlib.sha256(token.encode()).digest()


def _generate() -> str:
    return b64u(secrets.token_bytes(_TOKEN_BYTES))


async def _make_host(connection: AsyncConnection) -> str:
    token = _generate()
    await connection.execute(delete(tokens))
    await connection.execute(insert(tokens), asdict(Token(hash_token(token))))
    return token


def _touches_tokens(_: object) -> Touched:
    return Touched(tokens=True)


async def _make(connection: AsyncConnection, request: Request) -> None:
    wanted = request.wanted
    if not (await find_token(connection, request.bearer)).is_host:
        raise Refusal(Code.NOT_ALLOWED)
    if wanted.expires <= request.now:
        raise Refusal(Code.EXPIRED)
    if wanted.expires > request.now + MAX_TOKEN_S:
        raise Refusal(Code.NOT_ALLOWED)
    known = (await connection.execute(select(tokens.c.hash))).scalars().all()
    if len(known) > MAX_TOKENS:  # the host's own is among them
        raise Refusal(Code.TOO_MANY)
    await connection.execute(insert(tokens), asdict(Token(request.new, wanted.rooms, wanted.expires)))


_perform_room: Final = one_by_one(_make, _touches_tokens)
