"""The invitee's side: knocking, and coming in (PROTOCOL.md, sections 10 and 11)."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field
from typing import cast

import msgspec

from backchannel.errors import BackchannelError, Stopped
from backchannel.letters import (
    CLAIM,
    REVEAL,
    SUITES,
    Answer,
    Challenge,
    Claim,
    Reveal,
    encode_letter,
    seal_letter,
)
from backchannel.room.facts import RoomEntered
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import POLICY, SETTINGS, tree_matches, with_keys
from backchannel.room.view import RoomView, history_sentence
from backchannel.words import spoken
from backchannel_mls import KeyPackageBundle, MlsError, join_group
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.errors import ProtocolError
from backchannel_protocol.http_bodies import Knock
from backchannel_protocol.ids import EventId, RoomId, Time, b64u, parse_b64u
from backchannel_protocol.invitation import Invitation, knock_commitment, mail_content, word_numbers
from backchannel_protocol.keys import fingerprint, generate_key, public_key, sign
from backchannel_protocol.record.merkle import Frontier
from backchannel_protocol.room.clear import Clear
from backchannel_protocol.room.names import is_name
from backchannel_protocol.room.refusals import FoldRefusal
from backchannel_protocol.room.state import RoomState
from backchannel_protocol.room.void import Opening


class _Wire(msgspec.Struct, array_like=True, frozen=True):
    server_url: str
    fragment: str
    name: str
    claim_key: bytes
    reveal: bytes
    keys: list[bytes]
    bundles: list[bytes]
    letters: tuple[bytes, bytes]
    challenge: bytes


KNOCK = b"knock "
"""How what is kept of a knock begins, in the profile's table of rooms."""


@dataclass(frozen=True, slots=True)
class Knocker:
    """All that an invitee must keep until it is admitted.

    `reveal` is the content of step 3; `letters` are steps 1 and 3 as they are sent, and sent again.
    """

    server_url: str
    invitation: Invitation
    name: str
    claim_key: bytes = field(repr=False)
    reveal: bytes = field(repr=False)
    keys: tuple[SeatKeys, ...] = field(repr=False)
    bundles: tuple[KeyPackageBundle, ...] = field(repr=False)
    letters: tuple[bytes, bytes] = field(repr=False)
    challenge: bytes = b""

    @classmethod
    def generate(cls, link: str, name: str, now_s: int) -> Knocker:
        """New keys for one knock. Raises BackchannelError for a link that is not whole."""
        try:
            server_url, invitation = Invitation.parse_link(link)
        except ProtocolError as error:
            raise BackchannelError(error.code.value, error.sentence) from None
        if not is_name(name):
            sentence = "A name has 1 to 80 characters, none of them invisible, and no two spaces in a row."
            raise BackchannelError("name-unfit", sentence)
        keys = tuple(SeatKeys.generate(suite) for suite in SUITES)
        bundles = tuple(one.key_package(now_s) for one in keys)
        packages = tuple(b64u(bundle.message) for bundle in bundles)
        reveal = encode_letter(Reveal(name, packages, b64u(os.urandom(32))))
        claim_key = generate_key()
        claim = encode_letter(Claim(b64u(public_key(claim_key)), b64u(knock_commitment(reveal))))
        letters = (
            seal_letter(invitation, CLAIM, claim).sealed,
            seal_letter(invitation, REVEAL, reveal).sealed,
        )
        return cls(server_url, invitation, name, claim_key, reveal, keys, bundles, letters)

    def request(self, step: int, now_s: int) -> Knock:
        """A letter to the mailbox, or with step 0 a look into it, signed (section 12)."""
        sealed = {CLAIM: self.letters[0], REVEAL: self.letters[1]}.get(step)
        key = self.invitation.auth_private if step == CLAIM else self.claim_key
        mailbox = self.invitation.mailbox
        claim = public_key(self.claim_key) if step == CLAIM else None
        content = mail_content(mailbox, step, Time(now_s), claim, sealed)
        return Knock(mailbox, step, sealed, claim, now_s, sign(key, "mail", content))

    def check_challenge(self, letter: Challenge) -> bytes:
        """The challenge, 32 bytes. Raises Stopped where it is not the inviter's."""
        governance, challenge = parse_b64u(letter.governance, 32), parse_b64u(letter.challenge, 32)
        if not hmac.compare_digest(fingerprint(governance), self.invitation.inviter_fingerprint):
            sentence = "Somebody else than the inviting person answers this invitation. Tell that person."
            raise Stopped("inviter-differs", sentence)
        return challenge

    def words(self) -> tuple[str, str, str] | None:
        """What is read aloud; None before the facilitator's client has answered."""
        if not self.challenge:
            return None
        return spoken(word_numbers(self.reveal, self.challenge, self.invitation))

    def encode(self) -> bytes:
        """For storage: holds private keys in clear."""
        wire = _Wire(
            self.server_url,
            self.invitation.fragment(),
            self.name,
            self.claim_key,
            self.reveal,
            [one.encode() for one in self.keys],
            [bundle.encode() for bundle in self.bundles],
            self.letters,
            self.challenge,
        )
        return KNOCK + msgspec.msgpack.encode(wire)

    @classmethod
    def decode(cls, data: bytes) -> Knocker:
        """What `encode` wrote."""
        wire = msgspec.msgpack.decode(data.removeprefix(KNOCK), type=_Wire)
        return cls(
            wire.server_url,
            Invitation.parse_fragment(wire.fragment),
            wire.name,
            wire.claim_key,
            wire.reveal,
            tuple(SeatKeys.decode(one) for one in wire.keys),
            tuple(KeyPackageBundle.decode(one) for one in wire.bundles),
            wire.letters,
            wire.challenge,
        )


