"""Who may put what into a mailbox (PROTOCOL.md, section 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.frames import Mail
from backchannel_protocol.http_bodies import Knock
from backchannel_protocol.ids import MailboxId, Time
from backchannel_protocol.invitation import mail_content
from backchannel_protocol.keys import verify
from backchannel_protocol.limits import MAX_MAIL_STEPS
from backchannel_protocol.refusals import Code
from backchannel_server.refusal import Refusal
from backchannel_server.storage.rows import Letter, Mailbox, Seat

LOOK: Final = 0
CLAIM: Final = 1
CHALLENGE: Final = 2
REVEAL: Final = 3
ANSWER: Final = 4
FROM_FACILITATORS: Final = (CHALLENGE, ANSWER)
CLOCK_SKEW_S: Final = 300

WRONG_CLOCK: Final = "This device's clock and the server's differ by over five minutes. Set it and try again."


@dataclass(frozen=True, slots=True)
class KnockDecision:
    """The mailbox as it is now; the letter to write, where there is a new one."""

    mailbox: Mailbox
    letter: Letter | None


def decide_knock(
    mailbox: Mailbox | None, closed_seq: int | None, letters: Sequence[Letter], knock: Knock, now: int
) -> KnockDecision:
    """An invitee's request. Raises Refusal. `letters`: the conversation so far.

    `closed_seq` is the event that closed the room: nobody will answer there.
    """
    if mailbox is None:
        raise Refusal(Code.MAILBOX_CLOSED)
    _verify_signature(mailbox, knock, now)
    if knock.step == LOOK:
        return KnockDecision(mailbox, None)
    if knock.sealed is None:
        raise Refusal(Code.MALFORMED)
    written = [letter for letter in letters if letter.step == knock.step]
    if knock.step == CLAIM and mailbox.claim_key not in (None, knock.claim_key):
        raise Refusal(Code.MAILBOX_TAKEN)
    if written:
        if written[0].sealed != knock.sealed:
            raise Refusal(Code.DUPLICATE_ID)
        return KnockDecision(mailbox, None)
    _verify_open(mailbox, now)
    if closed_seq is not None:
        raise Refusal(Code.ROOM_CLOSED, cause=closed_seq)
    if knock.step == REVEAL and not any(letter.step == CHALLENGE for letter in letters):
        raise Refusal(Code.OUT_OF_STATE)
    claimed = replace(mailbox, claim_key=knock.claim_key) if knock.step == CLAIM else mailbox
    return KnockDecision(claimed, _letter(mailbox.mailbox, letters, knock.step, knock.sealed))


def decide_answer(
    mailbox: Mailbox | None, letters: Sequence[Letter], seat: Seat, mail: Mail, now: int
) -> Letter | None:
    """A facilitator's letter, None where it stands there already. Raises Refusal.

    The answer is taken from a closed mailbox too: admission closes it, and its Welcome follows.
    """
    if seat.removed_seq is not None:
        raise Refusal(Code.REMOVED, cause=seat.removed_seq)
    if not seat.may_facilitate or mail.step not in FROM_FACILITATORS:
        raise Refusal(Code.NOT_ALLOWED)
    if mailbox is None or mailbox.room != seat.room or mailbox.claim_key is None:
        raise Refusal(Code.MAILBOX_CLOSED)
    written = [letter for letter in letters if letter.step == mail.step]
    if any(letter.sealed == mail.sealed for letter in written):
        return None
    if mail.step == CHALLENGE:
        if written:
            raise Refusal(Code.DUPLICATE_ID)
        _verify_open(mailbox, now)
    return _letter(mailbox.mailbox, letters, mail.step, mail.sealed)


def _verify_signature(mailbox: Mailbox, knock: Knock, now: int) -> None:
    """By the auth key for the claim, by the claim key for the rest."""
    if abs(now - knock.time) > CLOCK_SKEW_S:
        raise Refusal(Code.EXPIRED, sentence=WRONG_CLOCK)
    key: bytes | None = mailbox.auth_key
    if knock.step == CLAIM:
        if knock.claim_key is None:
            raise Refusal(Code.MALFORMED)
    elif knock.step in (LOOK, REVEAL):
        key = mailbox.claim_key
    else:
        raise Refusal(Code.NOT_ALLOWED)
    if key is None:
        raise Refusal(Code.OUT_OF_STATE)
    content = mail_content(knock.mailbox, knock.step, Time(knock.time), knock.claim_key, knock.sealed)
    try:
        verify(key, "mail", content, knock.signature)
    except RemoteProtocolError as error:
        raise Refusal(error.code) from None


def _verify_open(mailbox: Mailbox, now: int) -> None:
    if mailbox.closed_time is not None:
        raise Refusal(Code.MAILBOX_CLOSED)
    if mailbox.expires <= now:
        raise Refusal(Code.EXPIRED)


def _letter(mailbox: MailboxId, letters: Sequence[Letter], step: int, sealed: bytes) -> Letter:
    if len(letters) >= MAX_MAIL_STEPS:
        raise Refusal(Code.TOO_MANY)
    return Letter(mailbox, len(letters) + 1, step, sealed)
