"""A group's state as named records, so that storing after a message writes only what changed.

`records(state)` is the whole state; `changes(old, new)` says what to put and delete so that a
store that holds the old state's records holds the new one's. Write both halves in one
transaction, before a message leaves or a received one is acted upon. A message changes one or two
records whatever the size of the group, a commit those of the nodes on its path.

    group                                    suite, settings, identity, context, the epoch's secrets
    node/N  private/N  resumption/E          tree nodes, own private keys, resumption PSKs by epoch
    epoch/E  signers/E                       what opens the messages of epoch E
    secret/E/N  ratchet/E/R  skipped/E/R/G   its secret tree, ratchets, and unspent skipped keys
    proposal/REF  update/HASH                what waits for a commit

Records hold secrets in clear: whoever stores them seals them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from backchannel_mls.codec import Reader, optional, parse_all, u8, u16, u32, u64, vector
from backchannel_mls.crypto.suite import CipherSuite, cipher_suite
from backchannel_mls.errors import LocalError, MlsError
from backchannel_mls.group.identity import Identity
from backchannel_mls.group.state import (
    EpochKeys,
    EpochState,
    GroupState,
    GroupStatus,
    MessageKeys,
    PendingProposal,
    PendingUpdate,
    Settings,
)
from backchannel_mls.group.transition import EpochTransition, StagedCommit
from backchannel_mls.limits import MAX_TREE_LEAVES
from backchannel_mls.schedule.secret_tree import NO_KEYS, KeyAndNonce, Ratchet, SecretTree
from backchannel_mls.schedule.shared_map import SharedMap
from backchannel_mls.tree.ratchet_tree import Node, RatchetTree, encode_node, parse_node
from backchannel_mls.types import EpochNumber, GroupId, LeafIndex, NodeIndex, ProposalRef
from backchannel_mls.wire.framing import Sender
from backchannel_mls.wire.group_context import GroupContext
from backchannel_mls.wire.proposal import ReInit, encode_proposal, parse_proposal

K = TypeVar("K")
V = TypeVar("V")

FORMAT_VERSION = 1
_NO_RATCHETS: SharedMap[Ratchet] = SharedMap({})


@dataclass(frozen=True, slots=True)
class Change:
    """Records to put and names to delete, in one transaction."""

    put: dict[str, bytes] = field(default_factory=dict, repr=False)
    delete: set[str] = field(default_factory=set)

    def compare(
        self,
        old: Mapping[K, V],
        new: Mapping[K, V],
        name: Callable[[K], str],
        encode: Callable[[V], bytes],
    ) -> None:
        """Notes what differs between two mappings; values that are one object are not looked into."""
        if old is new:
            return
        for key, value in new.items():
            before = old.get(key)
            if before is not value and before != value:
                self.put[name(key)] = encode(value)
        for key in old:
            if key not in new:
                self.delete.add(name(key))


def records(state: GroupState) -> dict[str, bytes]:
    """The whole state."""
    return changes(None, state).put


def changes(old: GroupState | None, new: GroupState) -> Change:
    """What leads from the records of `old` to those of `new`; `old` None is an empty store."""
    change = Change()
    if old is None or old.group is not new.group:
        _compare_group(change, old.group if old else None, new.group)
    before = {keys.epoch: keys for keys in (*old.past, old.messages)} if old else {}
    after = {keys.epoch: keys for keys in (*new.past, new.messages)}
    for epoch, keys in after.items():
        if before.get(epoch) is not keys:
            _compare_messages(change, before.get(epoch), keys, epoch)
    for epoch in before.keys() - after.keys():
        _compare_messages(change, before[epoch], None, epoch)
    if old is None or old.proposals is not new.proposals:
        change.compare(
            _numbered(old.proposals) if old else {},
            _numbered(new.proposals),
            lambda reference: f"proposal/{reference.hex()}",
            lambda item: u32(item[0]) + item[1].sender.encode() + encode_proposal(item[1].proposal),
        )
    if old is None or old.updates is not new.updates:
        change.compare(
            _with_keys(old.updates) if old else {},
            _with_keys(new.updates),
            lambda key: f"update/{new.suite.hash(key).hex()}",
            lambda item: vector(item[0]) + vector(item[1].encryption_private) + item[1].identity.encode(),
        )
    return change


def _numbered(
    proposals: Mapping[ProposalRef, PendingProposal],
) -> dict[ProposalRef, tuple[int, PendingProposal]]:
    """Each with its place: the order of pending proposals matters when one is chosen."""
    return {reference: (place, one) for place, (reference, one) in enumerate(proposals.items())}


def _with_keys(updates: Mapping[bytes, PendingUpdate]) -> dict[bytes, tuple[bytes, PendingUpdate]]:
    return {key: (key, update) for key, update in updates.items()}


def _compare_group(change: Change, old: EpochState | None, new: EpochState) -> None:
    change.put["group"] = _encode_group(new)
    old_nodes: list[Node] = old.tree.nodes if old else []
    change.compare(_present(old_nodes), _present(new.tree.nodes), "node/{}".format, encode_node)
    change.compare(old.private_keys if old else {}, new.private_keys, "private/{}".format, bytes)
    change.compare(old.resumption_psks if old else {}, new.resumption_psks, "resumption/{}".format, bytes)


def _present(nodes: list[Node]) -> dict[int, Node]:
    return {index: node for index, node in enumerate(nodes) if node is not None}


def _compare_messages(change: Change, old: MessageKeys | None, new: MessageKeys | None, epoch: int) -> None:
    """`new` None: the epoch's keys are gone."""
    if new is None:
        change.delete.update((f"epoch/{epoch}", f"signers/{epoch}"))
    elif old is None:
        change.put[f"epoch/{epoch}"] = (
            vector(new.context) + vector(new.sender_data_secret) + u32(new.secret_tree.leaf_count)
        )
        signers = (optional(None if key is None else vector(key)) for key in new.signature_keys)
        change.put[f"signers/{epoch}"] = b"".join(signers)
    old_nodes, old_ratchets = (old.secret_tree.nodes, old.secret_tree.ratchets) if old else ({}, _NO_RATCHETS)
    new_nodes, new_ratchets = (new.secret_tree.nodes, new.secret_tree.ratchets) if new else ({}, _NO_RATCHETS)
    change.compare(old_nodes, new_nodes, lambda node: f"secret/{epoch}/{node}", bytes)
    if old_ratchets is new_ratchets:
        return
    for name in new_ratchets.differing(old_ratchets):
        _compare_ratchet(change, old_ratchets.find(name), new_ratchets.find(name), f"{epoch}/{name}")


