"""backchannel_mls as a `Member`, through its public interface only.

Each keeps a small database of its own: after every transition what changed is written there, as a client
does before its bytes leave. `reload`, and now and then a commit, throw the state away and go on from there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from random import Random
from typing import Final

import backchannel_mls as mls
from interop.member import Abilities, Outgoing, Refused, RosterEntry

RELOADS_AFTER_COMMIT: Final = 0.3
PADDINGS: Final = (0, 1, 32, 256)


class OwnMember:
    """A member held by backchannel_mls; its options are drawn from a seed, so that groups mix them."""

    kind = "backchannel_mls"
    abilities = Abilities(
        proposes=frozenset(("add", "remove", "update")), adds_and_removes_at_once=True, path_on_demand=True
    )

    def __init__(self, suite: int, identity: bytes) -> None:
        self.identity = identity
        self._random = Random(identity)
        self._keys = mls.Identity.generate(suite, mls.BasicCredential(identity))
        self._bundles: list[bytes] = []
        self._records: dict[str, bytes] = {}
        self._current: mls.GroupState | None = None
        self._pending: mls.PendingCommit | None = None
        self._private = self._random.random() < 0.7
        self._tree_in_welcome = self._random.random() < 0.5
        self._padding = self._random.choice(PADDINGS)

    def key_package(self) -> bytes:
        bundle = mls.create_key_package(self._keys, now_s=_now_s())
        self._bundles.append(bundle.encode())
        return bundle.message

    def create(self, group_id: bytes) -> None:
        self._move_to(mls.create_group(self._keys, group_id=mls.GroupId(group_id), now_s=_now_s()))

    def join(self, welcome: bytes, ratchet_tree: bytes | None) -> None:
        refusal: mls.MlsError | None = None
        for stored in self._bundles:
            bundle = mls.KeyPackageBundle.decode(stored)
            try:
                self._move_to(mls.join_group(bundle, welcome, ratchet_tree=ratchet_tree))
            except mls.MlsError as error:
                refusal = error
            else:
                self._bundles.clear()
                return
        raise Refused(f"backchannel_mls join: {refusal}") from refusal

    def commit(self, add: Sequence[bytes] = (), remove: Sequence[int] = (), path: bool = False) -> Outgoing:
        assert self._pending is None, "merge or discard first"
        try:
            pending = mls.create_commit(
                self._state,
                add=list(add),
                remove=[mls.LeafIndex(leaf) for leaf in remove],
                force_path=path,
                private=self._private,
                tree_in_welcome=self._tree_in_welcome,
                padding=self._padding,
                now_s=_now_s(),
            )
        except mls.MlsError as error:
            raise Refused(f"backchannel_mls commit: {error}") from error
        self._move_to(pending.sender_state)
        self._pending = pending
        without_tree = pending.welcome is None or self._tree_in_welcome
        return Outgoing(pending.message, pending.welcome, None if without_tree else pending.ratchet_tree)

    def merge(self) -> None:
        assert self._pending is not None, "nothing to merge"
        self._move_to(mls.merge_commit(self._waiting(), self._state))
        self._pending = None
        if self._random.random() < RELOADS_AFTER_COMMIT:
            self.reload()

    def _waiting(self) -> mls.StagedCommit | mls.EpochTransition:
        """The pending commit, at random as it comes back from storage."""
        assert self._pending is not None
        staged = self._pending.staged
        stored = self._random.random() < RELOADS_AFTER_COMMIT
        return mls.decode_transition(mls.encode_transition(staged)) if stored else staged

    def discard(self) -> None:
        assert self._pending is not None, "nothing to discard"
        self._pending = None

    def propose_add(self, key_package: bytes) -> bytes:
        verified = mls.verify_key_package(key_package, self._keys.suite.id, now_s=_now_s())
        return self._propose(mls.Add(verified.key_package))

    def propose_remove(self, leaf: int) -> bytes:
        return self._propose(mls.Remove(mls.LeafIndex(leaf)))

    def propose_update(self) -> bytes:
        sent = mls.propose_update(self._state, private=self._private)
        self._move_to(sent.state)
        return sent.message

    def process(self, message: bytes) -> None:
        match self._received(message):
            case mls.ProposalReceived(state=state):
                self._move_to(state)
            case mls.StagedCommit() as staged:
                self._move_to(mls.merge_commit(staged, self._state))
            case mls.ApplicationReceived():
                raise Refused("backchannel_mls: not a handshake")

    def encrypt(self, data: bytes) -> bytes:
        try:
            sent = mls.encrypt(self._state, data, padding=self._padding)
        except mls.MlsError as error:
            raise Refused(f"backchannel_mls encrypt: {error}") from error
        self._move_to(sent.state)
        return sent.message

    def decrypt(self, message: bytes) -> bytes:
        match self._received(message):
            case mls.ApplicationReceived(state=state, data=data):
                self._move_to(state)
                return data
            case _:
                raise Refused("backchannel_mls: not an application message")

    def reload(self) -> None:
        assert mls.records(self._state) == self._records, "what was stored piece by piece is not the state"
        if self._random.random() < 0.5:
            self._current = mls.load_state(dict(self._records))
        else:
            self._current = mls.decode_state(mls.encode_state(self._state))
        assert mls.records(self._current) == self._records, "what was loaded is not what was stored"

    def epoch(self) -> int:
        return self._state.epoch

    def authenticator(self) -> bytes:
        return self._state.epoch_authenticator

    def exported(self, label: str, context: bytes, length: int) -> bytes:
        return self._state.export_secret(label.encode(), context, length)

    def members(self) -> tuple[RosterEntry, ...]:
        return tuple(
            RosterEntry(member.index, _identity(member.leaf.credential)) for member in self._state.members()
        )

    def forget(self) -> None:
        self._current = None
        self._records.clear()

    @property
    def _state(self) -> mls.GroupState:
        if self._current is None:
            raise Refused("backchannel_mls: in no group")
        return self._current

    def _received(self, message: bytes) -> mls.ApplicationReceived | mls.ProposalReceived | mls.StagedCommit:
        try:
            return mls.receive(self._state, message, now_s=_now_s())
        except mls.MlsError as error:
            raise Refused(f"backchannel_mls receive: {error}") from error

    def _propose(self, proposal: mls.Proposal) -> bytes:
        sent = mls.propose(self._state, proposal, private=self._private, now_s=_now_s())
        self._move_to(sent.state)
        return sent.message

    def _move_to(self, state: mls.GroupState) -> None:
        change = mls.changes(self._current, state)
        for key in change.delete:
            self._records.pop(key, None)
        self._records |= change.put
        self._current = state


def _identity(credential: mls.Credential) -> bytes:
    assert isinstance(credential, mls.BasicCredential)
    return credential.identity


def _now_s() -> int:
    return int(time.time())
