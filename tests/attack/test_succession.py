"""Groups that claim to continue others (sections 11.2, 11.3 and 12.4.3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest

from attack.cast import NOW_S, RARE_EXTENSION, Room, bundle, client, refused, usual_room
from attack.forge import forge_commit
from backchannel_mls import (
    Extension,
    GroupState,
    GroupStatus,
    KeyPackageBundle,
    LocalError,
    PreSharedKey,
    ReInit,
    Remove,
    ResumptionUsage,
    Rule,
    branch_group,
    continue_group,
    create_commit,
    create_group,
    encrypt,
    join_group,
    merge_commit,
    propose,
    receive,
)
from backchannel_mls.types import EpochNumber, GroupId, LeafIndex
from backchannel_mls.wire.psk import PskId, ResumptionPskId

AGREED = ReInit(GroupId(b"the room that continues it"), 1, 1, (Extension(RARE_EXTENSION, b"agreed"),))
NONCE = b"\7" * 32


@cache
def ended_room(agreed: ReInit = AGREED) -> Room:
    """The usual room, ended by a ReInit."""
    return usual_room().commit("alice", proposals=[agreed])


@cache
def bob_of(suite: int) -> KeyPackageBundle:
    """The victim's key package for a new group of that suite."""
    return bundle(client("bob", suite=suite))


def bob() -> KeyPackageBundle:
    """The victim's key package for the new group."""
    return bob_of(1)


def successor(
    old: GroupState,
    *,
    usage: ResumptionUsage = ResumptionUsage.REINIT,
    members: Sequence[str] = ("alice", "carol"),
    creator: str = "mallory",
    suite: int = 1,
    group_id: bytes = AGREED.group_id,
    extensions: Sequence[Extension] = AGREED.extensions,
    link: PskId | None = None,
    linked: bool = True,
    commits_before: int = 0,
) -> bytes:
    """A Welcome for bob into a new group of Mallory's making, right but for what is asked for."""
    identity = client(creator, suite=suite)
    new = create_group(identity, group_id=group_id, now_s=NOW_S, extensions=extensions)
    for _ in range(commits_before):
        pending = create_commit(new)
        new = merge_commit(pending.staged, pending.sender_state)
    link = link or ResumptionPskId(usage, old.group_id, old.epoch, NONCE)
    secret = old.resumption_psk(link.epoch if isinstance(link, ResumptionPskId) else old.epoch)
    others = [bundle(client(name, suite=suite)).key_package for name in members]
    made = create_commit(
        new,
        proposals=[PreSharedKey(link)] if linked else [],
        add=[bob_of(suite).key_package, *others],
        force_path=True,
        psks=lambda _: secret or b"known",
        now_s=NOW_S,
        successor=True,
    )
    assert made.welcome is not None
    return made.welcome


def test_the_successor_that_was_agreed_on_is_joined() -> None:
    """The control, made by the toolkit and by the package itself."""
    room = ended_room()
    join_group(bob(), successor(room["mallory"]), predecessor=room["bob"])
    packages = [bob().key_package, bundle("carol").key_package, bundle("mallory").key_package]
    made = continue_group(room["alice"], client("alice"), packages, now_s=NOW_S)
    assert made.welcome is not None
    join_group(bob(), made.welcome, predecessor=room["bob"])


def test_an_honest_branch_is_joined() -> None:
    room = usual_room()
    branch = successor(
        room["mallory"], usage=ResumptionUsage.BRANCH, members=(), group_id=b"branch", extensions=()
    )
    join_group(bob(), branch, predecessor=room["bob"])


# ---- reinitialization
@pytest.mark.rule("REINIT_MISMATCH")
@pytest.mark.parametrize(
    "other",
    [
        {"group_id": b"another room"},
        {"extensions": ()},
        {"extensions": (Extension(RARE_EXTENSION, b"else"),)},
        {"suite": 3},
    ],
    ids=["group id", "no extensions", "other extensions", "suite"],
)
def test_a_successor_that_is_not_the_one_agreed_on_is_refused(other: dict[str, object]) -> None:
    room = ended_room()
    welcome = successor(room["mallory"], **other)  # type: ignore[arg-type] # options of successor
    suite = 3 if "suite" in other else 1
    with refused(Rule.REINIT_MISMATCH, room["bob"]):
        join_group(bob_of(suite), welcome, predecessor=room["bob"])


@pytest.mark.rule("REINIT_MISMATCH")
def test_a_successor_of_a_lower_version_than_agreed_on_is_refused() -> None:
    """The members agreed on a version to come: one of today is a downgrade (section 11.2)."""
    room = ended_room(replace(AGREED, version=2))
    with refused(Rule.REINIT_MISMATCH, room["bob"]):
        join_group(bob(), successor(room["mallory"]), predecessor=room["bob"])
    packages = [bob().key_package, bundle("carol").key_package, bundle("mallory").key_package]
    with pytest.raises(LocalError):
        continue_group(room["alice"], client("alice"), packages, now_s=NOW_S)


@pytest.mark.rule("SUCCESSOR_EPOCH_WRONG")
@pytest.mark.parametrize("commits_before", [1, 2])
@pytest.mark.parametrize("usage", [ResumptionUsage.REINIT, ResumptionUsage.BRANCH])
def test_a_successor_that_has_a_past_is_refused(usage: ResumptionUsage, commits_before: int) -> None:
    """Whoever was there in its first epochs would not be named by anything that was agreed on."""
    room = ended_room() if usage is ResumptionUsage.REINIT else usual_room()
    welcome = successor(room["mallory"], usage=usage, commits_before=commits_before)
    with refused(Rule.SUCCESSOR_EPOCH_WRONG, room["bob"]):
        join_group(bob(), welcome, predecessor=room["bob"])