def _compare_ratchet(change: Change, old: Ratchet | None, new: Ratchet | None, name: str) -> None:
    if new is None:
        change.delete.add(f"ratchet/{name}")
    elif old is None or old[:2] != new[:2]:
        change.put[f"ratchet/{name}"] = u64(new.generation) + new.secret
    change.compare(
        old.skipped if old else NO_KEYS,
        new.skipped if new else NO_KEYS,
        lambda generation: f"skipped/{name}/{generation}",
        lambda found: vector(found[0]) + found[1],
    )


def _encode_group(group: EpochState) -> bytes:
    settings, keys = group.settings, group.keys
    return (
        u16(FORMAT_VERSION)
        + u16(group.suite.id)
        + u32(settings.forward_generations)
        + u32(settings.skipped_keys)
        + u32(settings.past_epochs)
        + u32(settings.resumption_epochs)
        + u8(group.status.value)
        + u32(group.own_leaf)
        + u32(group.tree.leaf_count)
        + group.identity.encode()
        + group.context.encode()
        + vector(keys.init_secret)
        + vector(keys.exporter_secret)
        + vector(keys.external_secret)
        + vector(keys.membership_key)
        + vector(keys.epoch_authenticator)
        + vector(group.interim_transcript_hash)
        + vector(group.confirmation_tag)
        + optional(None if group.reinit is None else encode_proposal(group.reinit))
    )


# ---- loading
@dataclass(frozen=True, slots=True)
class _GroupRecord:
    """The `group` record; the mappings beside it stand in records of their own."""

    suite: CipherSuite
    settings: Settings
    status: GroupStatus
    own_leaf: LeafIndex
    leaf_count: int
    identity: Identity
    context: GroupContext
    keys: EpochKeys
    interim_transcript_hash: bytes
    confirmation_tag: bytes
    reinit: ReInit | None

    @classmethod
    def parse(cls, reader: Reader) -> _GroupRecord:
        version = reader.uint(2)
        if version != FORMAT_VERSION:
            raise LocalError(
                "state-version",
                f"The stored state has format {version}; this program reads {FORMAT_VERSION}.",
            )
        suite = cipher_suite(reader.uint(2))
        settings = Settings(reader.uint(4), reader.uint(4), reader.uint(4), reader.uint(4))
        status = GroupStatus(reader.uint(1))
        own_leaf, leaf_count = LeafIndex(reader.uint(4)), reader.uint(4)
        identity = Identity.parse(reader)
        context = GroupContext.parse(reader)
        keys = EpochKeys(reader.vector(), reader.vector(), reader.vector(), reader.vector(), reader.vector())
        interim, tag = reader.vector(), reader.vector()
        reinit = reader.optional(parse_proposal)
        if reinit is not None and not isinstance(reinit, ReInit):
            raise ValueError("not a ReInit")
        return cls(
            suite, settings, status, own_leaf, leaf_count, identity, context, keys, interim, tag, reinit
        )


