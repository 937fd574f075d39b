"""What invitee and facilitator write to each other before admission (PROTOCOL.md, section 10).

A letter's content is JCS, sealed with the invitation's key by `Invitation.seal`. The reveal holds
one KeyPackage for each suite that a room may have, since a link does not say which one it has.
"""

from __future__ import annotations

import os
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from backchannel.errors import BackchannelError
from backchannel.room.membership import without_keys
from backchannel.room.view import RoomView
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from backchannel_protocol.canonical import JsonObject, jcs, parse_jcs
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.frames import Mail
from backchannel_protocol.ids import b64u
from backchannel_protocol.invitation import Invitation
from backchannel_protocol.limits import MAX_MAIL_BYTES, MAX_MAIL_STEPS
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.state import Name, json_of

CLAIM: Final = 1
CHALLENGE: Final = 2
REVEAL: Final = 3
ANSWER: Final = 4
SUITES: Final = (XWING_AES256GCM_SHA512_ED25519, X25519_AES128GCM_SHA256_ED25519)
"""The suites that a room may have; the first is the default."""

_NONCE_SIZE = 12
_SEAL_SIZE = _NONCE_SIZE + 16
MAX_PARTS: Final = MAX_MAIL_STEPS
Text = Annotated[str, Meta(max_length=700_000)]
Tree = Annotated[str, Meta(max_length=MAX_PARTS * MAX_MAIL_BYTES)]


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
    frontier (size, hashes), the id of the commit and whose it is, Welcome and tree. In the state the
    `keys` of a seat are left out where they are those of its leaf in the tree. What is too large for
    one piece of mail is sent in parts: `text` is one of `of` pieces of an answer's JSON, in order.
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
    tree: Tree = ""
    part: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1
    of: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1
    text: Text = ""


Letter = Claim | Challenge | Reveal | Answer
_STEPS: dict[int, type[Letter]] = {CLAIM: Claim, CHALLENGE: Challenge, REVEAL: Reveal, ANSWER: Answer}


def encode_letter(letter: Letter) -> bytes:
    """The content: JCS."""
    return jcs(json_of(letter))


def seal_letter(invitation: Invitation, step: int, content: bytes) -> Mail:
    """A piece of mail, as it travels."""
    sealed = invitation.seal(step, content, os.urandom(_NONCE_SIZE))
    return Mail(invitation.mailbox, step, sealed)


def seal_answer(invitation: Invitation, answer: Answer) -> list[bytes]:
    """An answer as sealed mail: one piece, or its parts in order. Raises BackchannelError (`too-large`)."""
    content = encode_letter(answer)
    if len(content) + _SEAL_SIZE <= MAX_MAIL_BYTES:
        return [seal_letter(invitation, ANSWER, content).sealed]
    size = MAX_MAIL_BYTES
    while True:
        texts = _cut(content, size)
        if len(texts) > MAX_PARTS:
            raise BackchannelError("too-large", "The room is too large for an invitation's mailbox.")
        parts = [
            encode_letter(Answer(answer.answer, part=at, of=len(texts), text=text))
            for at, text in enumerate(texts, 1)
        ]
        if max(map(len, parts)) + _SEAL_SIZE <= MAX_MAIL_BYTES:
            return [seal_letter(invitation, ANSWER, part).sealed for part in parts]
        size = size * 15 // 16  # what had to be escaped took more room


def _cut(content: bytes, size: int) -> list[str]:
    """JSON in pieces of at most `size` bytes, none of which cuts a character."""
    texts = []
    at = 0
    while at < len(content):
        end = min(at + size, len(content))
        while end < len(content) and content[end] & 0xC0 == 0x80:
            end -= 1
        texts.append(content[at:end].decode())
        at = end
    return texts


class Assembly:
    """Parts of an answer, put together as they come. A part that does not follow ends the answer."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._of = 0

    def add(self, answer: Answer) -> Answer | None:
        """The whole answer, once it is there. Raises `malformed`."""
        if answer.of == 1:
            self._texts = []
            return answer
        if answer.part == 1:
            self._texts, self._of = [], answer.of
        if (answer.part, answer.of) != (len(self._texts) + 1, self._of):
            self._texts = []
            return None
        self._texts.append(answer.text)
        if answer.part < answer.of:
            return None
        whole = parse_letter(ANSWER, "".join(self._texts).encode())
        self._texts = []
        return whole if isinstance(whole, Answer) and whole.of == 1 else None


def parse_letter(step: int, content: bytes) -> Letter:
    """Raises `malformed`."""
    try:
        return msgspec.convert(parse_jcs(content), _STEPS[step])
    except (msgspec.ValidationError, KeyError):
        raise RemoteProtocolError(Code.MALFORMED, "A letter of an invitation cannot be read.") from None


def admission(view: RoomView, welcome: bytes, tree: bytes) -> Answer:
    """The answer that lets somebody in, from the view right after the commit that added the seat."""
    state: JsonObject = {} if view.state is None else without_keys(view.state, view.mls)
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
