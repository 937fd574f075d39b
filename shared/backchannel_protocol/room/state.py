"""The state of a room: all that a joiner needs and everybody must agree on (PROTOCOL.md, section 9).

Immutable structs whose JSON form is the state's canonical form. Identifiers and keys are b64u. A
field that is not known is not understood, in a state, an act and everything else.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal, cast

import msgspec
from msgspec import Meta

from backchannel_protocol.canonical import JsonObject, digest, jcs, label
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal

# Canonical base64url of 16, 32 and 64 bytes: the last character has no bits to spare. \Z, because
# $ also matches before a last newline, and another language's $ does not.
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]\Z")]
Key = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")]
Reference = Annotated[str, Meta(pattern=r"^([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]|[A-Za-z0-9_-]{85}[AQgw])\Z")]
"""A KeyPackageRef: a hash of the room's suite, 32 or 64 bytes."""
Signature = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{85}[AQgw]\Z")]
Bytes = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]*\Z", max_length=4096)]
PartyId = Annotated[str, Meta(min_length=1, max_length=8)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
"""What else a name must be, `names.is_name` says."""
Line = Annotated[str, Meta(min_length=1, max_length=300)]
Text = Annotated[str, Meta(max_length=2000)]
Natural = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]

Word = Annotated[int, Meta(ge=0, le=2047)]
Words = tuple[Word, Word, Word]
"""What both sides of a knock read aloud: numbers of words in the reader's list."""

MAX_PARTIES = 12
MAX_RULES = 12
MAX_APPROVALS = 200
"""The most approvals of one seat that wait: nobody can use up what others need."""


def json_of(value: msgspec.Struct) -> JsonObject:
    """A struct as plain JSON values: lists for tuples."""
    return cast("JsonObject", msgspec.json.decode(msgspec.json.encode(value)))


class Role(Enum):
    """What a seat is for."""

    FACILITATOR = "facilitator"
    PARTICIPANT = "participant"
    INTERPRETER = "interpreter"
    OBSERVER = "observer"
    BOT = "bot"


class History(Enum):
    """What a joiner sees of what was said before."""

    NONE = "none"
    BRIEFING = "briefing"


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A side of the conflict."""

    id: PartyId
    name: Name


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ground rules, accepted by version."""

    version: Natural
    lines: Annotated[tuple[Line, ...], Meta(max_length=MAX_RULES)]


class Admission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose approvals an admission needs: one facilitator's, or one of each party."""

    rule: Literal["any", "party"]
    version: Natural


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When chat is purged: `seconds` after it was written (0: never), or once all have read it."""

    seconds: Natural
    after_reading: bool


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seat's public keys. `leaf` is the MLS signature key."""

    seat: Key
    leaf: Key
    governance: Key
    inbox: Bytes


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bot is for, what its library hands its program, and whether it writes."""

    purpose: Line
    reads: Literal["all", "addressed", "none"]
    writes: bool


class Seat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in the room.

    accepted  the version of the rules that it accepted last, 0 for none
    by        who approved it
    operates  whether the server was told that it may facilitate
    """

    leaf: Natural
    role: Role
    party: PartyId | None
    name: Name
    keys: Keys
    scope: Scope | None
    accepted: Natural
    since: Natural
    by: tuple[Id, ...]
    operates: bool


class Invited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An open invitation."""

    role: Role
    party: PartyId | None
    scope: Scope | None
    expires: Natural
    by: Id


class Act(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an approval approves, and nothing else. Fields that an act has no use for are left out.

    add: seat, name, role, party, scope, keys, package, mailbox · remove: seat · role: seat, role, party ·
    rule: admission
    """

    act: Literal["add", "remove", "role", "rule"]
    rule_version: Natural
    expires: Natural
    seat: Id | None = None
    name: Name | None = None
    role: Role | None = None
    party: PartyId | None = None
    scope: Scope | None = None
    keys: Keys | None = None
    package: Reference | None = None
    mailbox: Id | None = None
    admission: Literal["any", "party"] | None = None


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An approval that was not used yet: a facilitator's, or for a party at stake a member's.

    since  when it was given, or when the seat that it removes governed last
    """

    act: Act
    by: Id
    since: Natural


class Knocking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who knocks at an open invitation: the act that would let it in, and the three words' numbers."""

    act: Act
    words: Words
    by: Id


class Past(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seat that is no longer in the room."""

    seat: Id
    name: Name
    how: Literal["left", "removed"]
    seq: Natural


class RoomState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The room. `disclosed` are the seats whose private leaf key is known to all, after closing."""

    room: Id
    suite: Natural
    title: Name
    welcome: Text
    record_key: Key
    rules: Rules
    parties: Annotated[tuple[Party, ...], Meta(max_length=MAX_PARTIES)]
    admission: Admission
    retention: Retention
    history: History
    seats: dict[Id, Seat]
    past: tuple[Past, ...] = ()
    leaving: tuple[Id, ...] = ()
    invitations: dict[Id, Invited] = {}
    knocks: dict[Id, Knocking] = {}
    approvals: dict[Id, Approval] = {}
    intents: dict[Id, Natural] = {}
    closed: Natural | None = None
    disclosed: tuple[Id, ...] = ()

    def to_json(self) -> JsonObject:
        """The state as it is hashed, and as a joiner gets it."""
        return json_of(self)

    @classmethod
    def of_json(cls, value: JsonObject) -> RoomState:
        """Raises FoldRefusal (`body-malformed`)."""
        try:
            return msgspec.convert(value, cls)
        except msgspec.ValidationError:
            raise FoldRefusal(FoldCode.BODY_MALFORMED) from None

    def hash(self) -> bytes:
        """state_hash, 32 bytes."""
        return digest(label("state") + jcs(self.to_json()))

    def facilitators(self) -> dict[str, Seat]:
        """The seats that facilitate."""
        return {id_: seat for id_, seat in self.seats.items() if seat.role is Role.FACILITATOR}

    def require_party(self, party: str | None) -> None:
        """Raises `party-unknown`."""
        if party is not None and all(one.id != party for one in self.parties):
            raise FoldRefusal(FoldCode.PARTY_UNKNOWN)
