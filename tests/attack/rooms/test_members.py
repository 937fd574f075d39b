"""A hostile member or facilitator (PROTOCOL.md, 7 to 11): what it says does not count, and all are told."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import msgspec
import pytest

from attack.forge import PathForgery, forge_commit
from attack.rooms import rules
from attack.rooms.attacks import Attacks, hold, told_through_a_proxy
from attack.rooms.insider import EXPOSURE, Insider, ignored, insider, quiet, skipped, voided
from attack.rooms.stage import Seated, Stage, goes_on, heard, say, stops, until
from backchannel import Role, RoomStopped
from backchannel.room.keys import SeatKeys
from backchannel_mls import GroupContextExtensions
from backchannel_mls.wire.commit import HpkeCiphertext, UpdatePath
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.ids import b64u, parse_b64u
from backchannel_protocol.keys import generate_key, public_key
from backchannel_protocol.operations import CloseRoom, Mute, SeatAdd, SeatRemove, SeatSet, SetPolicy
from backchannel_protocol.room.admission import sign_approval
from backchannel_protocol.room.state import Act, json_of

ATTACKS: Attacks[Stage] = Attacks()
NOBODY = b64u(bytes(16))
FAR = (1 << 53) - 1


@dataclass
class Play:
    """Ann facilitates, Bo is a member; Mallory's seat is in the hands of `evil`."""

    ann: Seated
    bo: Seated
    evil: Insider

    @property
    def honest(self) -> tuple[Seated, Seated]:
        return (self.ann, self.bo)

    @property
    def by(self) -> str:
        return self.evil.view.own


@asynccontextmanager
async def play(stage: Stage, role: Role = Role.PARTICIPANT, *, accept: bool = True) -> AsyncIterator[Play]:
    ann, bo = await stage.pair()
    mallory = await stage.bring(ann, "Mallory", "b", role, accept=accept)
    await quiet(ann, bo, mallory)
    async with insider(mallory, stage.server.url) as evil:
        yield Play(ann, bo, evil)


async def told(scene: Play, *codes: str) -> None:
    """Everybody was told why each of Mallory's events did not count, and goes on."""
    await say(scene.ann, "marker", scene.bo)
    for one in scene.honest:
        got = ignored(one, scene.by)
        hold(got == list(codes), f"told {got} where {list(codes)} is right")
    await goes_on(*scene.honest)


def approve(evil: Insider, act: Act, room: str | None = None, key: bytes | None = None) -> Draft:
    """An approval, for whatever room, with whatever key."""
    signature = sign_approval(key or evil.keys.governance_key, room or b64u(evil.view.room), act)
    return evil.govern("approve", {"act": json_of(act), "signature": b64u(signature)})


def removal(seat: str, **changes: object) -> Act:
    act = Act("remove", 1, int(time.time()) + 3600, seat=seat)
    return msgspec.structs.replace(act, **changes)


# ---- governance of who may not govern
def of_facilitators(scene: Play) -> dict[str, JsonObject]:
    """One act of each kind that is for facilitators."""
    evil = scene.evil
    return {
        "rules": {"lines": ["Everything may be quoted."]},
        "title": {"title": "Another harbour"},
        "welcome": {"welcome": "Come to another room."},
        "retention": {"retention": {"seconds": 1, "after_reading": True}},
        "history": {"history": "briefing"},
        "invite": {"mailbox": NOBODY, "role": "facilitator", "party": "b", "scope": None, "expires": FAR},
        "revoke": {"mailbox": NOBODY},
        "role": {"seat": evil.view.own, "role": "facilitator", "party": "b"},
        "admission": {"rule": "party"},
        "close": {},
    }


@ATTACKS.against(rules.the_fold_decides)
async def governs_without_being_a_facilitator(stage: Stage) -> None:
    async with play(stage) as scene:
        before = scene.ann.room.state
        acts = of_facilitators(scene)
        for type_, body in acts.items():
            await scene.evil.submit(scene.evil.govern(type_, body))
        await scene.evil.submit(approve(scene.evil, removal(scene.bo.seat)))
        await told(scene, *["role-forbids"] * (len(acts) + 1))
        after = scene.ann.room.state
        for name in (
            "title",
            "rules",
            "welcome",
            "retention",
            "history",
            "invitations",
            "admission",
            "closed",
        ):
            hold(getattr(before, name) == getattr(after, name), f"{name} was changed")
        hold(after.seats[scene.by].role is Role.PARTICIPANT, "Mallory facilitates")


