"""Lists of proposals that no commit may cover, and commits that lack what theirs need (12.2, 12.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attack.cast import (
    NOW_S,
    RARE_EXTENSION,
    Room,
    bundle,
    client,
    everybody_refuses,
    refuses,
    stage,
    usual_room,
)
from attack.forge import (
    PathForgery,
    external_init,
    forge_commit,
    forge_external_commit,
    forge_key_package,
    forge_update,
)
from attack.forge_message import forge_message
from backchannel_mls import (
    Add,
    Extension,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ProposalReceived,
    ProposalRef,
    ReInit,
    Remove,
    ResumptionUsage,
    Rule,
    propose_update,
    receive,
)
from backchannel_mls.types import EpochNumber, GroupId, LeafIndex
from backchannel_mls.wire.psk import ExternalPskId, PskId, ResumptionPskId

PRIVATE = pytest.mark.parametrize("private", [True, False])
NONCE = bytes(32)
REINIT = ReInit(GroupId(b"next"), 1, 1, ())
PSK = PreSharedKey(ExternalPskId(b"id", NONCE))
CHANGE = GroupContextExtensions((Extension(RARE_EXTENSION, b""),))


def known(_: PskId) -> bytes:
    """A pre-shared key that everybody has."""
    return b"known"


def heard(room: Room, message: bytes) -> tuple[Room, ProposalRef]:
    """The room in which all, Mallory too, keep a proposal of hers, and its reference."""
    states, reference = {}, ProposalRef(b"")
    for name in room.others("mallory"):
        received = receive(room[name], message, now_s=NOW_S)
        assert isinstance(received, ProposalReceived)
        states[name], reference = received.state, received.reference
    kept = states["alice"].proposals
    return Room({**states, "mallory": replace(room["mallory"], proposals=kept)}), reference


def list_refused(rule: Rule, *proposals: Proposal, honest: Proposal | None = None) -> None:
    """By value, in a private and in a public commit; `honest` alone is taken."""
    room = usual_room()
    for private in (True, False):
        right = None
        if honest is not None:
            right = forge_commit(room["mallory"], proposals=[honest], private=private, psks=known).message
        forged = forge_commit(
            room["mallory"], proposals=proposals, with_path=True, private=private, psks=known
        )
        everybody_refuses(rule, room, forged.message, honest=right, psks=known)


# ---- what a commit may not do to its own sender
@pytest.mark.rule("UPDATE_BY_COMMITTER")
def test_a_commit_of_the_committers_own_update_is_refused() -> None:
    list_refused(Rule.UPDATE_BY_COMMITTER, forge_update(usual_room()["mallory"]))


@pytest.mark.rule("UPDATE_BY_COMMITTER")
@PRIVATE
def test_a_commit_that_refers_to_the_committers_own_update_is_refused(private: bool) -> None:
    """The Update is valid, and everybody keeps it: only its own proposer may not commit it."""
    room = usual_room()
    message = forge_message(room["mallory"], forge_update(room["mallory"]), private=False)
    room, reference = heard(room, message)
    forged = forge_commit(room["mallory"], references=[reference], private=private)
    everybody_refuses(Rule.UPDATE_BY_COMMITTER, room, forged.message)


@pytest.mark.rule("REMOVE_OF_COMMITTER")
def test_a_commit_that_removes_its_committer_is_refused() -> None:
    list_refused(Rule.REMOVE_OF_COMMITTER, Remove(LeafIndex(3)), honest=Remove(LeafIndex(2)))


# ---- what may stand in a list once
@pytest.mark.rule("LEAF_CHANGED_TWICE")
def test_a_commit_that_removes_one_member_twice_is_refused() -> None:
    list_refused(Rule.LEAF_CHANGED_TWICE, Remove(LeafIndex(0)), Remove(LeafIndex(0)))


@pytest.mark.rule("LEAF_CHANGED_TWICE")
def test_a_commit_that_updates_and_removes_one_member_is_refused() -> None:
    room = usual_room()
    sent = propose_update(room["carol"])
    states = {name: receive(room[name], sent.message) for name in room.others("carol")}
    kept = {"carol": sent.state}
    for name, one in states.items():
        assert isinstance(one, ProposalReceived)
        kept[name] = one.state
    room = Room({name: kept[name] for name in room.states})
    update, remove = [sent.reference], Remove(LeafIndex(2))
    honest = forge_commit(room["mallory"], references=update)
    forged = forge_commit(room["mallory"], references=update, proposals=[remove])
    everybody_refuses(Rule.LEAF_CHANGED_TWICE, room, forged.message, honest=honest.message)
    twice = forge_commit(room["mallory"], references=[*update, *update])
    everybody_refuses(Rule.LEAF_CHANGED_TWICE, room, twice.message)


@pytest.mark.rule("ADD_TWICE")
def test_a_commit_that_adds_one_client_twice_is_refused() -> None:
    dave = client("dave")
    first, second = bundle(dave).key_package, bundle(dave).key_package
    list_refused(Rule.ADD_TWICE, Add(first), Add(second), honest=Add(first))
    list_refused(Rule.ADD_TWICE, Add(first), Add(first))


@pytest.mark.rule("ADD_OF_MEMBER")
def test_a_commit_that_adds_a_member_is_refused() -> None:
    """With a key package of bob's own: he would sit in two seats."""
    package = forge_key_package(usual_room()["bob"].group.identity).key_package
    list_refused(Rule.ADD_OF_MEMBER, Add(package))
    list_refused(Rule.ADD_OF_MEMBER, Add(package), Remove(LeafIndex(2)))


