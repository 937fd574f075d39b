"""Random groups, with crashes: members agree, every message is read once, and no key is used twice.

The server's part is one log of handshake messages, which each member follows at its own pace, and
a heap of application messages, which arrive in any order. A member may lose what it received and
did not store; what it sends, it stores before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from backchannel_mls import (
    Add,
    BasicCredential,
    GroupContextExtensions,
    GroupStatus,
    Identity,
    KeyPackageBundle,
    LeafIndex,
    LeafNode,
    LocalError,
    PendingCommit,
    PreSharedKey,
    ProposalReceived,
    PublicMessage,
    RemoteError,
    Remove,
    Rule,
    SentProposal,
    Settings,
    create_commit,
    create_group,
    create_group_info,
    decode_transition,
    encode_transition,
    encrypt,
    join_by_external_commit,
    join_group,
    merge_commit,
    parse_message,
    propose,
    propose_update,
    receive,
    records,
)
from backchannel_mls.wire.psk import ExternalPskId
from property.members import NOW_S, PSK_ID, KeyUse, Member, key_use, new_bundle, new_identity, psks

MAX_MEMBERS = 6
SETTINGS = Settings(past_epochs=2)
chosen = st.integers(0, 999)
flags = st.booleans()
paddings = st.sampled_from((0, 1, 64))
kinds = st.sampled_from(("add", "remove", "update", "psk", "extensions"))


def name_of(leaf: LeafNode) -> str:
    """A member's name, from its credential."""
    assert isinstance(leaf.credential, BasicCredential)
    return leaf.credential.identity.decode()


@dataclass(frozen=True)
class Sent:
    """An application message on its way: who can read it are those who were members then."""

    number: int
    message: bytes
    data: bytes
    epoch: int
    leaf: int
    readers: frozenset[str]


