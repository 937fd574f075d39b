"""The facilitator's side of a knock (PROTOCOL.md, section 10): answered by itself, judged by a person."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from typing import Final

import msgspec

from backchannel.inbox import INVITE, LETTER, Pending
from backchannel.ledger import Change, Ledger
from backchannel.letters import (
    ANSWER,
    CHALLENGE,
    CLAIM,
    REVEAL,
    Answer,
    Challenge,
    Claim,
    Reveal,
    encode_letter,
    parse_letter,
    seal_letter,
)
from backchannel.outbox import Plan
from backchannel.room.keys import keys_of
from backchannel.room.membership import POLICY, credential_of, package_reference
from backchannel_mls import KeyPackage, MlsError, parse_message, verify_key_package
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.frames import Mail
from backchannel_protocol.ids import b64u, parse_b64u
from backchannel_protocol.invitation import Invitation, knock_commitment, word_numbers
from backchannel_protocol.keys import public_key
from backchannel_protocol.room.admission import awaited
from backchannel_protocol.room.names import is_name
from backchannel_protocol.room.state import Act, Knocking, RoomState, json_of

KNOCK: Final = "knock/"
"""Notes: a knock, by mailbox."""

APPROVAL_S: Final = 13 * 24 * 3600
"""How long an approval holds."""


class Knock(msgspec.Struct, array_like=True, frozen=True):
    """How far the conversation is. `act` (JSON) and `package` are there after the reveal.

    numbers    of the three words
    published  whether the other facilitators were told
    told       the parties of which the invitee knows that it waits for them
    """

    commitment: str
    challenge: bytes
    sealed_challenge: bytes
    act: bytes = b""
    package: bytes = b""
    numbers: tuple[int, int, int] = (0, 0, 0)
    declined: bool = False
    published: bool = False
    told: tuple[str, ...] | None = None

    def wanted(self) -> Act | None:
        """What an approval approves; its expiry and rule version are set when it is given."""
        return msgspec.json.decode(self.act, type=Act) if self.act else None


def knocks_of(notes: Mapping[str, bytes]) -> dict[str, Knock]:
    """All knocks, by mailbox (b64u)."""
    return {
        name.removeprefix(KNOCK): msgspec.msgpack.decode(value, type=Knock)
        for name, value in notes.items()
        if name.startswith(KNOCK)
    }


def packages_of(notes: Mapping[str, bytes]) -> dict[str, Plan]:
    """The admissions that this client could commit, by seat: it alone has the KeyPackages."""
    plans = {}
    for mailbox, knock in knocks_of(notes).items():
        act = knock.wanted()
        if act is not None and act.seat is not None and not knock.declined:
            plans[act.seat] = Plan(act.seat, knock.package, parse_b64u(mailbox))
    return plans


def waiting_at_doors(state: RoomState, notes: Mapping[str, bytes]) -> dict[str, Knocking]:
    """Who knocks at open invitations, by mailbox: what this client was told, and what all were."""
    own = knocks_of(notes)
    here = {
        mailbox: Knocking(act, knock.numbers, state.invitations[mailbox].by)
        for mailbox, knock in own.items()
        if mailbox in state.invitations and (act := knock.wanted()) is not None
    }
    declined = {mailbox for mailbox, knock in own.items() if knock.declined}
    return {mailbox: one for mailbox, one in {**here, **state.knocks}.items() if mailbox not in declined}


async def take_mail(ledger: Ledger, mail: Mail, now_s: int) -> Mail | None:
    """A letter of an invitee: what is to be answered at once. Letters that are not one's own pass."""
    async with ledger.lock:
        fragment = ledger.notes.get(INVITE + b64u(mail.mailbox))
        if fragment is None:
            return None
        invitation = Invitation.parse_fragment(fragment.decode())
        known = knocks_of(ledger.notes).get(b64u(mail.mailbox))
        if mail.step == ANSWER and known is not None and known.declined:
            await _forget_declined(ledger, mail, known)
        if mail.step not in (CLAIM, REVEAL):
            return None
        try:
            letter = parse_letter(mail.step, invitation.open(mail.step, mail.sealed))
            if isinstance(letter, Claim):
                return await _challenge(ledger, invitation, known, letter)
            if isinstance(letter, Reveal) and known is not None:
                content = invitation.open(mail.step, mail.sealed)
                return await _reveal(ledger, invitation, known, letter, content, now_s)
        except (RemoteProtocolError, MlsError):
            return None  # what does not fit the link's secret or the commitment is nobody's knock
        return None


async def _challenge(ledger: Ledger, invitation: Invitation, known: Knock | None, claim: Claim) -> Mail:
    """Step 2; the same bytes again where it was answered before."""
    if known is None:
        challenge = os.urandom(32)
        governance = b64u(public_key(ledger.keys.governance_key))
        content = encode_letter(Challenge(b64u(challenge), governance))
        sealed = seal_letter(invitation, CHALLENGE, content).sealed
        known = Knock(claim.commitment, challenge, sealed)
        await ledger.store(_put(invitation, known))
    return Mail(invitation.mailbox, CHALLENGE, known.sealed_challenge)


async def _forget_declined(ledger: Ledger, mail: Mail, knock: Knock) -> None:
    """The server has the letter that declines: nothing of who knocked stays here."""
    act, mailbox = knock.wanted(), b64u(mail.mailbox)
    letter = "" if act is None else f"{LETTER}{act.seat}"
    note = ledger.notes.get(letter)
    if note is not None and mail.sealed in msgspec.msgpack.decode(note, type=Pending).sealed:
        await ledger.store(Change(drop_notes={KNOCK + mailbox, INVITE + mailbox, letter}, erase=True))