def test_a_client_may_be_added_anew_by_the_commit_that_removes_it() -> None:
    """The exception of section 12.2, as the control of the rule above."""
    room = usual_room()
    package = forge_key_package(room["bob"].group.identity).key_package
    proposals: list[Proposal] = [Add(package), Remove(LeafIndex(1))]
    forged = forge_commit(room["mallory"], proposals=proposals)
    stage(room["alice"], forged.message)


@pytest.mark.rule("PSK_TWICE")
def test_a_commit_that_names_one_psk_twice_is_refused() -> None:
    list_refused(Rule.PSK_TWICE, PSK, PSK)
    other = PreSharedKey(ExternalPskId(b"id", b"\1" * 32))
    room = usual_room()
    honest = forge_commit(room["mallory"], proposals=[PSK, other], psks=known)
    stage(room["alice"], honest.message, psks=known)


@pytest.mark.rule("GROUP_EXTENSIONS_TWICE")
def test_a_commit_that_sets_the_extensions_twice_is_refused() -> None:
    list_refused(Rule.GROUP_EXTENSIONS_TWICE, CHANGE, GroupContextExtensions(()), honest=CHANGE)
    list_refused(Rule.GROUP_EXTENSIONS_TWICE, CHANGE, CHANGE)


@pytest.mark.rule("REINIT_NOT_ALONE")
@pytest.mark.parametrize(
    "other",
    [REINIT, replace(REINIT, group_id=GroupId(b"else")), Remove(LeafIndex(0)), PSK, CHANGE],
    ids=["itself", "another", "remove", "psk", "extensions"],
)
def test_a_reinit_among_other_proposals_is_refused(other: Proposal) -> None:
    list_refused(Rule.REINIT_NOT_ALONE, REINIT, other, honest=REINIT)
    list_refused(Rule.REINIT_NOT_ALONE, other, REINIT)


@pytest.mark.rule("EXTERNAL_INIT_BY_MEMBER")
def test_an_external_init_in_a_members_commit_is_refused() -> None:
    list_refused(Rule.EXTERNAL_INIT_BY_MEMBER, ExternalInit(bytes(32)))


# ---- paths and references
@pytest.mark.rule("PATH_MISSING")
@PRIVATE
@pytest.mark.parametrize("kind", ["nothing", "remove", "extensions", "add and remove"])
def test_a_commit_without_the_path_that_it_needs_is_refused(kind: str, private: bool) -> None:
    room = usual_room()
    kinds: dict[str, list[Proposal]] = {
        "nothing": [],
        "remove": [Remove(LeafIndex(0))],
        "extensions": [CHANGE],
        "add and remove": [Add(bundle("dave").key_package), Remove(LeafIndex(0))],
    }
    honest = forge_commit(room["mallory"], proposals=kinds[kind], private=private)
    forged = forge_commit(room["mallory"], proposals=kinds[kind], with_path=False, private=private)
    everybody_refuses(Rule.PATH_MISSING, room, forged.message, honest=honest.message)