@ATTACKS.against(rules.the_fold_decides)
async def governs_with_what_is_not_there(stage: Stage) -> None:
    """Malformed bodies, unknown types and old versions, of a member and of nobody's."""
    async with play(stage) as scene:
        evil = scene.evil
        attempts: list[tuple[str, JsonObject, str]] = [
            ("genesis", {}, "body-malformed"),
            ("abdicate", {}, "type-unknown"),
            ("accept", {"version": 99}, "version-stale"),
            ("accept", {"version": "1"}, "body-malformed"),
            ("accept", {"version": 1, "more": 1}, "body-malformed"),
            ("unapprove", {"approval": NOBODY}, "approval-unknown"),
            ("inbox", {"inbox": b64u(bytes(32)), "signature": b64u(bytes(64))}, "approval-signature"),
            ("leave", {"seat": scene.bo.seat}, "body-malformed"),
        ]
        for type_, body, _ in attempts:
            await evil.submit(evil.govern(type_, body))
        await told(scene, *[code for _, _, code in attempts])


@ATTACKS.against()
async def says_what_is_no_envelope(stage: Stage) -> None:
    """Plaintexts that a member's key encrypted, and that are not what section 7 says."""
    async with play(stage) as scene:
        evil = scene.evil
        whole = evil.envelope("message", {"text": "x", "exposure": EXPOSURE}, EventKind.CHAT).encode()
        plaintexts = [
            b"",
            b"{}",
            b"\xff\xfe",
            b"[" * 5000,
            whole[:-1],
            whole + b" ",
            whole.replace(b'"v":1', b'"v":2'),
            whole.replace(b'"i":', b'"i":-'),
            whole.replace(b'"i":', b'"i":1.5e3,"j":'),
            b'{"a":' * 900 + b"1" + b"}" * 900,
        ]
        for data in plaintexts:
            for kind in (EventKind.CHAT, EventKind.GOVERNANCE):
                await evil.submit(evil.encrypted(data, kind))
        await told(scene, *["body-malformed"] * (2 * len(plaintexts)))


# ---- chat
@ATTACKS.against(rules.only_authors_retract)
async def retracts_somebody_elses_message(stage: Stage) -> None:
    async with play(stage) as scene:
        theirs = next(message for message in scene.bo.room.messages() if message.text == "two")
        await scene.evil.submit(scene.evil.write("retract", {"event": theirs.id}, EventKind.CHAT))
        await told(scene, "role-forbids")
        hold("two" in scene.ann.texts and "two" in scene.bo.texts, "it is gone")


@ATTACKS.against(rules.an_intent_counts_once)
async def says_the_same_intent_twice(stage: Stage) -> None:
    async with play(stage) as scene:
        evil = scene.evil
        await evil.submit(evil.message("once"))
        await evil.submit(evil.message("once", intent=evil.chat))
        await evil.submit(evil.message("an older one", intent=1))
        await told(scene, "intent-doubled", "intent-doubled")
        for one in scene.honest:
            hold(one.texts.count("once") == 1, f"{one.texts}")


@ATTACKS.against(rules.the_timeline_decides)
async def writes_before_accepting_the_rules(stage: Stage) -> None:
    async with play(stage, accept=False) as scene:
        await scene.evil.submit(scene.evil.message("I did not read them"))
        await told(scene, "rules-not-accepted")


@ATTACKS.against(rules.the_timeline_decides)
async def writes_as_an_observer(stage: Stage) -> None:
    async with play(stage, Role.OBSERVER) as scene:
        await scene.evil.submit(scene.evil.message("I only watch"))
        await told(scene, "role-forbids")


