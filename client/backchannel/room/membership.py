"""What MLS may change in a room, and what a commit changes in the fold's words (PROTOCOL.md, section 11)."""

from __future__ import annotations

from typing import Final, cast

from backchannel.room.keys import keys_of
from backchannel_mls import (
    BasicCredential,
    CommitEffect,
    GroupState,
    KeyPackage,
    LeafNode,
    Policy,
    PolicyError,
    PresentedCredential,
    Proposal,
    ProposalType,
    Sender,
    Settings,
    cipher_suite,
)
from backchannel_protocol.canonical import JsonObject, JsonValue
from backchannel_protocol.credential import SeatCredential
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import b64u
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.commit import CommitChange, Joining
from backchannel_protocol.room.state import Keys, RoomState, json_of

SETTINGS: Final = Settings(past_epochs=0, resumption_epochs=1)
"""No keys of past epochs: the server takes events of the current one alone (section 5)."""


def judge_credential(presented: PresentedCredential) -> None:
    """Only seats come into a room. Raises PolicyError."""
    if not isinstance(presented.credential, BasicCredential):
        raise PolicyError("credential-unfit", "A credential is not a seat's.")
    try:
        SeatCredential.parse(presented.credential.identity)
    except RemoteProtocolError:
        raise PolicyError("credential-unfit", "A credential is not a seat's.") from None
    if len(presented.signature_key) != 32:
        raise PolicyError("leaf-key-unfit", "A leaf's key is not an Ed25519 key.")


def refuse_proposal(_: GroupState, __: Proposal, ___: Sender) -> None:
    """Proposals come by value, in commits. Raises PolicyError."""
    raise PolicyError("proposal-alone", "Proposals that stand alone are not allowed.")


def judge_join(state: GroupState) -> None:
    """Rooms have no extensions, which would ask of members what no client knows. Raises PolicyError."""
    if state.context.extensions:
        raise PolicyError("extensions-unfit", "The group has extensions, which rooms do not have.")


POLICY: Final = Policy(
    forbidden_proposals=frozenset(ProposalType) - {ProposalType.ADD, ProposalType.REMOVE},
    allow_external_commits=False,
    allow_external_proposals=False,
    require_private=True,
    judge_credential=judge_credential,
    judge_proposal=refuse_proposal,
    judge_join=judge_join,
)
"""Nothing but Add, Remove and the committer's own path."""


def credential_of(leaf: LeafNode) -> SeatCredential:
    """A leaf's credential, which `POLICY` has judged. Raises RemoteProtocolError."""
    if not isinstance(leaf.credential, BasicCredential):
        raise RemoteProtocolError(Code.MALFORMED)
    return SeatCredential.parse(leaf.credential.identity)


def package_reference(suite: int, package: KeyPackage) -> str:
    """The KeyPackageRef (RFC 9420, section 5.2) that an approval names, b64u."""
    return b64u(package.reference(cipher_suite(suite)))


def change_of(suite: int, effect: CommitEffect) -> CommitChange:
    """What a verified commit changes."""
    joining = []
    for member in effect.added:
        credential = credential_of(member.leaf)
        package = "" if member.key_package is None else package_reference(suite, member.key_package)
        keys = keys_of(credential, member.leaf.signature_key)
        joining.append(Joining(b64u(credential.seat), member.index, keys, package))
    leaving = tuple(b64u(credential_of(member.leaf).seat) for member in effect.removed)
    renewed = tuple(
        (
            b64u(credential_of(member.old).seat),
            member.old.credential == member.new.credential
            and member.old.signature_key == member.new.signature_key,
        )
        for member in effect.updated
    )
    allowed = (ProposalType.ADD, ProposalType.REMOVE)
    other = any(proposal.type not in allowed for proposal, _ in effect.proposals)
    return CommitChange(tuple(joining), leaving, renewed, other)


def without_keys(state: RoomState, mls: GroupState) -> JsonObject:
    """A state for a joiner: the keys of a seat are left out where its leaf has them (section 10)."""
    value = state.to_json()
    seats = value["seats"]
    assert isinstance(seats, dict)
    for id_, seat in state.seats.items():
        told = seats[id_]
        if seat.keys == _keys_at(mls, seat.leaf) and isinstance(told, dict):
            del told["keys"]
    return value


def with_keys(value: JsonObject, mls: GroupState) -> JsonObject:
    """The state again, of one that a joiner was given. What is not there is not made up."""
    seats = value.get("seats")
    if not isinstance(seats, dict):
        return value
    return {**value, "seats": {id_: _with_keys(seat, mls) for id_, seat in seats.items()}}


def _with_keys(seat: JsonValue, mls: GroupState) -> JsonValue:
    if not isinstance(seat, dict) or "keys" in seat or not isinstance(seat.get("leaf"), int):
        return seat
    keys = _keys_at(mls, cast("int", seat["leaf"]))
    return seat if keys is None else {**seat, "keys": json_of(keys)}


def _keys_at(mls: GroupState, leaf: int) -> Keys | None:
    """The keys that stand in a leaf; None where there is none."""
    node = mls.tree.leaf(leaf)
    return None if node is None else keys_of(credential_of(node), node.signature_key)


def tree_matches(mls: GroupState, state: RoomState) -> bool:
    """Whether the members of the group are exactly the seats of the room, each with its keys."""
    roster = {seat.leaf: (id_, seat.keys) for id_, seat in state.seats.items()}
    members = {
        int(member.index): (b64u(credential.seat), keys_of(credential, member.leaf.signature_key))
        for member in mls.members()
        for credential in [credential_of(member.leaf)]
    }
    # the inbox key alone may have been rotated by an event since (PROTOCOL.md, section 2)
    return {leaf: (id_, keys.seat, keys.leaf, keys.governance) for leaf, (id_, keys) in roster.items()} == {
        leaf: (id_, keys.seat, keys.leaf, keys.governance) for leaf, (id_, keys) in members.items()
    }
