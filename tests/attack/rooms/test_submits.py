"""Submits that break a rule of PROTOCOL.md sections 5 and 6 are refused with its code; nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from attack.rooms import server_rules as rules
from attack.rooms.attacks import Attacks, hold, told_directly
from attack.rooms.intruder import Scene, attached, greeted, last_word, put, said_next, unharmed
from attack.rooms.stage import Stage
from backchannel import Role
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack, Attach, Attached, Bye, Refused, Submit
from backchannel_protocol.ids import RoomId, SeatId, parse_b64u
from backchannel_protocol.keys import generate_key
from backchannel_protocol.limits import MAX_BODY_BYTES
from backchannel_protocol.operations import (
    CloseRoom,
    InvitationClose,
    InvitationOpen,
    Mute,
    Operation,
    SeatAdd,
    SeatRemove,
    SeatSet,
    SetPolicy,
    VoidCommit,
)
from server.server_kit import Line, Seat, attach_frame, random_id

ATTACKS: Attacks[Stage] = Attacks()
Drafts = Callable[[Scene], list[Draft]]
NEVER = 1 << 40


def random_operations(scene: Scene) -> dict[str, Operation]:
    """One of each kind, as it could be."""
    victim = SeatId(bytes(scene.bo.room.ledger.view.seat))
    return {
        "SeatAdd": SeatAdd(None, random_id(), generate_key(), True),
        "SeatRemove": SeatRemove(None, victim),
        "SeatSet": SeatSet(None, scene.mallory.id, True),
        "Mute": Mute(None, victim, NEVER),
        "SetPolicy": SetPolicy(None, 3600, 1, True, NEVER),
        "InvitationOpen": InvitationOpen(None, random_id(), generate_key(), NEVER),
        "InvitationClose": InvitationClose(None, random_id()),
        "VoidCommit": VoidCommit(None, scene.mallory.opening),
        "CloseRoom": CloseRoom(None),
    }


async def asked(line: Line, *drafts: Draft) -> str:
    """The code of a refusal; "taken" where there is an Ack."""
    await put(line, Submit(list(drafts)))
    answer = await said_next(line, Ack, Refused)
    return "taken" if isinstance(answer, Ack) else answer.code  # type: ignore[union-attr] # Refused or Bye


async def refused(stage: Stage, code: str, *attempts: Drafts, role: Role = Role.PARTICIPANT) -> None:
    """Each attempt gets the code, and Mallory's next honest message is taken: the connection goes on."""
    async with unharmed(stage, role) as scene, attached(scene.url, scene.mallory) as line:
        for number, attempt in enumerate(attempts):
            got = await asked(line, *attempt(scene))
            hold(got == code, f"attempt {number} was answered with {got}")
        hold(await asked(line, scene.mallory.write()) == "taken", "an honest message is refused")


def like(change: Callable[[Scene, Draft], Draft]) -> Drafts:
    """An honest message with something changed."""
    return lambda scene: [change(scene, scene.mallory.write())]


def with_fields(**fields: object) -> Drafts:
    return like(lambda _, draft: msgspec.structs.replace(draft, **fields))


def foreign_group(scene: Scene) -> Seat:
    """A group of Mallory's own, which is not the room's."""
    foreign = Seat(RoomId(random_id()))
    foreign.found()
    return foreign


# ---- who somebody is
async def attaching_as(scene: Scene, seat: Seat) -> str:
    async with greeted(scene.url, seat) as (line, hello):
        await put(line, attach_frame(seat, hello))
        return (await last_word(line)).code


@ATTACKS.against(rules.an_attach_is_signed)
async def attaches_as_somebody_else(stage: Stage) -> None:
    async with unharmed(stage) as scene:
        victim = SeatId(bytes(scene.bo.room.ledger.view.seat))
        other = Seat(scene.mallory.room, victim, scene.mallory.private)
        code = await attaching_or_replacing(scene, other)
        hold(code == "bad-signature", f"it was answered with {code}")


async def attaching_or_replacing(scene: Scene, seat: Seat) -> str:
    """As `attaching_as`; "attached" where the server believed it."""
    async with greeted(scene.url, seat) as (line, hello):
        await put(line, attach_frame(seat, hello))
        answer = await said_next(line, Attached)
        return answer.code if isinstance(answer, Bye) else "attached"


@ATTACKS.against()
async def attaches_to_a_room_or_seat_that_is_not(stage: Stage) -> None:
    async with unharmed(stage) as scene:
        mallory = scene.mallory
        elsewhere = Seat(RoomId(random_id()), mallory.id, mallory.private)
        hold(await attaching_as(scene, elsewhere) == "unknown-room", "another room")
        nobody = Seat(mallory.room, SeatId(random_id()), mallory.private)
        hold(await attaching_as(scene, nobody) == "unknown-seat", "another seat")


