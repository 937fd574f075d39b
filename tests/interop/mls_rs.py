"""AWS mls-rs, through the test-only wheel agentvault-mls-rs-uniffi 0.1.1, as a `Member`.

What there is to know about it, seen in its interface, its bytes and mixed groups:

* Suite 1 only; basic credentials only. KeyPackages live one year *from now*, with no allowance for slow
  clocks. Capabilities: suites 1 to 7, both credential types, no GREASE and no extensions.
* Handshakes go out as PublicMessage; it accepts PrivateMessage too. Application messages are
  PrivateMessage.
* The Welcome carries the ratchet tree or leaves it out, as the client is configured; its commits carry a
  path only where RFC 9420 section 12.4 requires one.
* A commit takes Adds or Removes by value, not both at once, and always every cached proposal. It makes no
  Update, PSK, GroupContextExtensions or ReInit proposal.
* Members are named by SigningIdentity objects, which only a Client hands out: `_signing_identity` asks a
  throw-away one. There is neither a roster nor an epoch nor an authenticator: they are read from the
  exported tree and from the stored snapshot, whose layout is checked before it is believed.
* Its own pending commit is applied by processing it, and cannot be cleared: `discard` goes back to the
  state that was stored before the commit.
* Of a late application message whose sender has left since, the binding names the sender out of the
  *current* tree: it fails ("node index is out of bounds") where that leaf is blank now.
* It refuses to encrypt while proposals are waiting. Past epochs are kept by the storage, here the last few.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Final, NamedTuple

import mls_rs_uniffi as uniffi  # type: ignore[import-untyped]  # the wheel has no py.typed

from interop.member import Abilities, Outgoing, Refused, RosterEntry
from interop.wire import Leaf, Reader, encode_vector, read_leaves

SUITE: Final = 1
HASH_SIZE: Final = 32
SNAPSHOT_VERSION: Final = 1
SECRETS_IN_SNAPSHOT: Final = 5
NEITHER_UPDATE_NOR_COMMIT_PENDING: Final = b"\0\0"
PAST_EPOCHS: Final = 4


class Snapshot(NamedTuple):
    """What is read from the state that mls-rs stores."""

    epoch: int
    exporter_secret: bytes
    authenticator: bytes


class MlsRsMember:
    """A member held by mls-rs."""

    kind = "mls-rs"
    abilities = Abilities(
        proposes=frozenset(("add", "remove")),
        adds_and_removes_at_once=False,
        path_on_demand=False,
        reads_the_departed=False,
    )

    def __init__(self, identity: bytes, *, tree_in_welcome: bool = True) -> None:
        self.identity = identity
        self._keys = uniffi.generate_signature_keypair(uniffi.CipherSuite.CURVE25519_AES128)
        self._storage = _Storage()
        self._client = uniffi.Client(
            identity,
            self._keys,
            uniffi.ClientConfig(
                group_state_storage=self._storage, use_ratchet_tree_extension=tree_in_welcome
            ),
        )
        self._joined: uniffi.Group | None = None
        self._pending: uniffi.Message | None = None

    def key_package(self) -> bytes:
        with _refusing("key_package"):
            return _encoded(self._client.generate_key_package_message())

    def create(self, group_id: bytes) -> None:
        with _refusing("create"):
            self._joined = self._client.create_group(group_id)

    def join(self, welcome: bytes, ratchet_tree: bytes | None) -> None:
        tree = None if ratchet_tree is None else uniffi.RatchetTree(bytes=ratchet_tree)
        with _refusing("join"):
            self._joined = self._client.join_group(tree, uniffi.Message.from_bytes(welcome)).group

    def commit(self, add: Sequence[bytes] = (), remove: Sequence[int] = (), path: bool = False) -> Outgoing:
        assert self._pending is None, "merge or discard first"
        if add and remove:
            raise NotImplementedError("mls-rs-uniffi adds or removes")
        with _refusing("commit"):
            self._group.write_to_storage()  # what `discard` goes back to
            if add:
                made = self._group.add_members([uniffi.Message.from_bytes(each) for each in add])
            elif remove:
                made = self._group.remove_members(self._signing_identities(remove))
            else:
                made = self._group.commit()
        self._pending = made.commit_message
        return Outgoing(
            _encoded(made.commit_message),
            None if made.welcome_message is None else _encoded(made.welcome_message),
            None if made.ratchet_tree is None else bytes(made.ratchet_tree.bytes),
        )

    def merge(self) -> None:
        assert self._pending is not None, "nothing to merge"
        with _refusing("merge"):
            self._group.process_incoming_message(self._pending)
        self._pending = None

    def discard(self) -> None:
        assert self._pending is not None, "nothing to discard"
        self._load()
        self._pending = None

    def propose_add(self, key_package: bytes) -> bytes:
        with _refusing("propose_add"):
            [proposal] = self._group.propose_add_members([uniffi.Message.from_bytes(key_package)])
            return _encoded(proposal)

    def propose_remove(self, leaf: int) -> bytes:
        with _refusing("propose_remove"):
            [proposal] = self._group.propose_remove_members(self._signing_identities([leaf]))
            return _encoded(proposal)

    def propose_update(self) -> bytes:
        raise NotImplementedError("mls-rs-uniffi proposes no Update")

    def process(self, message: bytes) -> None:
        received = self._received(message)
        if not (received.is_commit() or received.is_received_proposal()):
            raise Refused("mls-rs: not a handshake")

    def encrypt(self, data: bytes) -> bytes:
        with _refusing("encrypt"):
            return _encoded(self._group.encrypt_application_message(data))

    def decrypt(self, message: bytes) -> bytes:
        received = self._received(message)
        if not received.is_application_message():
            raise Refused("mls-rs: not an application message")
        return bytes(received.data)

    def reload(self) -> None:
        with _refusing("reload"):
            self._group.write_to_storage()
        self._load()

    def epoch(self) -> int:
        return self._snapshot().epoch

    def authenticator(self) -> bytes:
        snapshot = self._snapshot()
        # that the secret before it is the exporter secret shows that the layout is as supposed
        assert _exporter(snapshot.exporter_secret, "layout", b"", HASH_SIZE) == self.exported(
            "layout", b"", HASH_SIZE
        ), "mls-rs stores its state in another way than supposed"
        return snapshot.authenticator

    def exported(self, label: str, context: bytes, length: int) -> bytes:
        with _refusing("exported"):
            return bytes(self._group.export_secret(label.encode(), context, length))

    def members(self) -> tuple[RosterEntry, ...]:
        return tuple(RosterEntry(leaf.leaf, leaf.identity) for leaf in self._leaves())

    def forget(self) -> None:
        self._joined = None

    @property
    def _group(self) -> uniffi.Group:
        if self._joined is None:
            raise Refused("mls-rs: in no group")
        return self._joined

    def _received(self, message: bytes) -> uniffi.ReceivedMessage:
        with _refusing("process"):
            return self._group.process_incoming_message(uniffi.Message.from_bytes(message))

    def _leaves(self) -> tuple[Leaf, ...]:
        with _refusing("members"):
            return read_leaves(bytes(self._group.export_tree().bytes))

    def _signing_identities(self, leaves: Sequence[int]) -> list[uniffi.SigningIdentity]:
        at = {leaf.leaf: leaf for leaf in self._leaves()}
        if not set(leaves) <= set(at):
            raise Refused(f"mls-rs: no members at all of {leaves}")
        return [_signing_identity(at[leaf], self._keys) for leaf in leaves]

    def _load(self) -> None:
        with _refusing("load"):
            self._joined = self._client.load_group(self._storage.group_id)

    def _snapshot(self) -> Snapshot:
        with _refusing("snapshot"):
            self._group.write_to_storage()
        return _read_snapshot(self._storage.snapshot, bytes(self._keys.secret_key.bytes))


class _Storage(uniffi.GroupStateStorage):  # type: ignore[misc]  # an untyped base: the wheel has no py.typed
    """mls-rs calls this back; it holds one group, and so knows its name."""

    def __init__(self) -> None:
        self.group_id = b""
        self.snapshot = b""
        self._epochs: dict[int, bytes] = {}

    def state(self, group_id: bytes) -> bytes | None:
        return self.snapshot if group_id == self.group_id else None

    def epoch(self, group_id: bytes, epoch_id: int) -> bytes | None:
        return self._epochs.get(epoch_id) if group_id == self.group_id else None

    def write(
        self,
        group_id: bytes,
        group_state: bytes,
        epoch_inserts: list[uniffi.EpochRecord],
        epoch_updates: list[uniffi.EpochRecord],
    ) -> None:
        self.group_id = bytes(group_id)
        self.snapshot = bytes(group_state)
        self._epochs |= {record.id: bytes(record.data) for record in (*epoch_inserts, *epoch_updates)}
        for old in sorted(self._epochs)[:-PAST_EPOCHS]:
            del self._epochs[old]

    def max_epoch_id(self, group_id: bytes) -> int | None:
        return max(self._epochs, default=None) if group_id == self.group_id else None


@contextmanager
def _refusing(operation: str) -> Iterator[None]:
    """mls-rs's errors, as Refused; a panic (InternalError) stays what it is."""
    try:
        yield
    except uniffi.Error as error:
        raise Refused(f"mls-rs {operation}: {error!r}") from error