@ATTACKS.against(rules.the_timeline_decides)
async def says_what_is_no_message(stage: Stage) -> None:
    async with play(stage) as scene:
        evil = scene.evil
        private: JsonObject = {"audience": "Ann", "quotable": "no", "until": 0}
        bodies: list[JsonObject] = [
            {"text": "", "exposure": EXPOSURE},
            {"text": "x" * 20_001, "exposure": EXPOSURE},
            {"text": "x"},
            {"text": "x", "exposure": private},
            {"text": 1, "exposure": EXPOSURE},
            {"text": "x", "exposure": EXPOSURE, "from": scene.bo.seat},
            {"text": "x", "exposure": EXPOSURE, "reply_to": "x"},
        ]
        for body in bodies:
            await evil.submit(evil.write("message", body, EventKind.CHAT))
        await evil.submit(evil.write("whisper", {}, EventKind.CHAT))
        await told(scene, *["body-malformed"] * len(bodies), "type-unknown")


@ATTACKS.against(rules.what_others_verified)
async def lies_about_what_it_verified(stage: Stage) -> None:
    """Any member can stop a room by that (section 16); everybody sees who did."""
    async with play(stage) as scene:
        here = scene.evil.view.here()
        await scene.evil.submit(scene.evil.message("a lie", says=replace(here, state_hash=bytes(32))))
        await scene.ann.room.send("marker")
        for one in scene.honest:
            before = [text for text in one.texts if text is not None and text != "marker"]
            await stops(one, "state-differs", by="a lie", shown=before)
            (fact,) = [fact for fact in one.room.history() if isinstance(fact, RoomStopped)]
            hold(fact.seat == scene.by, f"it is said to be {fact.seat}")


# ---- approvals
@ATTACKS.against(rules.the_fold_decides)
async def approves_what_cannot_be_approved(stage: Stage) -> None:
    """With another's key, for another room, when it had expired, of another rule, of who is not there."""
    async with play(stage, Role.FACILITATOR) as scene:
        evil, bo = scene.evil, scene.bo.seat
        now = int(time.time())
        attempts = [
            (approve(evil, removal(bo), key=generate_key()), "approval-signature"),
            (approve(evil, removal(bo), room=NOBODY), "approval-signature"),
            (approve(evil, removal(bo, expires=now - 10)), "expired"),
            (approve(evil, removal(bo, rule_version=7)), "approval-unfit"),
            (approve(evil, removal(NOBODY)), "approval-unfit"),
            (approve(evil, removal(bo, expires=now + 400 * 24 * 3600)), "approval-unfit"),
        ]
        for draft, _ in attempts:
            await evil.submit(draft)
        await told(scene, *[code for _, code in attempts])
        hold(bo in scene.ann.room.members(), "Bo is gone")


# ---- what the server is told
@ATTACKS.against(rules.operations_are_what_was_decided)
async def tells_the_server_what_nobody_decided(stage: Stage) -> None:
    """It can stop the room by that, openly: everybody is shown `operations-unfit`."""
    async with play(stage, Role.FACILITATOR) as scene:
        evil = scene.evil
        bo = parse_b64u(scene.bo.seat)
        confirm = evil.govern("confirm", {})
        set_bit = SeatSet(None, bo, True)
        for drafts in (
            [evil.operate(Mute(None, parse_b64u(scene.ann.seat), 1))],
            [evil.operate(SetPolicy(None, 0, 7, True, 0))],
            [confirm, evil.operate(set_bit)],
        ):
            await evil.submit(*drafts)
        await told(scene, "operations-unfit", "operations-unfit", "operations-unfit")
        hold(scene.ann.room.members()[scene.bo.seat].role is Role.PARTICIPANT, "Bo facilitates")


@ATTACKS.against(rules.operations_are_what_was_decided)
async def tells_the_server_to_close_the_room(stage: Stage) -> None:
    async with play(stage, Role.FACILITATOR) as scene:
        await scene.evil.submit(scene.evil.operate(CloseRoom(None)))
        await scene.ann.room.set_title("Closed?")  # the server takes governance still
        for one in scene.honest:
            await until(one, lambda one=one: one.room.title == "Closed?")  # type: ignore[misc] # bound here
            hold(ignored(one, scene.by) == ["operations-unfit"], f"{ignored(one, scene.by)}")
            hold(one.room.state.closed is None, "the members closed it")


