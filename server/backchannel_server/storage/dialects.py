"""What SQLite and PostgreSQL do differently, beyond how they are opened (`engine`).

Both give each transaction of the committer the same promise: what it has read does not change before
it writes. On SQLite BEGIN IMMEDIATE locks the whole database. On PostgreSQL, where several server
processes may write, `lock` takes the rows of the rooms that a transaction may change, and only then
does it read: so seq and epoch are decided in the database, and nothing is remembered between two
transactions. All processes lock in one order: tokens, then rooms by id.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from dataclasses import dataclass
from typing import Final

from sqlalchemy import URL, Connection, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.ids import MailboxId, RoomId
from backchannel_server.storage.tables import invitations, rooms

POSTGRESQL: Final = "postgresql"
OLDEST: Final = 15
"""The oldest PostgreSQL: older ones have no security updates any more."""

SCHEMA_LOCK: Final = 0x6261636B6368616E
"""The advisory lock under which tables are made and changed ("backchan")."""

# SQLSTATEs (PostgreSQL's documentation, appendix A)
_FULL: Final = frozenset({"53100"})
_PASSING: Final = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "23505",  # unique_violation: another process was first; the second look finds its row
        "23503",  # foreign_key_violation: or deleted what this one refers to
    }
)
_LOST: Final = frozenset({"57P01", "57P02", "57P03", "53300", "25006"})
"""It stops, has crashed, starts, has no connection to spare, or became one that only reads."""

_SENTENCES: Final = {
    "28P01": "it refuses the user or the password",
    "28000": "it refuses the user or the password",
    "3D000": "it has no database of this name; make it with createdb",
    "3F000": "the user may not make tables there; make the user the owner of the database",
    "42501": "the user may not make tables there; make the user the owner of the database",
    "53300": "it has no connection to spare; raise its max_connections",
    "53100": "its disk is full",
    "57P03": "it is starting or stopping; try again",
}

log = logging.getLogger(__name__)


class UnusableDatabase(Exception):
    """One line for the person who starts the server."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What a transaction may change, all of which it has to itself: rooms with everything of theirs (seats,
    events, invitations, mail), the rooms of some mailboxes, and the tokens."""

    rooms: frozenset[RoomId] = frozenset()
    mailboxes: frozenset[MailboxId] = frozenset()
    tokens: bool = False

    def __or__(self, other: Touched) -> Touched:
        return Touched(
            self.rooms | other.rooms, self.mailboxes | other.mailboxes, self.tokens or other.tokens
        )


async def lock(connection: AsyncConnection, touched: Touched) -> None:
    """Waits until nobody else writes there, until the transaction ends."""
    if connection.dialect.name != POSTGRESQL:
        return
    if touched.tokens:
        await connection.execute(text("LOCK TABLE tokens IN SHARE ROW EXCLUSIVE MODE"))
    ids = set(touched.rooms)
    if touched.mailboxes:  # which room a mailbox belongs to never changes
        homes = select(invitations.c.room).where(invitations.c.mailbox.in_(touched.mailboxes))
        ids.update((await connection.execute(homes)).scalars())
    if ids:
        rows = select(rooms.c.id).where(rooms.c.id.in_(sorted(ids))).order_by(rooms.c.id)
        await connection.execute(rows.with_for_update())


def lock_schema(connection: Connection) -> None:
    """Of several processes that start at once, one makes or changes the tables, and the others find them."""
    if connection.dialect.name == POSTGRESQL:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})


def verify_server(connection: Connection) -> None:
    """Raises UnusableDatabase for a PostgreSQL that is too old, or that only reads."""
    if connection.dialect.name != POSTGRESQL:
        return
    version = connection.dialect.server_version_info or (0,)
    if int(version[0]) < OLDEST:
        raise UnusableDatabase(
            f"the PostgreSQL server is of version {version[0]}; it has to be {OLDEST} or newer"
        )
    found = connection.execute(
        text("SELECT pg_is_in_recovery(), current_setting('fsync'), current_setting('transaction_read_only')")
    ).one()
    if found[0] or found[2] == "on":
        raise UnusableDatabase("the PostgreSQL server only reads (a standby?); give the one that writes")
    if found[1] == "off":
        log.warning("the PostgreSQL server's fsync is off: what was acknowledged may be lost with its power")


def is_full(error: Exception) -> bool:
    """Whether it was the disk that was full."""
    if _state_of(error) in _FULL:
        return True
    return isinstance(error, DBAPIError) and _sqlite_code(error) == sqlite3.SQLITE_FULL


def is_passing(error: Exception) -> bool:
    """Whether the same transaction, begun anew, may well succeed: another process came between, or the
    connection ended halfway (whether its COMMIT arrived is then not known, but requests are repeatable)."""
    return _state_of(error) in _PASSING or (isinstance(error, DBAPIError) and error.connection_invalidated)


def is_lost(error: Exception) -> bool:
    """Whether the database cannot be reached: nobody else's request would fare better."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _state_of(error) in _LOST
    return isinstance(error, OSError) or _state_of(error) in _LOST  # TimeoutError is an OSError


def explain(error: Exception, url: URL) -> str | None:
    """Why a server cannot start on a database, in one line without a password; None: a fault of ours."""
    if url.get_backend_name() != POSTGRESQL:
        if not isinstance(error, DBAPIError):
            return None
        return f"the database cannot be used ({error.orig}); bring it back from a backup"
    state = _state_of(error)
    where = f"the PostgreSQL server at {url.host or url.query.get('host') or 'its usual place'}"
    if state in _SENTENCES:
        return f"{where} cannot be used: {_SENTENCES[state]}"
    if isinstance(error, OSError):
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else type(error).__name__
        return f"{where} cannot be reached ({reason})"
    return None if state is None else f"{where} cannot be used (SQLSTATE {state})"


def _state_of(error: Exception) -> str | None:
    """The SQLSTATE: of what SQLAlchemy wrapped, or of the driver itself while it connects."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    return state if isinstance(state, str) else None


def _sqlite_code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code if isinstance(code, int) else None
