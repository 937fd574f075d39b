"""The facilitator's side of a knock (PROTOCOL.md, section 10): answered by itself, judged by a person."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from typing import Final

import msgspec

from backchannel.errors import NotAllowed
from backchannel.inbox import INVITE, Pending
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
from backchannel.room.facts import KnockArrived
from backchannel.room.keys import keys_of
from backchannel.room.membership import POLICY, credential_of, package_reference
from backchannel.room.view import RoomView
from backchannel.words import spoken
from backchannel_mls import KeyPackage, MlsError, parse_message, verify_key_package
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.frames import Mail
from backchannel_protocol.ids import b64u, parse_b64u
from backchannel_protocol.invitation import Invitation, knock_commitment, word_numbers
from backchannel_protocol.keys import public_key
from backchannel_protocol.room.admission import awaited
from backchannel_protocol.room.names import is_name
from backchannel_protocol.room.state import Act, RoomState, json_of

KNOCK: Final = "knock/"
"""Notes: a knock, by mailbox."""

APPROVAL_S: Final = 13 * 24 * 3600
"""How long an approval holds."""


class Knock(msgspec.Struct, array_like=True, frozen=True):
    """How far the conversation is. `act` (JSON) and `package` are there after the reveal."""

    commitment: str
    challenge: bytes
    sealed_challenge: bytes
    act: bytes = b""
    package: bytes = b""
    words: tuple[str, str, str] = ("", "", "")
    declined: bool = False
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


async def take_mail(ledger: Ledger, mail: Mail, now_s: int) -> Mail | None:
    """A letter of an invitee: what is to be answered at once. Letters that are not one's own pass."""
    async with ledger.lock:
        fragment = ledger.notes.get(INVITE + b64u(mail.mailbox))
        if fragment is None or mail.step not in (CLAIM, REVEAL):
            return None
        invitation = Invitation.parse_fragment(fragment.decode())
        known = knocks_of(ledger.notes).get(b64u(mail.mailbox))
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
        state.admission.version,
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
    numbers = word_numbers(content, known.challenge, invitation)
    words = spoken(numbers)
    missing = waiting_for(state, act, ledger.view.time)
    knock = msgspec.structs.replace(
        known,
        act=msgspec.json.encode(act),
        package=encoded,
        words=words,
        told=tuple(party for party, _ in missing),
    )
    change = _put(invitation, knock)
    change.notices.append(arrived(ledger.view, b64u(invitation.mailbox), act, words))
    told = msgspec.structs.replace(act, rule_version=0)
    body: JsonObject = {"act": json_of(told), "words": list(numbers)}
    await ledger.enqueue("governance", "knock", body, change=change)
    return seal_letter(invitation, ANSWER, encode_letter(Answer("waiting", missing=missing)))


def waiting_for(state: RoomState, act: Act, time: int) -> tuple[tuple[str, str], ...]:
    """The parties (id, name) that somebody has still to approve for."""
    names = {party.id: party.name for party in state.parties}
    return tuple((party, names[party]) for party in awaited(state, act, time).all_parties(state))


def arrived(view: RoomView, mailbox: str, act: Act, words: tuple[str, str, str]) -> KnockArrived:
    """What the facilitator is shown."""
    return KnockArrived(
        seq=0,
        time=view.time,
        seat=view.own,
        mailbox=mailbox,
        joining=act.seat or "",
        name=act.name or "",
        role="" if act.role is None else act.role.value,
        party=act.party,
        words=words,
    )


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


async def decline(ledger: Ledger, mailbox: str) -> Pending:
    """Notes that a knock is declined; the letter is to be sent. The caller holds the lock."""
    knock = knocks_of(ledger.notes).get(mailbox)
    fragment = ledger.notes.get(INVITE + mailbox)
    if knock is None or fragment is None:
        raise NotAllowed(
            "knock-unknown", "Nobody knocks with this invitation, or another facilitator made it."
        )
    invitation = Invitation.parse_fragment(fragment.decode())
    mail = seal_letter(invitation, ANSWER, encode_letter(Answer("declined")))
    pending = Pending(mail.mailbox, mail.step, [mail.sealed])
    change = _put(invitation, msgspec.structs.replace(knock, declined=True))
    await ledger.store(change)
    return pending


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
