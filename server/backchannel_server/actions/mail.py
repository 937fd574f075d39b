"""do_knock and do_answer: both sides of an invitation's mailbox (PROTOCOL.md, section 10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.frames import Mail, encode_frame
from backchannel_protocol.http_bodies import Knock
from backchannel_protocol.ids import MailboxId, RoomId, SeatId
from backchannel_protocol.refusals import Code
from backchannel_server.actions.context import Context
from backchannel_server.enforce.mail import FROM_FACILITATORS, decide_answer, decide_knock
from backchannel_server.refusal import Refusal
from backchannel_server.storage.committer import one_by_one
from backchannel_server.storage.dialects import Touched
from backchannel_server.storage.reads import (
    read_facilitators,
    read_letters,
    read_mailboxes,
    read_room,
    read_seat,
)
from backchannel_server.storage.rows import Letter
from backchannel_server.storage.writes import insert_letters, save_mailboxes


@dataclass(frozen=True, slots=True)
class KnockRequest:
    """What an invitee asks for."""

    knock: Knock
    now: int


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """What a facilitator's client writes."""

    room: RoomId
    seat: SeatId
    mail: Mail
    now: int


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter that is new, if there is one, the seats that it is for, and the conversation so far."""

    letter: Letter | None
    room: RoomId
    facilitators: frozenset[SeatId]
    letters: tuple[Letter, ...]


async def do_knock(context: Context, knock: Knock) -> tuple[Mail, ...]:
    """An invitee's letter, or look. What facilitators wrote so far. Raises Refusal."""
    posted = await context.committer.perform(_perform_knocks, KnockRequest(knock, context.clock()))
    _tell(context, posted)
    return tuple(letter.frame() for letter in posted.letters if letter.step in FROM_FACILITATORS)


async def do_answer(
    context: Context, room: RoomId, seat: SeatId, mail: Mail, refused: Callable[[Refusal], None]
) -> None:
    """Queues a facilitator's letter. On disk, it goes to all attached facilitators.

    Its writer is among them, and so knows that it is written.
    """

    def settle(answer: Posted | Refusal) -> None:
        if isinstance(answer, Refusal):
            context.metrics.refused(answer.code)
            refused(answer)
        else:
            _tell(context, answer)

    await context.committer.put(_perform_answers, AnswerRequest(room, seat, mail, context.clock()), settle)


def _tell(context: Context, posted: Posted) -> None:
    letter = posted.letter
    if letter is not None:
        context.feeds.tell(posted.room, posted.facilitators, letter.name, encode_frame(letter.frame()))


async def _knock(connection: AsyncConnection, request: KnockRequest) -> Posted:
    id_ = MailboxId(request.knock.mailbox)
    mailbox = (await read_mailboxes(connection, [id_])).get(id_)
    letters = await read_letters(connection, id_)
    into = None if mailbox is None else await read_room(connection, mailbox.room)
    closed_seq = None if into is None else into.closed_seq
    decided = decide_knock(mailbox, closed_seq, letters, request.knock, request.now)
    room = decided.mailbox.room
    if decided.letter is None:
        return Posted(None, room, frozenset(), tuple(letters))
    await save_mailboxes(connection, [decided.mailbox])
    await insert_letters(connection, [decided.letter])
    return Posted(decided.letter, room, await read_facilitators(connection, room), tuple(letters))


_perform_knocks: Final = one_by_one(
    _knock, lambda request: Touched(mailboxes=frozenset({MailboxId(request.knock.mailbox)}))
)


async def _answer(connection: AsyncConnection, request: AnswerRequest) -> Posted:
    id_ = MailboxId(request.mail.mailbox)
    seat = await read_seat(connection, request.room, request.seat)
    if seat is None:
        raise Refusal(Code.UNKNOWN_SEAT)
    mailbox = (await read_mailboxes(connection, [id_])).get(id_)
    letters = await read_letters(connection, id_)
    new = decide_answer(mailbox, letters, seat, request.mail, request.now)
    if new is None:
        repeated = Letter(id_, 0, request.mail.step, request.mail.sealed)
        return Posted(repeated, request.room, frozenset({request.seat}), tuple(letters))
    await insert_letters(connection, [new])
    return Posted(new, request.room, await read_facilitators(connection, request.room), tuple(letters))


_perform_answers: Final = one_by_one(_answer, lambda request: Touched(frozenset({request.room})))