@ATTACKS.against(rules.an_attach_is_signed)
async def attaches_with_the_signature_of_another_connection(stage: Stage) -> None:
    async with unharmed(stage) as scene:
        mallory = scene.mallory
        async with greeted(scene.url, mallory) as (_, earlier), greeted(scene.url, mallory) as (line, _):
            await put(line, attach_frame(mallory, earlier))
            answer = await said_next(line, Attached)
            hold(isinstance(answer, Bye) and answer.code == "bad-signature", f"{answer}")


@ATTACKS.against(rules.an_attach_is_signed)
async def attaches_with_a_signature_for_another_server(stage: Stage) -> None:
    """What a relay could do, if the record key did not stand in what is signed."""
    async with unharmed(stage) as scene, greeted(scene.url, scene.mallory) as (line, hello):
        signed = attach_frame(scene.mallory, msgspec.structs.replace(hello, record_key=generate_key()))
        await put(line, signed)
        answer = await said_next(line, Attached)
        hold(isinstance(answer, Bye) and answer.code == "bad-signature", f"{answer}")


@ATTACKS.against()
async def attaches_with_a_version_that_is_not(stage: Stage) -> None:
    async with unharmed(stage) as scene, greeted(scene.url, scene.mallory) as (line, hello):
        good = attach_frame(scene.mallory, hello)
        await put(line, Attach(2, good.room, good.seat, 0, good.signature))
        code = (await last_word(line)).code
        hold(code == "version", f"it was answered with {code}")


# ---- which event it is
@ATTACKS.against(rules.an_id_is_used_once)
async def reuses_an_id_with_other_bytes(stage: Stage) -> None:
    async with unharmed(stage) as scene, attached(scene.url, scene.mallory) as line:
        first, second = scene.mallory.write(), scene.mallory.write()
        hold(await asked(line, first) == "taken", "an honest message is refused")
        hold(await asked(line, first) == "taken", "the same bytes again are refused")
        for name, forged in {
            "body": msgspec.structs.replace(second, id=first.id),
            "kind": msgspec.structs.replace(first, kind=EventKind.GOVERNANCE),
            "leaf": msgspec.structs.replace(first, leaf=bytes(33)),
        }.items():
            got = await asked(line, forged)
            hold(got == "duplicate-id", f"another {name} was answered with {got}")
        got = await asked(line, second, msgspec.structs.replace(scene.mallory.write(), id=first.id))
        hold(got == "duplicate-id", f"an id in second place was answered with {got}")
        got = await asked(line, second, second)
        hold(got == "duplicate-id", f"an id twice in one Submit was answered with {got}")
        hold(await asked(line, second) == "taken", "what was refused had been written")


@ATTACKS.against(rules.an_id_is_used_once)
async def takes_the_id_of_somebody_elses_event(stage: Stage) -> None:
    async with unharmed(stage) as scene, attached(scene.url, scene.mallory) as line:
        theirs = scene.ann.room.messages()[-1]
        forged = msgspec.structs.replace(scene.mallory.write(), id=parse_b64u(theirs.id))
        got = await asked(line, forged)
        hold(got == "duplicate-id", f"it was answered with {got}")


# ---- when it is
@ATTACKS.against(rules.an_epoch_is_the_rooms, rules.framing_says_the_same)
async def writes_in_another_epoch(stage: Stage) -> None:
    await refused(
        stage,
        "stale-epoch",
        with_fields(epoch=0),
        with_fields(epoch=NEVER),
        with_fields(opening=bytes(16)),
        like(lambda scene, draft: msgspec.structs.replace(draft, epoch=draft.epoch + 1)),
        like(lambda scene, draft: msgspec.structs.replace(draft, opening=scene.mallory.room)),
    )


# ---- what it is
@ATTACKS.against(rules.framing_says_the_same)
async def forges_the_framing(stage: Stage) -> None:
    await refused(
        stage,
        "malformed",
        with_fields(body=b"\0"),
        with_fields(body=os.urandom(300)),
        with_fields(body=bytes(MAX_BODY_BYTES)),
        like(lambda _, draft: msgspec.structs.replace(draft, body=draft.body + b"\0")),
        like(lambda _, draft: msgspec.structs.replace(draft, body=draft.body[:-1])),
        like(lambda scene, draft: msgspec.structs.replace(draft, body=foreign_group(scene).write().body)),
        with_fields(kind=EventKind.COMMIT),
        lambda scene: [msgspec.structs.replace(scene.mallory.commit()[0], kind=EventKind.CHAT)],
        lambda scene: [msgspec.structs.replace(scene.mallory.commit()[0], kind=EventKind.GOVERNANCE)],
        lambda scene: [msgspec.structs.replace(in_epoch_zero(scene), epoch=scene.mallory.epoch)],
    )