@pytest.mark.rule("PATH_MISSING")
def test_a_commit_of_an_update_without_path_is_refused() -> None:
    room = usual_room()
    sent = propose_update(room["carol"])
    for name in ("alice", "bob"):
        received = receive(room[name], sent.message)
        assert isinstance(received, ProposalReceived)
        mallory = replace(room["mallory"], proposals=received.state.proposals)
        forged = forge_commit(mallory, references=[sent.reference], with_path=False)
        honest = forge_commit(mallory, references=[sent.reference])
        refuses(Rule.PATH_MISSING, received.state, forged.message, honest=honest.message)


@pytest.mark.rule("PROPOSAL_UNKNOWN")
@PRIVATE
@pytest.mark.parametrize("reference", [b"", bytes(32), b"\1" * 33])
def test_a_commit_that_refers_to_an_unknown_proposal_is_refused(reference: bytes, private: bool) -> None:
    room = usual_room()
    forged = forge_commit(
        room["mallory"], references=[ProposalRef(reference)], with_path=True, private=private
    )
    everybody_refuses(Rule.PROPOSAL_UNKNOWN, room, forged.message)


@pytest.mark.rule("PROPOSAL_UNKNOWN")
def test_a_proposal_of_a_past_epoch_cannot_be_committed() -> None:
    room, reference = heard(usual_room(), forge_message(usual_room()["mallory"], Remove(LeafIndex(0))))
    old = room["mallory"].proposals
    room = Room({name: replace(state, proposals={}) for name, state in room.states.items()}).commit("alice")
    forged = forge_commit(replace(room["mallory"], proposals=old), references=[reference])
    everybody_refuses(Rule.PROPOSAL_UNKNOWN, room, forged.message)


# ---- pre-shared keys are never invented
@pytest.mark.rule("PSK_UNKNOWN")
@PRIVATE
@pytest.mark.parametrize("secret", [b"Mallory's", b"", bytes(32)], ids=["hers", "empty", "zeros"])
def test_a_psk_that_is_not_at_hand_is_refused(secret: bytes, private: bool) -> None:
    room = usual_room()
    forged = forge_commit(room["mallory"], proposals=[PSK], psks=lambda _: secret, private=private)
    everybody_refuses(Rule.PSK_UNKNOWN, room, forged.message)


@pytest.mark.rule("PSK_UNKNOWN")
@pytest.mark.parametrize("epoch", [0, 2**64 - 1])
def test_a_resumption_psk_of_an_epoch_that_this_member_did_not_see_is_refused(epoch: int) -> None:
    room = usual_room()
    usage, group_id = ResumptionUsage.APPLICATION, room["mallory"].group_id
    psk = PreSharedKey(ResumptionPskId(usage, group_id, EpochNumber(epoch), NONCE))
    mallory = room["mallory"]
    group = replace(mallory.group, resumption_psks={EpochNumber(epoch): bytes(32)})
    forged = forge_commit(replace(mallory, group=group), proposals=[psk])
    for name in ("bob", "carol"):
        refuses(Rule.PSK_UNKNOWN, room[name], forged.message)


@pytest.mark.rule("CONFIRMATION_TAG_INVALID")
def test_another_secret_under_the_id_of_a_known_psk_is_refused() -> None:
    room = usual_room()
    forged = forge_commit(room["mallory"], proposals=[PSK], psks=lambda _: b"another")
    everybody_refuses(Rule.CONFIRMATION_TAG_INVALID, room, forged.message, psks=known)


# ---- external commits
@pytest.mark.rule("EXTERNAL_INIT_COUNT")
@pytest.mark.parametrize("count", [0, 2, 3])
def test_an_external_commit_without_exactly_one_external_init_is_refused(count: int) -> None:
    """The secrets are those that a lenient member would compute: of the first, or of the epoch before."""
    room, dave = usual_room(), client("dave")
    init, secret = external_init(room["mallory"])
    honest = forge_external_commit(room["mallory"], dave, proposals=[init], init_secret=secret)
    forged = forge_external_commit(
        room["mallory"],
        dave,
        proposals=[init] * count,
        init_secret=secret if count else None,
        with_path=True,
    )
    everybody_refuses(Rule.EXTERNAL_INIT_COUNT, room, forged.message, but="", honest=honest.message)


