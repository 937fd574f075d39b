"""Members of a group as an application has them: a state in memory, its records in a store, and crashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from backchannel_mls import (
    ApplicationReceived,
    BasicCredential,
    GroupState,
    Identity,
    KeyPackageBundle,
    PrivateMessage,
    PskId,
    Received,
    StagedCommit,
    changes,
    cipher_suite,
    create_key_package,
    load_state,
    merge_commit,
    parse_message,
    receive,
    records,
)
from backchannel_mls.codec import parse_all
from backchannel_mls.schedule.secret_tree import sender_data_key_and_nonce
from backchannel_mls.types import ContentType
from backchannel_mls.wire.framing import SenderData
from backchannel_mls.wire.psk import ExternalPskId

NOW_S = 1_800_000_000
PSK_ID = b"a key from elsewhere"


def psks(psk_id: PskId) -> bytes | None:
    """The application's pre-shared keys: there is one."""
    known = isinstance(psk_id, ExternalPskId) and psk_id.psk_id == PSK_ID
    return b"which all members have" if known else None


def new_identity(suite_id: int, name: str) -> Identity:
    """A client whose keys follow from its name, so that a run can be repeated."""
    suite = cipher_suite(suite_id)
    private = suite.hash(b"signature key of " + name.encode())[:32]
    return Identity.restore(suite_id, BasicCredential(name.encode()), private)


def new_bundle(identity: Identity, random: Random) -> KeyPackageBundle:
    """A key package for one join."""
    return create_key_package(identity, now_s=NOW_S, random=random.randbytes)


@dataclass(frozen=True)
class KeyUse:
    """Which key of which epoch encrypted a message: none may encrypt two."""

    epoch: int
    leaf: int
    handshake: bool
    generation: int


def key_use(state: GroupState, data: bytes) -> KeyUse | None:
    """The key that encrypted a message of the state's epoch; None for a PublicMessage."""
    message = parse_message(data)
    if not isinstance(message, PrivateMessage):
        return None
    assert message.epoch == state.epoch
    secret = state.messages.sender_data_secret
    key, nonce = sender_data_key_and_nonce(state.suite, secret, message.ciphertext)
    opened = state.suite.aead_open(key, nonce, message.encrypted_sender_data, message.encode_header())
    assert opened is not None
    sender = parse_all(opened, SenderData.parse)
    handshake = message.content_type is not ContentType.APPLICATION
    return KeyUse(message.epoch, sender.leaf_index, handshake, sender.generation)


@dataclass(eq=False)
class Member:
    """One member. `stored` holds what `store` wrote; a crash goes back to it.

    `read` are the messages that were read and whose reading is stored, `read_unstored` the others.
    """

    name: str
    state: GroupState
    stored: dict[str, bytes] = field(default_factory=dict)
    stored_state: GroupState | None = None
    position: int = 0
    stored_position: int = 0
    read: set[int] = field(default_factory=set)
    read_unstored: set[int] = field(default_factory=set)

    def store(self) -> None:
        """Writes what changed, as an application does, and checks that this is the whole state."""
        change = changes(self.stored_state, self.state)
        assert not change.put.keys() & change.delete
        assert change.delete <= self.stored.keys(), "deletes what is not there"
        self.stored.update(change.put)
        for name in change.delete:
            del self.stored[name]
        self.stored_state, self.stored_position = self.state, self.position
        self.read |= self.read_unstored
        self.read_unstored = set()
        assert self.stored == records(self.state)

    def crash(self) -> None:
        """Loses what was not stored."""
        self.state = load_state(dict(self.stored))
        assert records(self.state) == self.stored
        self.stored_state, self.position = self.state, self.stored_position
        self.read_unstored = set()

    def receive(self, data: bytes) -> Received:
        """Receives, and takes the new state on."""
        received = receive(self.state, data, psks=psks, now_s=NOW_S)
        self.state = (
            merge_commit(received, self.state) if isinstance(received, StagedCommit) else received.state
        )
        return received

    def read_message(self, number: int, data: bytes) -> ApplicationReceived:
        """Reads the application message of that number."""
        received = self.receive(data)
        assert isinstance(received, ApplicationReceived)
        self.read_unstored.add(number)
        return received