@pytest.mark.rule("REINIT_MEMBERS_MISSING")
def test_a_successor_that_leaves_a_member_out_is_refused() -> None:
    room = ended_room()
    with refused(Rule.REINIT_MEMBERS_MISSING, room["bob"]):
        join_group(bob(), successor(room["mallory"], members=["alice"]), predecessor=room["bob"])


@pytest.mark.rule("REINIT_UNASKED")
def test_a_successor_of_a_group_that_goes_on_is_refused() -> None:
    room = usual_room()
    with refused(Rule.REINIT_UNASKED, room["bob"]):
        join_group(bob(), successor(room["mallory"]), predecessor=room["bob"])


@pytest.mark.rule("REINIT_UNASKED")
def test_a_successor_linked_by_an_epoch_before_the_end_is_refused() -> None:
    """The PSK of the epoch before: who was removed with the last commit has it too."""
    room = ended_room()
    before = EpochNumber(room["mallory"].epoch - 1)
    link = ResumptionPskId(ResumptionUsage.REINIT, room["mallory"].group_id, before, NONCE)
    with refused(Rule.REINIT_UNASKED, room["bob"]):
        join_group(bob(), successor(room["mallory"], link=link), predecessor=room["bob"])


# ---- branching
@pytest.mark.rule("BRANCH_MISMATCH")
def test_a_branch_of_another_suite_is_refused() -> None:
    room = usual_room()
    welcome = successor(room["mallory"], usage=ResumptionUsage.BRANCH, suite=3, members=())
    with refused(Rule.BRANCH_MISMATCH, room["bob"]):
        join_group(bob_of(3), welcome, predecessor=room["bob"])


@pytest.mark.rule("BRANCH_MEMBERS_FOREIGN")
@pytest.mark.parametrize(
    "who", [{"members": ("alice", "stranger")}, {"creator": "stranger"}], ids=["added", "creator"]
)
def test_a_branch_with_a_stranger_is_refused(who: dict[str, object]) -> None:
    room = usual_room()
    welcome = successor(room["mallory"], usage=ResumptionUsage.BRANCH, **who)  # type: ignore[arg-type] # options
    with refused(Rule.BRANCH_MEMBERS_FOREIGN, room["bob"]):
        join_group(bob(), welcome, predecessor=room["bob"])


@pytest.mark.rule("BRANCH_MEMBERS_FOREIGN")
def test_a_branch_with_a_stranger_cannot_be_made() -> None:
    room = usual_room()
    packages = [bob().key_package, bundle("stranger").key_package]
    with refused(Rule.BRANCH_MEMBERS_FOREIGN, room["alice"]):
        branch_group(room["alice"], client("alice"), packages, group_id=b"branch", now_s=NOW_S)


# ---- the link
@pytest.mark.rule("SUCCESSOR_UNLINKED")
def test_a_successor_without_link_is_refused() -> None:
    room = ended_room()
    with refused(Rule.SUCCESSOR_UNLINKED, room["bob"]):
        join_group(bob(), successor(room["mallory"], linked=False), predecessor=room["bob"])


@pytest.mark.rule("SUCCESSOR_UNLINKED")
def test_a_successor_linked_by_a_psk_of_another_use_is_refused() -> None:
    room = ended_room()
    welcome = successor(room["mallory"], usage=ResumptionUsage.APPLICATION)
    with refused(Rule.SUCCESSOR_UNLINKED, room["bob"]):
        join_group(bob(), welcome, predecessor=room["bob"])


@pytest.mark.rule("SUCCESSOR_UNLINKED")
def test_a_successor_of_another_group_than_expected_is_refused() -> None:
    room = ended_room()
    link = ResumptionPskId(ResumptionUsage.REINIT, GroupId(b"another"), room["bob"].epoch, NONCE)
    secret = room["mallory"].resumption_psk(room["mallory"].epoch)
    welcome = successor(room["mallory"], link=link)
    with refused(Rule.SUCCESSOR_UNLINKED, room["bob"]):
        join_group(bob(), welcome, predecessor=room["bob"], psks=lambda _: secret)


@pytest.mark.rule("SUCCESSOR_UNLINKED")
def test_a_successor_that_nobody_expects_is_refused() -> None:
    """Its key may be at hand, but nothing was compared with the group that it claims to continue."""
    room = ended_room()
    secret = room["mallory"].resumption_psk(room["mallory"].epoch)
    with refused(Rule.SUCCESSOR_UNLINKED, room["bob"]):
        join_group(bob(), successor(room["mallory"]), psks=lambda _: secret)


@pytest.mark.rule("PSK_UNKNOWN")
def test_an_outsider_cannot_claim_to_continue_a_group() -> None:
    """Who does not have the old group's secrets can name it, but not prove it."""
    room = ended_room()
    link = ResumptionPskId(ResumptionUsage.REINIT, room["bob"].group_id, EpochNumber(2**63), NONCE)
    with refused(Rule.PSK_UNKNOWN, room["bob"]):
        join_group(bob(), successor(usual_room()["mallory"], link=link), predecessor=room["bob"])


# ---- the old group
def test_a_group_that_ended_takes_nothing_more() -> None:
    """Section 12.4.2: after a ReInit the group MUST NOT be used to send."""
    room = ended_room()
    state = room["bob"]
    assert state.status is GroupStatus.REINITIALIZED
    message = forge_commit(room["mallory"], proposals=[Remove(LeafIndex(0))]).message
    for act in (
        lambda: encrypt(state, b"more"),
        lambda: create_commit(state),
        lambda: propose(state, Remove(LeafIndex(0))),
        lambda: receive(state, message),
    ):
        with pytest.raises(LocalError) as error:
            act()
        assert error.value.code == "reinitialized"
