"""What a hostile member or server sends to the web client's MLS: refused, and the group is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

import backchannel_mls as mls
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import SETTINGS
from web.driver import Change, MemberProcess, PythonMember, Refused, Said, WebMember, now_s

SUITE = 1
LONG_AGO_S = 1_000_000_000


@pytest.fixture(scope="module")
def node() -> Iterator[MemberProcess]:
    with MemberProcess() as process:
        yield process


@dataclass
class Room:
    """A Python member who may break every rule, and a web member who should not mind."""

    hostile: PythonMember
    honest: WebMember

    def refuses(self, message: bytes) -> None:
        """The honest member refuses it, and goes on reading."""
        with pytest.raises(Refused):
            self.honest.receive(message)
        assert self.honest.receive(self.hostile.encrypt(b"still here")) == Said(0, b"still here")


@pytest.fixture
def room(node: MemberProcess) -> Room:
    made = Room(PythonMember(SUITE), node.member(SUITE))
    made.hostile.create(b"hostile members!")
    message, _ = made.honest.key_package()
    sent = made.hostile.commit([message], [], b"")
    made.hostile.merge()
    assert sent.welcome is not None
    assert sent.tree is not None
    made.honest.join(sent.welcome, sent.tree)
    return made


def outsider(identity: bytes | None = None, at_s: int | None = None) -> mls.KeyPackageBundle:
    keys = SeatKeys.generate(SUITE)
    own = keys.identity()
    if identity is not None:
        own = mls.Identity.generate(SUITE, mls.BasicCredential(identity))
    return mls.create_key_package(own, now_s=now_s() if at_s is None else at_s)


def test_a_proposal_that_stands_alone(room: Room) -> None:
    removal = mls.propose(room.hostile.state, mls.Remove(mls.LeafIndex(1)))
    room.hostile._state = removal.state
    with pytest.raises(Refused, match="proposals that stand alone"):
        room.honest.receive(removal.message)


def test_a_commit_of_a_proposal_by_reference(room: Room) -> None:
    package = mls.verify_key_package(outsider().message, SUITE, now_s=now_s()).key_package
    proposed = mls.propose(room.hostile.state, mls.Add(package), now_s=now_s())
    pending = mls.create_commit(proposed.state, now_s=now_s())
    with pytest.raises(Refused, match="not in the commit itself"):
        room.honest.receive(pending.message)


@pytest.mark.parametrize(
    "proposal",
    [
        mls.GroupContextExtensions(()),
        mls.ReInit(mls.GroupId(b"another"), 1, SUITE, ()),
    ],
    ids=["group_context_extensions", "reinit"],
)
def test_a_commit_of_another_kind(room: Room, proposal: mls.Proposal) -> None:
    pending = mls.create_commit(room.hostile.state, proposals=[proposal])
    room.refuses(pending.message)


def test_a_newcomer_who_is_no_seat(room: Room) -> None:
    for identity in (b"", b"Mallory", b'{"v":1}'):
        pending = mls.create_commit(room.hostile.state, add=[outsider(identity).message], now_s=now_s())
        room.refuses(pending.message)


def test_a_key_package_whose_time_is_over(room: Room) -> None:
    pending = mls.create_commit(room.hostile.state, add=[outsider(at_s=LONG_AGO_S).message], now_s=LONG_AGO_S)
    room.refuses(pending.message)
    # what counts is the server's time, the same for everybody
    assert isinstance(room.honest.receive(pending.message, LONG_AGO_S), Change)


def test_a_path_that_changes_who_the_committer_is(room: Room) -> None:
    stranger = mls.Identity.generate(SUITE, mls.BasicCredential(b"Mallory"))
    room.refuses(mls.create_commit(room.hostile.state, identity=stranger).message)
    other = SeatKeys.generate(SUITE).identity()
    change = room.honest.receive(mls.create_commit(room.hostile.state, identity=other).message)
    assert isinstance(change, Change)  # MLS allows it; the fold sees both, and refuses
    ((before, after),) = change.renewed
    assert before[1:] != after[1:]


def test_a_removal_that_gives_the_leaf_away(room: Room) -> None:
    bundle = outsider()
    pending = mls.create_commit(room.hostile.state, remove=[1], add=[bundle.message], now_s=now_s())
    change = room.honest.receive(pending.message)
    assert isinstance(change, Change)
    assert [leaf for leaf, _, _ in change.removed] == [1]
    assert [leaf for leaf, *_ in change.added] == [1]
    with pytest.raises(Refused):
        room.honest.receive(room.hostile.encrypt(b"no longer for you"))


def test_messages_of_another_group_another_epoch_and_of_oneself(room: Room, node: MemberProcess) -> None:
    other = PythonMember(SUITE)
    other.create(b"another group!!!")
    room.refuses(other.encrypt(b"lost"))
    early = mls.create_commit(room.hostile.state)
    late = mls.encrypt(mls.merge_commit(early.staged, early.sender_state), b"too early")
    room.refuses(late.message)
    room.refuses(room.honest.encrypt(b"my own"))


def test_a_welcome_for_somebody_else_or_altered(room: Room, node: MemberProcess) -> None:
    joining, another = node.member(SUITE), node.member(SUITE)
    message, _ = joining.key_package()
    another.key_package()
    pending = mls.create_commit(room.hostile.state, add=[message], now_s=now_s(), tree_in_welcome=False)
    assert pending.welcome is not None
    with pytest.raises(Refused):
        another.join(pending.welcome, pending.ratchet_tree)
    tree = bytearray(pending.ratchet_tree)
    tree[len(tree) // 2] ^= 1
    with pytest.raises(Refused):
        joining.join(pending.welcome, bytes(tree))
    joining.join(pending.welcome, pending.ratchet_tree)


def test_a_group_with_extensions_is_not_joined(node: MemberProcess) -> None:
    joining = node.member(SUITE)
    message, _ = joining.key_package()
    keys = SeatKeys.generate(SUITE)
    needed = mls.RequiredCapabilities(credentials=(1,))
    state = mls.create_group(
        keys.identity(),
        group_id=mls.GroupId(b"with an extension"),
        now_s=now_s(),
        settings=SETTINGS,
        extensions=[mls.Extension(mls.ExtensionType.REQUIRED_CAPABILITIES, needed.encode())],
    )
    pending = mls.create_commit(state, add=[message], now_s=now_s())
    assert pending.welcome is not None
    with pytest.raises(Refused):
        joining.join(pending.welcome, pending.ratchet_tree)


def test_altered_bytes(room: Room, seed: int) -> None:
    random = Random(seed)
    pending = mls.create_commit(room.hostile.state, add=[outsider().message], now_s=now_s())
    for whole in (room.hostile.encrypt(b"a message"), pending.message):
        for _ in range(120):
            altered = bytearray(whole)
            at = random.randrange(len(altered))
            altered[at] ^= 1 << random.randrange(8)
            with pytest.raises(Refused):
                room.honest.receive(bytes(altered))
        for size in range(0, len(whole), 7):
            with pytest.raises(Refused):
                room.honest.receive(whole[:size])
        with pytest.raises(Refused):
            room.honest.receive(whole + b"\0")
        room.honest.receive(whole)