@dataclass(frozen=True, slots=True)
class Admitted:
    """The room as a joiner enters it, everything in it checked."""

    keys: SeatKeys
    view: RoomView
    record_key: bytes


def enter_room(knocker: Knocker, answer: Answer) -> Admitted:
    """The first view of a joiner. Raises Stopped unless everything fits.

    The state is the facilitator's word until members write: what they say of the state (section 7)
    is compared with it, and differs where it was a lie.
    """
    try:
        told = cast("JsonObject", answer.state)
        seats = zip(knocker.keys, knocker.bundles, strict=True)
        keys, bundle = next((one, bundle) for one, bundle in seats if one.suite == told.get("suite"))
        mls = join_group(
            bundle,
            parse_b64u(answer.welcome),
            ratchet_tree=parse_b64u(answer.tree),
            policy=POLICY,
            settings=SETTINGS,
        )
        state = RoomState.of_json(with_keys(told, mls))
        record_key = parse_b64u(state.record_key, 32)
        size, frontier = answer.record
        view = RoomView(
            room=RoomId(parse_b64u(state.room, 16)),
            seat=keys.seat,
            seq=answer.seq,
            time=answer.time,
            chain=parse_b64u(answer.chain, 32),
            opening=EventId(parse_b64u(answer.commit, 16)),
            mls=mls,
            state=state,
            clear=_clear_of(state, answer, int(mls.epoch)),
            begin=answer.seq,
            record=Frontier.decode(size, parse_b64u(frontier)),
        )
    except (MlsError, ProtocolError, FoldRefusal, StopIteration, ValueError):
        raise _unfit() from None
    _check_room(knocker, state, view, keys, record_key)
    return Admitted(keys, view.noted(), record_key)


def _clear_of(state: RoomState, answer: Answer, epoch: int) -> Clear:
    """What a joiner knows of the clear log: the seats, and the commit that added it."""
    seats = {parse_b64u(id_): seat for id_, seat in state.seats.items()}
    past = {parse_b64u(one.seat): one for one in state.past}
    opening = Opening(
        commit=parse_b64u(answer.commit, 16),
        author=parse_b64u(answer.by, 16),
        epoch=epoch - 1,
        before=b"",
        added=frozenset(id_ for id_, seat in seats.items() if seat.since == answer.seq),
        removed=frozenset(id_ for id_, one in past.items() if one.seq == answer.seq),
    )
    bits = {**dict.fromkeys(past, False), **{id_: seat.operates for id_, seat in seats.items()}}
    return Clear(epoch, opening.commit, bits, frozenset(past), (opening,))


def entered(view: RoomView) -> RoomEntered:
    """What a joiner is told first."""
    assert view.state is not None
    rule = view.state.history
    return RoomEntered(
        seq=view.seq, time=view.time, seat=view.own, history=rule.value, sentence=history_sentence(rule)
    )


def _check_room(
    knocker: Knocker, state: RoomState, view: RoomView, keys: SeatKeys, record_key: bytes
) -> None:
    """The group is the room, the seat is the one that knocked, and the inviter facilitates it."""
    invitation, own = knocker.invitation, state.seats.get(b64u(keys.seat))
    inviters = {fingerprint(parse_b64u(seat.keys.governance)) for seat in state.facilitators().values()}
    fits = (
        bytes(view.mls.group_id) == view.room
        and own is not None
        and own.keys == keys.public()
        and own.name == knocker.name
        and own.since == view.seq
        and tree_matches(view.mls, state)
        and invitation.inviter_fingerprint in inviters
        and fingerprint(record_key) == invitation.record_key_fingerprint
    )
    if not fits:
        raise _unfit()


def _unfit() -> Stopped:
    sentence = "What this invitation leads to is not the room of the inviting person. Tell that person."
    return Stopped("admission-unfit", sentence)