# ---- the record
@ATTACKS.against(rules.the_record_has_its_entries)
async def keeps_an_act_out_of_the_record(stage: Stage) -> None:
    """An act that has to stand there does not count without its entry, nor beside another one."""
    async with play(stage, Role.FACILITATOR) as scene:
        evil = scene.evil
        for leaf in (None, b"\1" + bytes(32)):
            act = evil.govern("history", {"history": "briefing"})
            await evil.submit(evil.with_leaf(act, leaf))
        confirm = evil.govern("confirm", {})
        await evil.submit(evil.with_leaf(confirm, b"\1" + bytes(32)))
        await told(scene, "record-unfit", "record-unfit", "record-unfit")
        hold(scene.ann.room.state.history.value == "none", "it was changed unseen")


# ---- commits
Forge = Callable[[Play], list[Draft]]


def ghost_keys(scene: Play) -> SeatKeys:
    return SeatKeys.generate(scene.evil.keys.suite)


def seat_add(scene: Play, keys: SeatKeys, key: bytes | None = None) -> Draft:
    return scene.evil.operate(SeatAdd(None, keys.seat, key or public_key(keys.seat_key), False))


def garbage(scene: Play) -> list[Draft]:
    honest, _ = scene.evil.commit()
    return [scene.evil.draft(EventKind.COMMIT, honest.body[:-40] + os.urandom(40))]


def wrong_confirmation(scene: Play) -> list[Draft]:
    return [forged(scene, alter_tag=lambda tag: bytes(len(tag)))]


def forged(scene: Play, **how: object) -> Draft:
    options: dict[str, object] = {"authenticated_data": scene.evil.said_in_clear(), **how}
    return scene.evil.forged(forge_commit(scene.evil.view.mls, **options))  # type: ignore[arg-type] # its own


def add_without_approvals(scene: Play) -> list[Draft]:
    keys = ghost_keys(scene)
    commit, _ = scene.evil.commit(add=[keys.key_package(int(time.time())).message])
    return [seat_add(scene, keys), commit]


def add_that_the_server_is_not_told_of(scene: Play) -> list[Draft]:
    commit, _ = scene.evil.commit(add=[ghost_keys(scene).key_package(int(time.time())).message])
    return [commit]


def remove_without_approvals(scene: Play) -> list[Draft]:
    leaf = scene.ann.room.state.seats[scene.bo.seat].leaf
    commit, _ = scene.evil.commit(remove=[leaf])
    return [scene.evil.operate(SeatRemove(None, parse_b64u(scene.bo.seat))), commit]


def other_credential(scene: Play) -> list[Draft]:
    commit, _ = scene.evil.commit(identity=ghost_keys(scene).identity(), force_path=True)
    return [commit]


def other_leaf_key(scene: Play) -> list[Draft]:
    keys = replace(scene.evil.keys, leaf_key=generate_key())
    commit, _ = scene.evil.commit(identity=keys.identity(), force_path=True)
    return [commit]


def context_extensions(scene: Play) -> list[Draft]:
    return [forged(scene, proposals=[GroupContextExtensions(())])]


def no_view(scene: Play) -> list[Draft]:
    commit, _ = scene.evil.commit(authenticated_data=b"", force_path=True)
    return [commit]


def ghost_without_a_leaf(scene: Play) -> list[Draft]:
    commit, _ = scene.evil.commit(force_path=True)
    return [seat_add(scene, ghost_keys(scene)), commit]


def removal_in_name_alone(scene: Play) -> list[Draft]:
    commit, _ = scene.evil.commit(force_path=True)
    return [scene.evil.operate(SeatRemove(None, parse_b64u(scene.bo.seat))), commit]


COMMITS: list[tuple[Forge, str]] = [
    (garbage, ""),
    (wrong_confirmation, ""),
    (add_without_approvals, "approvals-missing"),
    (add_that_the_server_is_not_told_of, "approvals-missing"),
    (remove_without_approvals, "approvals-missing"),
    (other_credential, "credential-changed"),
    (other_leaf_key, "credential-changed"),
    (context_extensions, ""),
    (no_view, "commit-unexpected"),
    (ghost_without_a_leaf, "operations-unfit"),
    (removal_in_name_alone, "operations-unfit"),
]
"""A forged commit, and the code for which it is skipped; empty where it is one of backchannel_mls."""