def load_state(stored: Mapping[str, bytes]) -> GroupState:
    """The state whose records these are. Raises LocalError where they are not a whole state.

    The store is trusted as far as its seal goes: signatures in it are not verified again.
    """
    try:
        return _load(stored)
    except LocalError:
        raise
    except (MlsError, ValueError, KeyError, IndexError) as error:
        raise LocalError(
            "state-damaged", "The stored state of the group is damaged or not complete."
        ) from error


def _load(stored: Mapping[str, bytes]) -> GroupState:
    by_kind: dict[str, dict[tuple[str, ...], bytes]] = {}
    for name, value in stored.items():
        kind, *rest = name.split("/")
        by_kind.setdefault(kind, {})[tuple(rest)] = value
    record = parse_all(by_kind["group"][()], _GroupRecord.parse)
    suite = record.suite
    if not 1 <= record.leaf_count <= MAX_TREE_LEAVES or record.leaf_count & (record.leaf_count - 1):
        raise ValueError("not a full tree")
    nodes: list[Node] = [None] * (2 * record.leaf_count - 1)
    for (index,), value in by_kind.get("node", {}).items():
        nodes[_number(index)] = parse_all(value, parse_node)
    tree = RatchetTree.of_nodes(suite, nodes)
    if tree.tree_hash() != record.context.tree_hash:
        raise ValueError("the tree is not the epoch's")
    own = tree.leaf(record.own_leaf)
    if own is None or own.signature_key != record.identity.signature_key:
        raise ValueError("the own leaf is not this client's")
    group = EpochState(
        suite=suite,
        settings=record.settings,
        status=record.status,
        identity=record.identity,
        own_leaf=record.own_leaf,
        context=record.context,
        tree=tree,
        private_keys={NodeIndex(_number(node)): key for (node,), key in by_kind.get("private", {}).items()},
        keys=record.keys,
        interim_transcript_hash=record.interim_transcript_hash,
        confirmation_tag=record.confirmation_tag,
        resumption_psks=_by_number(by_kind.get("resumption", {})),
        reinit=record.reinit,
    )
    keys = _load_messages(suite, record.context.group_id, by_kind)
    messages = keys.pop(record.context.epoch)
    members = dict(tree.leaves())
    expected = (members.get(LeafIndex(index)) for index in range(tree.leaf_count))
    if messages.signature_keys != tuple(leaf and leaf.signature_key for leaf in expected):
        raise ValueError("the message keys are not the epoch's")
    _check_secrets(messages, None if record.status is not GroupStatus.REMOVED else record.own_leaf)
    for ended in keys.values():
        _check_secrets(ended, record.own_leaf)
    past = tuple(keys[epoch] for epoch in sorted(keys))
    return GroupState(
        group,
        messages,
        past,
        _load_proposals(by_kind.get("proposal", {})),
        _load_updates(by_kind.get("update", {})),
    )


def _by_number(stored: Mapping[tuple[str, ...], bytes]) -> dict[EpochNumber, bytes]:
    """By epoch, ascending: the oldest is the first to go."""
    return {
        EpochNumber(epoch): stored[(str(epoch),)] for epoch in sorted(_number(name) for (name,) in stored)
    }


def _check_secrets(keys: MessageKeys, without: LeafIndex | None) -> None:
    """Every member can be read; `without` is the own leaf where its keys are gone by design."""
    tree = keys.secret_tree
    if len(keys.signature_keys) != tree.leaf_count:
        raise ValueError("the message keys are not whole")
    for index, key in enumerate(keys.signature_keys):
        if key is not None and index != without and not tree.holds(LeafIndex(index)):
            raise ValueError("a secret is missing")


def _number(name: str) -> int:
    """A number in a record's name, written as `str` writes it."""
    number = int(name)
    if number < 0 or str(number) != name:
        raise ValueError("not a record's number")
    return number


