"""What the application refuses is refused whole, and nothing is left of it in the state."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from attack.cast import (
    NOW_S,
    RARE_EXTENSION,
    assert_goes_on,
    bundle,
    client,
    refused,
    stage,
    usual_room,
)
from attack.forge import forge_commit, forge_external_commit, forge_update
from attack.forge_message import forge_message, forge_outside
from attack.forge_welcome import forge_welcome, world_of
from backchannel_mls import (
    Add,
    CommitEffect,
    Extension,
    GroupContextExtensions,
    GroupState,
    Policy,
    PolicyError,
    PresentedCredential,
    PreSharedKey,
    Proposal,
    ProposalType,
    ReInit,
    Remove,
    Rule,
    Sender,
    SenderType,
    create_commit,
    create_group_info,
    create_key_package,
    join_by_external_commit,
    join_group,
    propose,
    propose_join,
    receive,
    records,
    verify_key_package,
)
from backchannel_mls.types import GroupId, LeafIndex
from backchannel_mls.wire.psk import ExternalPskId

PROPOSALS: dict[ProposalType, Callable[[], Proposal]] = {
    ProposalType.ADD: lambda: Add(bundle("dave").key_package),
    ProposalType.UPDATE: lambda: forge_update(usual_room()["mallory"]),
    ProposalType.REMOVE: lambda: Remove(LeafIndex(0)),
    ProposalType.PSK: lambda: PreSharedKey(ExternalPskId(b"id", bytes(32))),
    ProposalType.REINIT: lambda: ReInit(GroupId(b"next"), 1, 1, ()),
    ProposalType.GROUP_CONTEXT_EXTENSIONS: lambda: GroupContextExtensions((Extension(RARE_EXTENSION, b""),)),
}


def policy_refuses(code: str, state: GroupState, message: bytes, policy: Policy) -> None:
    """For that reason, with the state unchanged, and only because of the policy."""
    before = records(state)
    with pytest.raises(PolicyError) as error:
        receive(state, message, policy=policy, now_s=NOW_S, psks=lambda _: b"known")
    assert error.value.code == code
    assert records(state) == before
    receive(state, message, now_s=NOW_S, psks=lambda _: b"known")
    assert_goes_on(usual_room())


def refuse(*_: object) -> None:
    """A judge who believes nothing."""
    raise PolicyError("not-believed", "No.")


@pytest.mark.parametrize("kind", PROPOSALS, ids=lambda kind: kind.name)
def test_a_forbidden_proposal_is_refused_alone_and_in_a_commit(kind: ProposalType) -> None:
    room, policy = usual_room(), Policy(forbidden_proposals=frozenset({kind}))
    proposal = PROPOSALS[kind]()
    message = forge_message(room["mallory"], proposal)
    policy_refuses("proposal-forbidden", room["bob"], message, policy)
    if kind is not ProposalType.UPDATE:
        forged = forge_commit(room["mallory"], proposals=[proposal], psks=lambda _: b"known")
        policy_refuses("proposal-forbidden", room["bob"], forged.message, policy)


def test_a_forbidden_proposal_that_was_kept_before_is_refused_in_a_commit() -> None:
    """By reference: the policy of the moment judges, not that of the proposal's arrival."""
    room = usual_room().propose("mallory", Remove(LeafIndex(0)), private=False)
    forged = forge_commit(room["mallory"], references=list(room["bob"].proposals))
    policy = Policy(forbidden_proposals=frozenset({ProposalType.REMOVE}))
    policy_refuses("proposal-forbidden", room["bob"], forged.message, policy)


def test_a_public_handshake_is_refused_where_encryption_is_required() -> None:
    room, policy = usual_room(), Policy(require_private=True)
    for message in (
        forge_message(room["mallory"], Remove(LeafIndex(0)), private=False),
        forge_commit(room["mallory"], private=False).message,
    ):
        policy_refuses("public-message-forbidden", room["bob"], message, policy)


def test_an_external_commit_is_refused_where_none_is_allowed() -> None:
    room = usual_room()
    message = forge_external_commit(room["mallory"], client("dave")).message
    policy_refuses("external-commit-forbidden", room["bob"], message, Policy(allow_external_commits=False))


def test_an_outsiders_proposal_is_refused_where_none_is_allowed() -> None:
    room = usual_room()
    bob = room["bob"]
    message = propose_join(bundle("dave"), group_id=bob.group_id, epoch=bob.epoch)
    policy_refuses("external-proposal-forbidden", bob, message, Policy(allow_external_proposals=False))


# ---- credentials
def test_a_credential_that_is_not_believed_is_refused_wherever_it_comes_from() -> None:
    room, policy = usual_room(), Policy(judge_credential=refuse)
    mallory, dave = room["mallory"], bundle("dave")
    other = client("mallory as somebody else")
    for message in (
        forge_message(mallory, Add(dave.key_package)),
        forge_message(mallory, forge_update(mallory, identity=other)),
        forge_commit(mallory, proposals=[Add(dave.key_package)]).message,
        forge_commit(mallory, identity=other).message,
        forge_external_commit(mallory, client("eve")).message,
        propose_join(dave, group_id=mallory.group_id, epoch=mallory.epoch),
    ):
        policy_refuses("not-believed", room["bob"], message, policy)
    with pytest.raises(PolicyError):
        verify_key_package(dave.key_package, 1, now_s=NOW_S, policy=policy)


def test_a_joiner_judges_every_credential_of_the_group() -> None:
    guest = bundle("guest")
    seen: list[bytes] = []

    def judge(presented: PresentedCredential) -> None:
        seen.append(presented.signature_key)
        if len(seen) == 5:
            refuse()

    world = world_of(usual_room()["mallory"], guest)
    with pytest.raises(PolicyError):
        join_group(guest, forge_welcome(world, guest.key_package), policy=Policy(judge_credential=judge))
    assert set(seen) == {leaf.signature_key for _, leaf in world.tree.leaves()}