async def _reveal(
    ledger: Ledger, invitation: Invitation, known: Knock, reveal: Reveal, content: bytes, now_s: int
) -> Mail | None:
    """After step 3 a person decides; the invitee is told for whom it waits."""
    state = ledger.view.state
    committed = parse_b64u(known.commitment, 32)
    if known.act or state is None or not hmac.compare_digest(committed, knock_commitment(content)):
        return None
    invited = state.invitations.get(b64u(invitation.mailbox))
    package = _package_of_suite(reveal, state.suite)
    if invited is None or package is None or not is_name(reveal.name):
        return None
    encoded, parsed = package
    verify_key_package(parsed, state.suite, now_s=now_s, policy=POLICY)
    credential = credential_of(parsed.leaf_node)
    act = Act(
        "add",
        0,
        0,
        seat=b64u(credential.seat),
        name=reveal.name,
        role=invited.role,
        party=invited.party,
        scope=invited.scope,
        keys=keys_of(credential, parsed.leaf_node.signature_key),
        package=package_reference(state.suite, parsed),
        mailbox=b64u(invitation.mailbox),
    )
    missing = waiting_for(state, act, ledger.view.time)
    knock = msgspec.structs.replace(
        known,
        act=msgspec.json.encode(act),
        package=encoded,
        numbers=word_numbers(content, known.challenge, invitation),
        told=tuple(party for party, _ in missing),
    )
    await ledger.store(_put(invitation, knock))
    return seal_letter(invitation, ANSWER, encode_letter(Answer("waiting", missing=missing)))


def waiting_for(state: RoomState, act: Act, time: int) -> tuple[tuple[str, str], ...]:
    """The parties (id, name) that somebody has still to approve for."""
    names = {party.id: party.name for party in state.parties}
    return tuple((party, names[party]) for party in awaited(state, act, time).all_parties(state))


def approval_of(state: RoomState, act: Act, time: int) -> Act:
    """An act as it is approved now."""
    return msgspec.structs.replace(act, rule_version=state.admission.version, expires=time + APPROVAL_S)


def letter_due(ledger: Ledger) -> tuple[Change, Mail] | None:
    """Where approvals came since: whom the invitee still waits for."""
    state = ledger.view.state
    if state is None:
        return None
    for mailbox, knock in knocks_of(ledger.notes).items():
        act = knock.wanted()
        fragment = ledger.notes.get(INVITE + mailbox)
        if act is None or fragment is None or knock.declined or act.seat in state.seats:
            continue
        act = msgspec.structs.replace(act, rule_version=state.admission.version)
        missing = waiting_for(state, act, ledger.view.time)
        told = tuple(party for party, _ in missing)
        if missing and told != knock.told:
            invitation = Invitation.parse_fragment(fragment.decode())
            content = encode_letter(Answer("waiting", missing=missing))
            change = _put(invitation, msgspec.structs.replace(knock, told=told))
            return change, seal_letter(invitation, ANSWER, content)
    return None


async def publish(ledger: Ledger) -> None:
    """Who knocks is told to the other facilitators (section 9). The caller holds the ledger's lock."""
    state = ledger.view.state
    if state is None or state.closed is not None or not ledger.view.facilitates:
        return
    if state.seats[ledger.view.own].accepted < state.rules.version:
        return
    for mailbox, knock in knocks_of(ledger.notes).items():
        act = knock.wanted()
        if act is not None and not knock.published and mailbox in state.invitations:
            body: JsonObject = {"act": json_of(act), "words": list(knock.numbers)}
            told = msgspec.msgpack.encode(msgspec.structs.replace(knock, published=True))
            change = Change(notes={KNOCK + mailbox: told})
            await ledger.enqueue("governance", "knock", body, change=change)


async def decline_revoked(ledger: Ledger) -> None:
    """Whose invitation is over without an admission is told that it was declined.

    The caller holds the ledger's lock. Any facilitator may revoke; this client alone can write to who
    knocks.
    """
    state = ledger.view.state
    if state is None:
        return
    were_here = {*state.seats, *(one.seat for one in state.past)}
    for mailbox, knock in knocks_of(ledger.notes).items():
        act, fragment = knock.wanted(), ledger.notes.get(INVITE + mailbox)
        if act is None or knock.declined or mailbox in state.invitations or act.seat in were_here:
            continue
        if fragment is not None:
            invitation = Invitation.parse_fragment(fragment.decode())
            sealed = seal_letter(invitation, ANSWER, encode_letter(Answer("declined"))).sealed
            change = _put(invitation, msgspec.structs.replace(knock, declined=True))
            change.notes[f"{LETTER}{act.seat}"] = Pending(invitation.mailbox, ANSWER, [sealed]).encode()
            await ledger.store(change)


def _package_of_suite(reveal: Reveal, suite: int) -> tuple[bytes, KeyPackage] | None:
    for encoded in reveal.packages:
        message = parse_b64u(encoded)
        parsed = parse_message(message)
        if isinstance(parsed, KeyPackage) and parsed.cipher_suite == suite:
            return message, parsed
    return None


def _put(invitation: Invitation, knock: Knock) -> Change:
    name = KNOCK + b64u(invitation.mailbox)
    return Change(notes={name: msgspec.msgpack.encode(knock)})