@pytest.mark.parametrize(("forge", "code"), COMMITS, ids=[forge.__name__ for forge, _ in COMMITS])
async def test_a_commit_that_nobody_takes_is_voided_and_the_room_goes_on(
    stage: Stage, forge: Forge, code: str
) -> None:
    """Mallory facilitates. What Bo and Ann write meanwhile arrives; the roster stays."""
    async with play(stage, Role.FACILITATOR) as scene:
        before = set(scene.ann.room.members())
        await scene.evil.submit(*forge(scene))
        waiting = await scene.bo.room.send("written meanwhile")
        for one in scene.honest:
            await until(one, lambda one=one: voided(one) == 1)  # type: ignore[misc] # bound here
            (got,) = skipped(one)
            assert got == code or not code, got
            assert one.stopped is None
        await waiting.sent()
        await heard(scene.ann, "written meanwhile")
        assert set(scene.ann.room.members()) == set(scene.bo.room.members()) == before
        await goes_on(*scene.honest)
        await scene.evil.follow(scene.ann.room.ledger.view.seq)
        await scene.evil.submit(scene.evil.message("and Mallory can write again"))
        await heard(scene.bo, "and Mallory can write again")


FOLDED = [(forge, code) for forge, code in COMMITS if code]


@pytest.mark.parametrize(("forge", "code"), FOLDED, ids=[forge.__name__ for forge, _ in FOLDED])
async def test_without_its_rule_somebody_takes_it(
    stage: Stage, forge: Forge, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with play(stage, Role.FACILITATOR) as scene:
        rules.commits_are_decided(monkeypatch)
        await scene.evil.submit(*forge(scene))
        epoch = scene.ann.room.ledger.view.epoch
        await until(scene.ann, lambda: scene.ann.room.ledger.view.epoch > epoch or bool(skipped(scene.ann)))
        assert skipped(scene.ann) == []


async def test_a_member_who_may_not_commit_changes_nobody(stage: Stage) -> None:
    """The server takes no SeatAdd of a participant, and members no commit that adds."""
    async with play(stage) as scene:
        assert await scene.evil.ask(*add_without_approvals(scene)) == "not-allowed"
        await scene.evil.submit(*add_that_the_server_is_not_told_of(scene))
        for one in scene.honest:
            await until(one, lambda one=one: voided(one) == 1)  # type: ignore[misc] # bound here
            assert skipped(one) == ["commit-not-allowed"]
        await goes_on(*scene.honest)


async def test_a_path_that_is_spoilt_for_one_member(stage: Stage) -> None:
    """Bo cannot know whether the others lie: he is told, shows nothing of what he cannot read, and stays."""
    ann, bo = await stage.pair()
    cy = await stage.bring(ann, "Cy")
    mallory = await stage.bring(ann, "Mallory", "b", Role.FACILITATOR)
    await quiet(ann, bo, cy, mallory)

    def spoil(path: UpdatePath) -> UpdatePath:
        *lower, top = path.nodes
        of_ann, of_bo = top.encrypted_path_secret
        broken = HpkeCiphertext(of_bo.kem_output, os.urandom(len(of_bo.ciphertext)))
        return replace(path, nodes=(*lower, replace(top, encrypted_path_secret=(of_ann, broken))))

    async with insider(mallory, stage.server.url) as evil:
        commit = forge_commit(
            evil.view.mls,
            with_path=True,
            path=PathForgery(alter_path=spoil),
            authenticated_data=evil.said_in_clear(),
        )
        await evil.submit(evil.forged(commit))
        await say(cy, "in the new epoch", ann)
    await until(bo, lambda: any(type(fact).__name__ == "LeftBehind" for fact in bo.room.history()))
    assert bo.stopped is None
    assert "in the new epoch" not in bo.texts
    await goes_on(ann, cy)


test_it_fails, test_without_its_rule_it_succeeds = told_through_a_proxy(ATTACKS)
