"""What every implementation of MLS must offer to take part in a mixed group: bytes in, bytes out.

The wire forms, the same for every implementation:

* a KeyPackage, a Welcome, a commit, a proposal and an application message are each a whole `MLSMessage`
  (RFC 9420 section 6: version, wire format, body); a commit or a proposal is a PublicMessage or a
  PrivateMessage;
* a ratchet tree is the contents of a `ratchet_tree` extension (section 12.4.3.3): `optional<Node>
  ratchet_tree<V>` with its length in front;
* identities are the contents of basic credentials (section 5.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

ProposalKind = Literal["add", "remove", "update"]


class Refused(Exception):
    """A member would not do or accept what it was given; its state is as before."""


class Outgoing(NamedTuple):
    """What a committer sends out; `welcome` is there where someone was added.

    `ratchet_tree` is None where the Welcome carries the tree or nobody was added; a joiner may always be
    given whatever is here.
    """

    commit: bytes
    welcome: bytes | None
    ratchet_tree: bytes | None


class RosterEntry(NamedTuple):
    """One occupied leaf."""

    leaf: int
    identity: bytes


@dataclass(frozen=True)
class Abilities:
    """What an implementation's interface lets it do beyond what all of them can."""

    proposes: frozenset[ProposalKind]
    adds_and_removes_at_once: bool
    """One commit may carry Adds and Removes by value."""
    path_on_demand: bool
    """`commit(add=…, path=True)` carries an UpdatePath although none is required (RFC 9420 section 12.4)."""
    reads_the_departed: bool = True
    """It reads a late message although its sender has been removed in the meantime."""
    reads_while_committing: bool = True
    """Between `commit` and `merge` it can read, and `merge` does not forget that it has."""


class Member(Protocol):
    """One client: a basic credential, its keys, and at most one group. Every method may raise `Refused`."""

    @property
    def kind(self) -> str:
        """The implementation, for reports."""

    @property
    def identity(self) -> bytes:
        """The contents of its basic credential."""

    @property
    def abilities(self) -> Abilities:
        """What it can do beyond the common ground."""

    def key_package(self) -> bytes:
        """A fresh KeyPackage, as an MLSMessage; the member can join by any that it has made."""

    def create(self, group_id: bytes) -> None:
        """Begins a group of one."""

    def join(self, welcome: bytes, ratchet_tree: bytes | None) -> None:
        """Joins by one of its KeyPackages."""

    def commit(self, add: Sequence[bytes] = (), remove: Sequence[int] = (), path: bool = False) -> Outgoing:
        """A commit of every proposal of this epoch so far, then these; with nothing at all, a new leaf key.

        It counts once `merge` is called. `path` asks for an UpdatePath where none is required and `abilities`
        allow it.
        """

    def merge(self) -> None:
        """The delivery service took this member's commit: moves on to its epoch."""

    def discard(self) -> None:
        """Another's commit came first: forgets this member's."""

    def propose_add(self, key_package: bytes) -> bytes:
        """An Add proposal, to be sent to everybody and to be committed by anybody."""

    def propose_remove(self, leaf: int) -> bytes:
        """A Remove proposal; its own leaf asks to leave."""

    def propose_update(self) -> bytes:
        """An Update proposal with a new leaf key of its own, to be committed by somebody else."""

    def process(self, message: bytes) -> None:
        """Takes in another member's proposal, or another member's commit at once."""

    def encrypt(self, data: bytes) -> bytes:
        """An application message."""

    def decrypt(self, message: bytes) -> bytes:
        """The plaintext of another member's application message, of this epoch or a recent one; once only."""

    def reload(self) -> None:
        """Stores the state and goes on from what was stored, as after a restart."""

    def epoch(self) -> int:
        """The current epoch."""

    def authenticator(self) -> bytes:
        """The epoch authenticator (RFC 9420 section 8.7)."""

    def exported(self, label: str, context: bytes, length: int) -> bytes:
        """MLS-Exporter (RFC 9420 section 8.5)."""

    def members(self) -> tuple[RosterEntry, ...]:
        """The occupied leaves, from left to right."""

    def forget(self) -> None:
        """Frees what the member holds; it is not used any more."""


@dataclass(frozen=True)
class Implementation:
    """A source of members of one implementation, with one cipher suite and one set of options."""

    kind: str
    new: Callable[[bytes], Member]
    """Makes a member, given its identity."""


def leaf_of(members: Sequence[RosterEntry], identity: bytes) -> int:
    """The leaf of the one member of that identity."""
    [leaf] = [entry.leaf for entry in members if entry.identity == identity]
    return leaf