def _encoded(message: uniffi.Message) -> bytes:
    return bytes(message.to_bytes())


def _signing_identity(leaf: Leaf, keys: uniffi.SignatureKeypair) -> uniffi.SigningIdentity:
    """The name mls-rs knows a member by; the private key of the Client that lends it is never used."""
    stranger = uniffi.SignatureKeypair(
        cipher_suite=keys.cipher_suite,
        public_key=uniffi.SignaturePublicKey(bytes=leaf.signature_key),
        secret_key=keys.secret_key,
    )
    return uniffi.Client(leaf.identity, stranger, uniffi.client_config_default()).signing_identity()


def _read_snapshot(snapshot: bytes, signer: bytes) -> Snapshot:
    """The epoch from the front and two secrets from the back of what mls-rs stores.

    It begins with its version and the GroupContext and ends with five secrets (exporter, authentication,
    external, membership, init), no pending updates, no pending commit, and the private signature key.
    """
    front = Reader(snapshot)
    version, _mls10, suite = front.number(2), front.number(2), front.number(2)
    assert (version, suite) == (SNAPSHOT_VERSION, SUITE)
    front.vector()  # group_id
    epoch = front.number(8)
    tail = NEITHER_UPDATE_NOR_COMMIT_PENDING + encode_vector(signer)
    assert snapshot.endswith(tail), "mls-rs stores its state in another way than supposed"
    secrets = Reader(snapshot[: -len(tail)][-SECRETS_IN_SNAPSHOT * (1 + HASH_SIZE) :])
    return Snapshot(epoch, exporter_secret=secrets.vector(), authenticator=secrets.vector())


def _exporter(secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """MLS-Exporter (RFC 9420 section 8.5) with SHA-256, for one block of output."""
    derived = _expand_with_label(secret, label, b"", HASH_SIZE)
    return _expand_with_label(derived, "exported", sha256(context).digest(), length)


def _expand_with_label(secret: bytes, label: str, context: bytes, length: int) -> bytes:
    info = length.to_bytes(2, "big") + encode_vector(b"MLS 1.0 " + label.encode()) + encode_vector(context)
    return hmac.digest(secret, info + b"\x01", "sha256")[:length]
