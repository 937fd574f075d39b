"""The bodies of governance events, by type (PROTOCOL.md, section 9)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import (
    MAX_PARTIES,
    MAX_RULES,
    Act,
    Bytes,
    History,
    Id,
    Key,
    Keys,
    Line,
    Name,
    Natural,
    Party,
    PartyId,
    Retention,
    Role,
    Scope,
    Signature,
    Text,
    Words,
)


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of all bodies: a field that is not known is not understood."""


class Genesis(Body, frozen=True):
    """The room's first event. `name` and `keys` are the creator's."""

    suite: Natural
    title: Name
    welcome: Text
    record_key: Key
    rules: Annotated[tuple[Line, ...], Meta(max_length=MAX_RULES)]
    parties: Annotated[tuple[Party, ...], Meta(max_length=MAX_PARTIES)]
    retention: Retention
    history: History
    name: Name
    party: PartyId | None
    keys: Keys


class Accept(Body, frozen=True):
    """The sender accepts the rules of a version."""

    version: Natural


class SetRules(Body, frozen=True):
    """New rules, to be accepted by everybody."""

    lines: Annotated[tuple[Line, ...], Meta(max_length=MAX_RULES)]


class SetTitle(Body, frozen=True):
    """A new title."""

    title: Name


class SetWelcome(Body, frozen=True):
    """A new welcome text."""

    welcome: Text


class SetRetention(Body, frozen=True):
    """When chat is purged."""

    retention: Retention


class SetHistory(Body, frozen=True):
    """What joiners see."""

    history: History


class Invite(Body, frozen=True):
    """A mailbox was opened for somebody."""

    mailbox: Id
    role: Role
    party: PartyId | None
    scope: Scope | None
    expires: Natural


class Revoke(Body, frozen=True):
    """A mailbox was closed."""

    mailbox: Id


class Knock(Body, frozen=True):
    """Who knocks, for the other facilitators. The act's expiry and rule version are 0."""

    act: Act
    words: Words


class Approve(Body, frozen=True):
    """The sender approves an act; the signature is its governance key's (section 11)."""

    act: Act
    signature: Signature


class Unapprove(Body, frozen=True):
    """The sender takes an approval back."""

    approval: Id


class SetRole(Body, frozen=True):
    """A change of role that was approved."""

    seat: Id
    role: Role
    party: PartyId | None


class SetAdmission(Body, frozen=True):
    """A change of the admission rule; loosening it must have been approved."""

    rule: Literal["any", "party"]


class Confirm(Body, frozen=True):
    """Nothing: its envelope carries the sender's view."""


class Leave(Body, frozen=True):
    """The sender leaves."""


class SetInbox(Body, frozen=True):
    """A new inbox key of the sender's, signed with its governance key."""

    inbox: Bytes
    signature: Signature


class Close(Body, frozen=True):
    """The end of the room."""


class Disclose(Body, frozen=True):
    """The sender's private leaf key: from now on what it signed in the room can be forged."""

    leaf: Key


Governance = (
    Genesis
    | Accept
    | SetRules
    | SetTitle
    | SetWelcome
    | SetRetention
    | SetHistory
    | Invite
    | Revoke
    | Knock
    | Approve
    | Unapprove
    | SetRole
    | SetAdmission
    | Confirm
    | Leave
    | SetInbox
    | Close
    | Disclose
)

BODIES: dict[str, type[Governance]] = {
    "genesis": Genesis,
    "accept": Accept,
    "rules": SetRules,
    "title": SetTitle,
    "welcome": SetWelcome,
    "retention": SetRetention,
    "history": SetHistory,
    "invite": Invite,
    "revoke": Revoke,
    "knock": Knock,
    "approve": Approve,
    "unapprove": Unapprove,
    "role": SetRole,
    "admission": SetAdmission,
    "confirm": Confirm,
    "leave": Leave,
    "inbox": SetInbox,
    "close": Close,
    "disclose": Disclose,
}
"""The type of an envelope, and what its body must be."""


def parse_governance(type_: str, body: JsonObject) -> Governance:
    """Raises FoldRefusal (`type-unknown`, `body-malformed`)."""
    wanted = BODIES.get(type_)
    if wanted is None:
        raise FoldRefusal(FoldCode.TYPE_UNKNOWN)
    try:
        return msgspec.convert(body, wanted)
    except msgspec.ValidationError:
        raise FoldRefusal(FoldCode.BODY_MALFORMED) from None