def _load_messages(
    suite: CipherSuite, group_id: GroupId, by_kind: Mapping[str, Mapping[tuple[str, ...], bytes]]
) -> dict[EpochNumber, MessageKeys]:
    nodes: dict[str, dict[int, bytes]] = {}
    for (epoch, node), secret in by_kind.get("secret", {}).items():
        nodes.setdefault(epoch, {})[_number(node)] = secret
    skipped: dict[tuple[str, str], dict[int, KeyAndNonce]] = {}
    for (epoch, name, generation), value in by_kind.get("skipped", {}).items():
        reader = Reader(value)
        skipped.setdefault((epoch, name), {})[_number(generation)] = (
            reader.vector(),
            reader.take(suite.nonce_size),
        )
    ratchets: dict[str, dict[int, Ratchet]] = {}
    for (epoch, name), value in by_kind.get("ratchet", {}).items():
        keys = dict(sorted(skipped.get((epoch, name), {}).items()))
        ratchet = Ratchet(int.from_bytes(value[:8], "big"), value[8:], keys or NO_KEYS)
        ratchets.setdefault(epoch, {})[_number(name)] = ratchet
    loaded: dict[EpochNumber, MessageKeys] = {}
    for (epoch,), value in by_kind.get("epoch", {}).items():
        reader = Reader(value)
        context, sender_data_secret, leaf_count = reader.vector(), reader.vector(), reader.uint(4)
        tree = SecretTree(suite, leaf_count, nodes.get(epoch, {}), SharedMap.of(ratchets.get(epoch, {})))
        signers = _parse_signers(by_kind["signers"][(epoch,)])
        number = EpochNumber(_number(epoch))
        loaded[number] = MessageKeys(group_id, number, context, sender_data_secret, tree, signers)
    return loaded


def _parse_signers(data: bytes) -> tuple[bytes | None, ...]:
    reader = Reader(data)
    signers: list[bytes | None] = []
    while reader.position < reader.end:
        signers.append(reader.optional(Reader.vector))
    return tuple(signers)


def _load_proposals(stored: Mapping[tuple[str, ...], bytes]) -> dict[ProposalRef, PendingProposal]:
    ordered: list[tuple[int, ProposalRef, PendingProposal]] = []
    for (reference,), value in stored.items():
        reader = Reader(value)
        place, sender, proposal = reader.uint(4), Sender.parse(reader), parse_proposal(reader)
        ordered.append((place, ProposalRef(bytes.fromhex(reference)), PendingProposal(proposal, sender)))
    ordered.sort(key=lambda item: item[0])
    return {reference: pending for _, reference, pending in ordered}


def _load_updates(stored: Mapping[tuple[str, ...], bytes]) -> dict[bytes, PendingUpdate]:
    updates: dict[bytes, PendingUpdate] = {}
    for value in stored.values():
        reader = Reader(value)
        key, private = reader.vector(), reader.vector()
        updates[key] = PendingUpdate(private, Identity.parse(reader))
    return updates


# ---- one blob
def encode_state(state: GroupState) -> bytes:
    """The whole state in one piece, for small programs; larger ones store `changes`."""
    return b"".join(vector(name.encode()) + vector(value) for name, value in records(state).items())


def decode_state(data: bytes) -> GroupState:
    """What `encode_state` wrote. Raises LocalError where it is damaged."""
    reader = Reader(data)
    stored: dict[str, bytes] = {}
    try:
        while reader.position < reader.end:
            name = reader.vector().decode()
            stored[name] = reader.vector()
    except (MlsError, UnicodeDecodeError) as error:
        raise LocalError(
            "state-damaged", "The stored state of the group is damaged or not complete."
        ) from error
    return load_state(stored)


def encode_transition(staged: StagedCommit | EpochTransition) -> bytes:
    """An own commit whose fate is not known yet, for storage: holds the new epoch's secrets in clear."""
    transition = staged.transition if isinstance(staged, StagedCommit) else staged
    if transition.messages is None:
        raise LocalError("not-pending", "Only a commit that this client stays in can be kept.")
    committer = optional(None if transition.committer is None else u32(transition.committer))
    new = GroupState(transition.group, transition.messages)
    return u16(FORMAT_VERSION) + vector(transition.base) + committer + encode_state(new)


def decode_transition(data: bytes) -> EpochTransition:
    """What `encode_transition` wrote, for `merge_commit`. Raises LocalError where it is damaged."""
    reader = Reader(data)
    try:
        version, base = reader.uint(2), reader.vector()
        committer = reader.optional(lambda inner: LeafIndex(inner.uint(4)))
    except MlsError as error:
        raise LocalError("state-damaged", "The stored commit is damaged or not complete.") from error
    if version != FORMAT_VERSION:
        raise LocalError("state-version", f"The stored commit has format {version}, not {FORMAT_VERSION}.")
    new = decode_state(data[reader.position :])
    return EpochTransition(base, new.group, new.messages, committer)