@pytest.mark.rule("EXTERNAL_REMOVE_COUNT")
def test_an_external_commit_that_removes_two_is_refused() -> None:
    room, dave = usual_room(), client("dave")
    both = [Remove(LeafIndex(0)), Remove(LeafIndex(1))]
    forged = forge_external_commit(room["mallory"], dave, more=both)
    everybody_refuses(Rule.EXTERNAL_REMOVE_COUNT, room, forged.message, but="")


@pytest.mark.rule("EXTERNAL_PROPOSAL_LIST")
@pytest.mark.parametrize("kind", ["add", "update", "reinit", "extensions"])
def test_an_external_commit_with_a_proposal_that_is_not_a_joiners_is_refused(kind: str) -> None:
    room, dave = usual_room(), client("dave")
    kinds: dict[str, Proposal] = {
        "add": Add(bundle("eve").key_package),
        "update": forge_update(room["mallory"]),
        "reinit": REINIT,
        "extensions": CHANGE,
    }
    forged = forge_external_commit(room["mallory"], dave, more=[kinds[kind]])
    everybody_refuses(Rule.EXTERNAL_PROPOSAL_LIST, room, forged.message, but="")


@pytest.mark.rule("EXTERNAL_REFERENCE")
def test_an_external_commit_that_refers_to_a_proposal_is_refused() -> None:
    """Even to one that everybody kept."""
    room = usual_room()
    room, reference = heard(room, forge_message(room["mallory"], Remove(LeafIndex(0))))
    forged = forge_external_commit(room["mallory"], client("dave"), references=[reference])
    everybody_refuses(Rule.EXTERNAL_REFERENCE, room, forged.message, but="")


@pytest.mark.rule("EXTERNAL_PATH_MISSING")
def test_an_external_commit_without_path_is_refused() -> None:
    room = usual_room()
    forged = forge_external_commit(room["mallory"], client("dave"), with_path=False)
    everybody_refuses(Rule.EXTERNAL_PATH_MISSING, room, forged.message, but="")


@pytest.mark.rule("EXTERNAL_INIT_UNDECRYPTABLE")
@pytest.mark.parametrize(
    "output", [b"", bytes(31), bytes(32), bytes(33)], ids=["empty", "short", "zero", "long"]
)
def test_an_external_init_that_is_no_kem_output_is_refused(output: bytes) -> None:
    room = usual_room()
    forged = forge_external_commit(room["mallory"], client("dave"), proposals=[ExternalInit(output)])
    everybody_refuses(Rule.EXTERNAL_INIT_UNDECRYPTABLE, room, forged.message, but="")


@pytest.mark.rule("EXTERNAL_REMOVE_UNFIT")
def test_a_joiner_who_keeps_the_key_of_the_leaf_that_it_replaces_is_refused() -> None:
    room = usual_room()
    bob, key = room["bob"].group.identity, room["bob"].tree.encryption_key(2)
    more = [Remove(LeafIndex(1))]
    honest = forge_external_commit(room["mallory"], bob, more=more)
    forged = forge_external_commit(room["mallory"], bob, more=more, path=PathForgery(leaf_key=key))
    for name in room.others("bob"):
        refuses(Rule.EXTERNAL_REMOVE_UNFIT, room[name], forged.message, honest=honest.message)


@pytest.mark.rule("REMOVE_BLANK")
def test_an_external_commit_that_removes_nobody_is_refused() -> None:
    room = usual_room()
    forged = forge_external_commit(room["mallory"], client("dave"), more=[Remove(LeafIndex(9))])
    everybody_refuses(Rule.REMOVE_BLANK, room, forged.message, but="")


@pytest.mark.rule("PSK_TWICE")
@pytest.mark.rule("PSK_UNKNOWN")
def test_the_psks_of_an_external_commit_are_judged_like_others() -> None:
    room, dave = usual_room(), client("dave")
    twice = forge_external_commit(room["mallory"], dave, more=[PSK, PSK], psks=known)
    everybody_refuses(Rule.PSK_TWICE, room, twice.message, but="", psks=known)
    unknown = forge_external_commit(room["mallory"], dave, more=[PSK], psks=known)
    everybody_refuses(Rule.PSK_UNKNOWN, room, unknown.message, but="")