class GroupMachine(RuleBasedStateMachine):
    """See the module."""

    suite_id: ClassVar[int] = 1

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.random = Random(seed)
        self.names = 0
        self.log: list[tuple[str, bytes]] = []
        self.sent: list[Sent] = []
        self.used: set[KeyUse] = set()
        self.packages: dict[bytes, KeyPackageBundle] = {}
        identity = self.client()
        founder = create_group(
            identity,
            group_id=b"group",
            now_s=NOW_S,
            settings=SETTINGS,
            random=self.random.randbytes,
        )
        self.members = [Member("client-1", founder)]
        self.members[0].store()

    # ---- helpers
    def client(self) -> Identity:
        self.names += 1
        return new_identity(self.suite_id, f"client-{self.names}")

    def new_package(self) -> KeyPackageBundle:
        bundle = new_bundle(self.client(), self.random)
        self.packages[bundle.identity.signature_key] = bundle
        return bundle

    def member(self, number: int) -> Member:
        return self.members[number % len(self.members)]

    def current(self, number: int) -> Member:
        """A member that has followed the log to its end, whatever it had to receive for that."""
        member = self.member(number)
        while member.position < len(self.log) and member in self.members:
            self.follow(member)
        return member if member in self.members else self.current(number + 1)

    def follow(self, member: Member) -> None:
        """Receives the next handshake message of the log, unless it is the member's own."""
        sender, data = self.log[member.position]
        assert sender != member.name, "a member's own messages are in its stored state"
        before = member.state.epoch
        member.receive(data)
        member.position += 1
        if member.state.status is GroupStatus.REMOVED:
            self.ends(member)
        else:
            self.replay(member, data, before)

    def replay(self, member: Member, data: bytes, before: int) -> None:
        """A handshake message that was taken is refused, or changes nothing."""
        public = isinstance(parse_message(data), PublicMessage)
        if public and member.state.epoch == before:
            # a public proposal spends no key; it is kept once, however often it comes
            again = receive(member.state, data, psks=psks, now_s=NOW_S)
            assert isinstance(again, ProposalReceived)
            assert records(again.state) == records(member.state)
            return
        with pytest.raises(RemoteError) as replayed:
            receive(member.state, data, psks=psks, now_s=NOW_S)
        assert replayed.value.rule in {Rule.GENERATION_SPENT, Rule.EPOCH_WRONG}

    def ends(self, member: Member) -> None:
        """A member that was removed can do nothing more."""
        with pytest.raises(LocalError) as refused:
            encrypt(member.state, b"after the end")
        assert refused.value.code == "removed"
        member.store()
        self.members.remove(member)

    def leaves(self, member: Member, message: bytes) -> None:
        """A message leaves: the state was stored, and its key encrypts nothing else."""
        assert member.stored_state is not None
        used = key_use(member.stored_state, message)
        if used is not None:
            assert used not in self.used, "one key and nonce for two messages"
            self.used.add(used)

    def commits(self, member: Member, pending: PendingCommit) -> None:
        """A commit is sent and accepted: its sender merges it, and those it adds join.

        Until it is accepted the commit lies in the store, messages are read, and crashes happen.
        """
        member.state = pending.sender_state
        member.store()
        self.leaves(member, pending.message)
        self.log.append((member.name, pending.message))
        kept = encode_transition(pending.staged)
        late = [one for one in self.sent if self.expected_refusal(member, one) is None][:2]
        for one in late:
            self.read_one(member, one, store=bool(self.random.getrandbits(1)))
        if self.random.getrandbits(1):
            member.crash()
        transition = decode_transition(kept) if self.random.getrandbits(1) else pending.staged
        member.state, member.position = merge_commit(transition, member.state), len(self.log)
        member.store()
        with pytest.raises(LocalError) as merged:
            merge_commit(transition, member.state)
        assert merged.value.code == "commit-stale"
        for one in late:
            self.read_one(member, one, store=True)
        self.welcome(pending)

    def welcome(self, pending: PendingCommit) -> None:
        for added in pending.staged.effect.added:
            bundle = self.packages[added.leaf.signature_key]
            assert pending.welcome is not None
            state = join_group(
                KeyPackageBundle.decode(bundle.encode()),
                pending.welcome,
                psks=psks,
                settings=SETTINGS,
                ratchet_tree=pending.ratchet_tree,
            )
            assert state.own_leaf == added.index
            self.joins(Member(name_of(added.leaf), state))

    def joins(self, member: Member) -> None:
        member.position = len(self.log)
        member.store()
        self.members.append(member)

    # ---- what members do
    @rule(who=chosen, force_path=flags, private=flags, tree_inside=flags)
    def commit_pending(self, who: int, force_path: bool, private: bool, tree_inside: bool) -> None:
        member = self.current(who)
        self.commits(
            member,
            create_commit(
                member.state,
                force_path=force_path,
                private=private,
                tree_in_welcome=tree_inside,
                psks=psks,
                now_s=NOW_S,
                random=self.random.randbytes,
            ),
        )

    @precondition(lambda self: len(self.members) < MAX_MEMBERS)
    @rule(who=chosen, count=st.integers(1, 2), force_path=flags)
    def add(self, who: int, count: int, force_path: bool) -> None:
        member = self.current(who)
        packages = [self.new_package().message for _ in range(count)]
        pending = create_commit(
            member.state,
            add=packages,
            force_path=force_path,
            psks=psks,
            now_s=NOW_S,
            random=self.random.randbytes,
        )
        self.commits(member, pending)

    @precondition(lambda self: len(self.members) > 1)
    @rule(who=chosen, whom=chosen, replace=flags)
    def remove(self, who: int, whom: int, replace: bool) -> None:
        member = self.current(who)
        others = [one.index for one in member.state.members() if one.index != member.state.own_leaf]
        if not others:
            return
        pending = create_commit(
            member.state,
            remove=[others[whom % len(others)]],
            add=[self.new_package().key_package] if replace else [],
            psks=psks,
            now_s=NOW_S,
            random=self.random.randbytes,
        )
        self.commits(member, pending)

    @rule(who=chosen, private=flags)
    def commit_that_is_never_accepted(self, who: int, private: bool) -> None:
        member = self.current(who)
        pending = create_commit(
            member.state,
            force_path=True,
            private=private,
            psks=psks,
            now_s=NOW_S,
            random=self.random.randbytes,
        )
        member.state = pending.sender_state
        member.store()
        self.leaves(member, pending.message)

    @precondition(lambda self: len(self.members) < MAX_MEMBERS)
    @rule(who=chosen, again=flags)
    def join_from_outside(self, who: int, again: bool) -> None:
        helper = self.current(who)
        info = create_group_info(helper.state, external_pub=True)
        identity = self.client()
        pending = join_by_external_commit(
            identity,
            info,
            pre_shared_keys=[ExternalPskId(PSK_ID, self.random.randbytes(helper.state.suite.hash_size))]
            if again
            else [],
            psks=psks,
            settings=SETTINGS,
            random=self.random.randbytes,
        )
        joined = Member(f"client-{self.names}", pending.state)
        self.log.append((joined.name, pending.message))
        self.joins(joined)

    @rule(who=chosen, whom=chosen, kind=kinds, private=flags)
    def propose(self, who: int, whom: int, kind: str, private: bool) -> None:
        member = self.current(who)
        make = self.proposal(member, kind, whom)
        if make is None:
            return
        sent = make(private)
        member.state, member.position = sent.state, member.position + 1
        member.store()
        self.leaves(member, sent.message)
        self.log.append((member.name, sent.message))

    def proposal(self, member: Member, kind: str, whom: int) -> Callable[[bool], SentProposal] | None:
        state, randbytes = member.state, self.random.randbytes
        if kind == "update":
            return lambda private: propose_update(state, private=private, random=randbytes)
        if kind == "add":
            one: Add | Remove | PreSharedKey | GroupContextExtensions = Add(self.new_package().key_package)
        elif kind == "remove":
            others = [other.index for other in state.members() if other.index != state.own_leaf]
            if not others:
                return None
            one = Remove(LeafIndex(others[whom % len(others)]))
        elif kind == "psk":
            one = PreSharedKey(ExternalPskId(PSK_ID, randbytes(state.suite.hash_size)))
        else:
            one = GroupContextExtensions(())
        return lambda private: propose(state, one, private=private, now_s=NOW_S, random=randbytes)

    @rule(who=chosen, sizes=st.lists(st.integers(0, 300), min_size=1, max_size=5), padding=paddings)
    def send(self, who: int, sizes: list[int], padding: int) -> None:
        member = self.member(who)
        if member.state.proposals:
            with pytest.raises(LocalError) as refused:
                encrypt(member.state, b"")
            assert refused.value.code == "commit-first"
            self.commit_pending(who, force_path=False, private=True, tree_inside=True)
            member = self.current(who)
        for size in sizes:
            self.send_one(member, self.random.randbytes(size), padding)

    def send_one(self, member: Member, data: bytes, padding: int) -> None:
        sent = encrypt(member.state, data, padding=padding, random=self.random.randbytes)
        member.state = sent.state
        member.store()
        self.leaves(member, sent.message)
        own_leaf, epoch = member.state.own_leaf, member.state.epoch
        readers = frozenset(name_of(one.leaf) for one in member.state.members() if one.index != own_leaf)
        self.sent.append(Sent(len(self.sent), sent.message, data, epoch, own_leaf, readers))

    @rule(who=chosen, size=st.integers(0, 100))
    def encrypt_and_crash_before_anything_leaves(self, who: int, size: int) -> None:
        member = self.member(who)
        if not member.state.proposals:
            encrypt(member.state, bytes(size), random=self.random.randbytes)
        member.crash()

    # ---- what reaches them
    @rule(who=chosen, store=flags)
    def follow_the_log(self, who: int, store: bool) -> None:
        member = self.member(who)
        if member.position < len(self.log):
            self.follow(member)
            if store:
                member.store()

    @precondition(lambda self: self.sent)
    @rule(who=chosen, which=st.lists(chosen, min_size=1, max_size=6), store=flags)
    def read(self, who: int, which: list[int], store: bool) -> None:
        """In any order: what can be read is read once, the rest is refused with its reason."""
        member = self.member(who)
        for number in which:
            readable = [one for one in self.sent if self.expected_refusal(member, one) is None]
            heap = readable if readable and number % 4 else self.sent
            self.read_one(member, heap[number % len(heap)], store)

    def read_one(self, member: Member, sent: Sent, store: bool) -> None:
        refusal = self.expected_refusal(member, sent)
        if refusal is None:
            received = member.read_message(sent.number, sent.message)
            assert (received.data, received.epoch, received.sender) == (sent.data, sent.epoch, sent.leaf)
            refusal = {Rule.GENERATION_SPENT}
            if store:
                member.store()
        with pytest.raises(RemoteError) as refused:
            receive(member.state, sent.message)
        assert refused.value.rule in refusal

    def expected_refusal(self, member: Member, sent: Sent) -> set[Rule] | None:
        """Why a member cannot read a message, or None where it must be able to."""
        if sent.number in member.read | member.read_unstored:
            return {Rule.GENERATION_SPENT, Rule.EPOCH_GONE}
        if not 0 <= member.state.epoch - sent.epoch <= SETTINGS.past_epochs:
            return {Rule.EPOCH_GONE}
        if member.name not in sent.readers:
            return {Rule.EPOCH_GONE, Rule.OWN_MESSAGE}
        return None

    @rule(who=chosen)
    def crash(self, who: int) -> None:
        self.member(who).crash()

    @rule(who=chosen)
    def store(self, who: int) -> None:
        self.member(who).store()

    # ---- what always holds
    @invariant()
    def members_of_one_epoch_agree(self) -> None:
        views: dict[int, set[tuple[bytes, ...]]] = {}
        for member in getattr(self, "members", []):
            state = member.state
            exported = state.export_secret(b"label", b"context", 32)
            view = (state.epoch_authenticator, exported, state.tree.tree_hash(), state.context.encode())
            views.setdefault(state.epoch, set()).add(view)
        assert all(len(seen) == 1 for seen in views.values())


class XWingMachine(GroupMachine):
    """The same with X-Wing."""

    suite_id = 83


@pytest.mark.parametrize(("machine", "examples"), [(GroupMachine, 60), (XWingMachine, 15)])
def test_random_group_with_crashes(machine: type[GroupMachine], examples: int, long_form: bool) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=50 * examples if long_form else examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
