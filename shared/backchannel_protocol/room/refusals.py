"""Why the fold refuses an event: a code for machines, a sentence for the members."""

from __future__ import annotations

from enum import Enum


class FoldCode(Enum):
    """Value: (code, sentence)."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> FoldCode:
        member = object.__new__(cls)
        member._value_ = code
        member.sentence = sentence
        return member

    BODY_MALFORMED = ("body-malformed", "An event could not be read and was ignored.")
    TYPE_UNKNOWN = ("type-unknown", "An event of a kind that this program does not know was ignored.")
    SENDER_UNKNOWN = ("sender-unknown", "An event came from a seat that is not in the room.")
    INTENT_DOUBLED = ("intent-doubled", "The server delivered one event twice; it counted once.")
    NOT_FIRST = ("not-first", "A room is created once, with its first event.")
    NO_GENESIS = ("no-genesis", "The room's first event is missing.")
    CLOSED = ("closed", "The room is closed.")
    RULES_NOT_ACCEPTED = ("rules-not-accepted", "The room's rules must be accepted first.")
    ROLE_FORBIDS = ("role-forbids", "This seat's role does not allow that.")
    VERSION_STALE = ("version-stale", "This was decided about an older version.")
    SEAT_UNKNOWN = ("seat-unknown", "There is no such seat in the room.")
    PARTY_UNKNOWN = ("party-unknown", "There is no such party in the room.")
    INVITATION_UNKNOWN = ("invitation-unknown", "There is no such open invitation.")
    INVITATION_EXISTS = ("invitation-exists", "There is an invitation of this mailbox already.")
    EXPIRED = ("expired", "This had expired.")
    APPROVAL_SIGNATURE = ("approval-signature", "An approval is not signed by the seat that sent it.")
    APPROVAL_UNKNOWN = ("approval-unknown", "There is no such approval.")
    APPROVAL_UNFIT = ("approval-unfit", "An approval does not fit the room as it is.")
    APPROVALS_MISSING = (
        "approvals-missing",
        "The approvals that the room's rule asks for are not all there.",
    )
    PARTY_WITHOUT_FACILITATOR = ("party-without-facilitator", "Each party needs a facilitator for this rule.")
    COMMIT_NOT_ALLOWED = (
        "commit-not-allowed",
        "A change of the room was made by a seat that may not make it.",
    )
    COMMIT_UNEXPECTED = ("commit-unexpected", "A change of the room holds something that it may not.")
    CREDENTIAL_CHANGED = (
        "credential-changed",
        "A seat tried to change its keys without being admitted anew.",
    )
    OPERATIONS_UNFIT = ("operations-unfit", "The server was told something else than the members.")
    RECORD_UNFIT = ("record-unfit", "An event and its entry in the room's record do not fit each other.")
    NAME_UNFIT = (
        "name-unfit",
        "A name is empty, cannot be seen, or is another member's. Choose another one.",
    )
    SCOPE_UNFIT = ("scope-unfit", "A bot needs a declared scope, and nobody else has one.")
    NOT_CLOSED = ("not-closed", "A seat's key is disclosed after the room was closed, not before.")
    KEY_UNFIT = ("key-unfit", "A disclosed key is not the one that the seat used.")
    LAST_FACILITATOR = ("last-facilitator", "The room would be left without a facilitator.")
    TOO_MANY = ("too-many", "There are as many of these as a room may have.")


class FoldRefusal(Exception):
    """An event that changes nothing."""

    def __init__(self, code: FoldCode) -> None:
        super().__init__(f"{code.value}: {code.sentence}")
        self.code = code