def in_epoch_zero(scene: Scene) -> Draft:
    """The room's own group id, and an epoch that was over long ago, inside the framing."""
    other = Seat(scene.mallory.room)
    other.found()
    return msgspec.structs.replace(other.write(), opening=scene.mallory.opening)


@ATTACKS.against()
async def makes_two_commits_at_once(stage: Stage) -> None:
    await refused(stage, "malformed", lambda scene: [scene.mallory.commit()[0], scene.mallory.commit()[0]])


@ATTACKS.against()
async def puts_a_message_into_the_record(stage: Stage) -> None:
    await refused(stage, "malformed", with_fields(leaf=b"\1" + bytes(32)))


@ATTACKS.against()
async def uses_a_reserved_kind(stage: Stage) -> None:
    await refused(stage, "not-allowed", with_fields(kind=EventKind.ANONYMOUS))


# ---- operations
@ATTACKS.against(rules.operations_are_for_facilitators)
async def operates_without_the_bit(stage: Stage) -> None:
    """Alone, beside an act, and beside a commit: no operation of a participant reaches the room."""
    async with unharmed(stage) as scene, attached(scene.url, scene.mallory) as line:
        for name, operation in random_operations(scene).items():
            draft = scene.mallory.operate(operation)
            act = scene.mallory.write(kind=EventKind.GOVERNANCE)
            named = scene.mallory.operate(msgspec.structs.replace(operation, act=act.id))
            for drafts in ([draft], [act, named], [draft, scene.mallory.commit()[0]]):
                got = await asked(line, *drafts)
                hold(got in ("not-allowed", "malformed"), f"{name} was answered with {got}")
        hold(await asked(line, scene.mallory.write()) == "taken", "an honest message is refused")


def beside_no_commit(operation: Operation) -> Drafts:
    return lambda scene: [scene.mallory.operate(operation)]


@ATTACKS.against(rules.operations_stand_where_they_may)
async def operates_in_the_wrong_place(stage: Stage) -> None:
    """Mallory facilitates, and tells the server what no encrypted act stands beside (section 6)."""
    add = SeatAdd(None, bytes(16), bytes(32), False)
    set_bit = SeatSet(None, bytes(16), True)

    def commit(scene: Scene) -> Draft:
        return scene.mallory.commit()[0]

    await refused(
        stage,
        "malformed",
        beside_no_commit(add),
        beside_no_commit(SeatRemove(None, bytes(16))),
        beside_no_commit(set_bit),
        lambda scene: [commit(scene), scene.mallory.operate(add)],
        lambda scene: [scene.mallory.operate(add), scene.mallory.write(), commit(scene)],
        lambda scene: [scene.mallory.operate(set_bit), commit(scene)],
        lambda scene: [scene.mallory.operate(set_bit), scene.mallory.write(kind=EventKind.GOVERNANCE)],
        lambda scene: [scene.mallory.operate(msgspec.structs.replace(add, act=bytes(16))), commit(scene)],
        lambda scene: [scene.mallory.operate(CloseRoom(random_id()))],
        role=Role.FACILITATOR,
    )


@ATTACKS.against()
async def forges_an_operation(stage: Stage) -> None:
    """Bytes that are no operation, and operations on what is not there."""
    async with unharmed(stage, Role.FACILITATOR) as scene, attached(scene.url, scene.mallory) as line:
        good = scene.mallory.operate(Mute(None, random_id(), 0))
        bodies = [b"\x93", b"\xc1", b"\x92\x63\xc0", b"\x92\x01\xc0", b"\x91" * 800, os.urandom(40)]
        for body in bodies:
            got = await asked(line, msgspec.structs.replace(good, body=body))
            hold(got == "malformed", f"{body[:20]!r} was answered with {got}")
        for operation, code in (
            (Mute(None, random_id(), 0), "unknown-seat"),
            (InvitationClose(None, random_id()), "mailbox-closed"),
            (InvitationOpen(None, random_id(), generate_key(), 1), "expired"),
            (InvitationOpen(None, random_id(), generate_key(), NEVER), "not-allowed"),
            (VoidCommit(None, random_id()), "not-allowed"),
        ):
            got = await asked(line, scene.mallory.operate(operation))
            hold(got == code, f"{operation} was answered with {got}")


test_it_fails, test_without_its_rule_it_succeeds = told_directly(ATTACKS)