def test_the_judge_is_told_whom_a_credential_replaces() -> None:
    """A joiner from outside who removes a member claims to be that member: who believes it says so."""
    room = usual_room()
    told: list[PresentedCredential] = []
    thief = client("thief")
    forged = forge_external_commit(room["mallory"], thief, more=[Remove(LeafIndex(0))])
    believing = Policy(judge_credential=told.append, same_client=lambda _old, _new: True)
    stage(room["bob"], forged.message, policy=believing)
    (presented,) = told
    assert presented.signature_key == thief.signature_key
    assert presented.replaces is not None
    assert presented.replaces.signature_key == room["alice"].group.identity.signature_key


def test_a_joiner_from_outside_cannot_replace_a_member_of_another_credential() -> None:
    room = usual_room()
    forged = forge_external_commit(room["mallory"], client("thief"), more=[Remove(LeafIndex(0))])
    before = records(room["bob"])
    with pytest.raises(PolicyError) as error:
        stage(room["bob"], forged.message)
    assert error.value.code == "external-replacement-foreign"
    assert records(room["bob"]) == before
    stage(room["bob"], forged.message, policy=Policy(same_client=lambda _old, _new: True))


# ---- whole commits
@pytest.mark.parametrize("private", [True, False])
def test_a_commit_that_is_not_believed_is_never_merged(private: bool) -> None:
    room = usual_room()
    seen: list[CommitEffect] = []

    def judge(state: GroupState, effect: CommitEffect) -> None:
        assert state is room["bob"]
        seen.append(effect)
        refuse()

    proposals: list[Proposal] = [Add(bundle("dave").key_package), Remove(LeafIndex(2))]
    forged = forge_commit(room["mallory"], proposals=proposals, private=private)
    policy_refuses("not-believed", room["bob"], forged.message, Policy(judge_commit=judge))
    (effect,) = seen
    assert [member.index for member in effect.removed] == [2]
    assert [member.leaf.credential for member in effect.added] == [client("dave").credential]
    assert [member.index for member in effect.updated] == [3]


def test_a_commit_that_removes_us_can_be_refused_too() -> None:
    room = usual_room()
    forged = forge_commit(room["mallory"], proposals=[Remove(LeafIndex(1))])
    policy_refuses("not-believed", room["bob"], forged.message, Policy(judge_commit=refuse))


def test_a_commit_of_a_joiner_can_be_refused_too() -> None:
    room = usual_room()
    forged = forge_external_commit(room["mallory"], client("dave"))
    policy_refuses("not-believed", room["bob"], forged.message, Policy(judge_commit=refuse))


def test_a_commit_is_judged_only_when_it_is_right() -> None:
    """A judge may act on what it hears: it hears of nothing that is not confirmed."""
    room = usual_room()
    heard: list[CommitEffect] = []
    policy = Policy(judge_commit=lambda _, effect: heard.append(effect))
    forged = forge_commit(room["mallory"], alter_tag=lambda _: bytes(32))
    with refused(Rule.CONFIRMATION_TAG_INVALID, room["bob"]):
        receive(room["bob"], forged.message, policy=policy)
    assert not heard


def test_a_proposal_that_is_not_believed_is_not_kept() -> None:
    room = usual_room()
    told: list[Sender] = []

    def judge(state: GroupState, proposal: Proposal, sender: Sender) -> None:
        assert state is room["bob"]
        assert isinstance(proposal, Remove)
        told.append(sender)
        refuse()

    message = forge_message(room["mallory"], Remove(LeafIndex(0)))
    policy_refuses("not-believed", room["bob"], message, Policy(judge_proposal=judge))
    assert told == [Sender(SenderType.MEMBER, 3)]


def test_a_group_that_is_not_believed_is_not_joined() -> None:
    guest, policy = bundle("guest"), Policy(judge_join=refuse)
    world = world_of(usual_room()["mallory"], guest)
    with pytest.raises(PolicyError):
        join_group(guest, forge_welcome(world, guest.key_package), policy=policy)
    info = create_group_info(usual_room()["mallory"], external_pub=True)
    with pytest.raises(PolicyError):
        join_by_external_commit(client("dave"), info, policy=policy)


def test_our_own_acts_are_judged_like_those_of_others() -> None:
    room = usual_room()
    alice, dave = room["alice"], create_key_package(client("dave"), now_s=NOW_S)
    before = records(alice)
    no_adds = Policy(forbidden_proposals=frozenset({ProposalType.ADD}))
    for act in (
        lambda: create_commit(alice, add=[dave.key_package], now_s=NOW_S, policy=no_adds),
        lambda: create_commit(alice, add=[dave.key_package], now_s=NOW_S, policy=Policy(judge_commit=refuse)),
        lambda: create_commit(
            alice, add=[dave.key_package], now_s=NOW_S, policy=Policy(judge_credential=refuse)
        ),
        lambda: create_commit(alice, identity=client("alice"), policy=Policy(judge_credential=refuse)),
        lambda: propose(alice, Remove(LeafIndex(2)), policy=Policy(judge_proposal=refuse)),
    ):
        with pytest.raises(PolicyError):
            act()
    assert records(alice) == before


def test_an_outsiders_proposal_names_its_sender_to_the_judge() -> None:
    room, dave = usual_room(), bundle("dave")
    sender = Sender(SenderType.NEW_MEMBER_PROPOSAL)
    message = forge_outside(room["bob"], Add(dave.key_package), sender, dave.identity)
    policy_refuses("not-believed", room["bob"], message, Policy(judge_proposal=refuse))
