"""What invitee and facilitator write to each other before admission (PROTOCOL.md, section 10).

A letter's content is JCS, sealed with the invitation's key by `Invitation.seal`. The reveal holds
one KeyPackage for each suite that a room may have, since a link does not say which one it has.
"""

from __future__ import annotations

import os
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from backchannel.room.view import RoomView
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from backchannel_protocol.canonical import JsonObject, jcs, parse_jcs
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.frames import Mail
from backchannel_protocol.ids import b64u
from backchannel_protocol.invitation import Invitation
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.state import Name, json_of

CLAIM: Final = 1
CHALLENGE: Final = 2
REVEAL: Final = 3
ANSWER: Final = 4
SUITES: Final = (XWING_AES256GCM_SHA512_ED25519, X25519_AES128GCM_SHA256_ED25519)
"""The suites that a room may have; the first is the default."""

_NONCE_SIZE = 12
Text = Annotated[str, Meta(max_length=700_000)]


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Step 1. `commitment` is `knock_commitment` of the reveal's bytes."""

    claim_key: str
    commitment: str


class Challenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Step 2: 32 random bytes, and the governance key whose fingerprint the link carries."""

    challenge: str
    governance: str


class Reveal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Step 3. `packages` are MLSMessages."""

    name: Name
    packages: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=4)]
    random: str


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Step 4. `missing`: ids and names of parties whose facilitator has still to approve.

    Of an admission: the state right after the commit at `seq`, the chain there, the record's
    frontier (size, hashes), the id of the commit and whose it is, Welcome and tree.
    """

    answer: Literal["waiting", "declined", "admitted"]
    missing: tuple[tuple[str, str], ...] = ()
    seq: int = 0
    time: int = 0
    chain: str = ""
    commit: str = ""
    by: str = ""
    record: tuple[int, str] = (0, "")
    state: dict[str, object] = {}
    welcome: Text = ""
    tree: Text = ""


Letter = Claim | Challenge | Reveal | Answer
_STEPS: dict[int, type[Letter]] = {CLAIM: Claim, CHALLENGE: Challenge, REVEAL: Reveal, ANSWER: Answer}


def encode_letter(letter: Letter) -> bytes:
    """The content: JCS."""
    return jcs(json_of(letter))


def seal_letter(invitation: Invitation, step: int, content: bytes) -> Mail:
    """A piece of mail, as it travels."""
    sealed = invitation.seal(step, content, os.urandom(_NONCE_SIZE))
    return Mail(invitation.mailbox, step, sealed)


def parse_letter(step: int, content: bytes) -> Letter:
    """Raises `malformed`."""
    try:
        return msgspec.convert(parse_jcs(content), _STEPS[step])
    except (msgspec.ValidationError, KeyError):
        raise RemoteProtocolError(Code.MALFORMED, "A letter of an invitation cannot be read.") from None


def admission(view: RoomView, welcome: bytes, tree: bytes) -> Answer:
    """The answer that lets somebody in, from the view right after the commit that added the seat."""
    state: JsonObject = {} if view.state is None else view.state.to_json()
    return Answer(
        answer="admitted",
        seq=view.seq,
        time=view.time,
        chain=b64u(view.chain),
        commit=b64u(view.opening),
        by=view.own,
        record=(view.record.size, b64u(view.record.encode())),
        state=dict(state),
        welcome=b64u(welcome),
        tree=b64u(tree),
    )
