"""Where operations stand in a Submit, and what is refused `malformed` (PROTOCOL.md, section 6)."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.ids import EventId, RoomId
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
    encode_operation,
)
from backchannel_protocol.refusals import Code
from backchannel_server.enforce.places import verify_places
from backchannel_server.refusal import Refusal
from server.server_kit import Host, Seat, admit, attached, new_room, random_id

ID, KEY = bytes(16), bytes(32)
ACTS = {"g": EventKind.GOVERNANCE, "c": EventKind.COMMIT, "t": EventKind.CHAT}
OPERATIONS: dict[str, Operation] = {
    "A": SeatAdd(None, ID, KEY, False),
    "R": SeatRemove(None, ID),
    "S": SeatSet(None, ID, True),
    "M": Mute(None, ID, 0),
    "P": SetPolicy(None, 0, 0, False, 0),
    "I": InvitationOpen(None, ID, KEY, 1),
    "X": InvitationClose(None, ID),
    "V": VoidCommit(None, ID),
    "E": CloseRoom(None),
}


def stands(letters: str, act: tuple[int, int] | None = None) -> bool:
    """Whether a Submit of these may stand; `act`: (number of an operation, number of the draft it names)."""
    drafts, operations = [], {}
    for number, letter in enumerate(letters):
        id_ = bytes([number]) * 16
        if letter in ACTS:
            drafts.append(Draft(id_, ACTS[letter], 0, ID, b"x"))
            continue
        named = bytes([act[1]]) * 16 if act is not None and act[0] == number else None
        operation = msgspec.structs.replace(OPERATIONS[letter], act=named)
        operations[EventId(id_)] = operation
        drafts.append(Draft(id_, EventKind.CONTROL, 0, ID, encode_operation(operation)))
    try:
        verify_places(drafts, operations)
    except Refusal as refusal:
        return refusal.code is not Code.MALFORMED
    return True


@pytest.mark.parametrize(
    "letters", ["Ac", "Rc", "AARc", "XAc", "gIAc", "Acg", "Act", "gS", "gSS", "tgS", "V", "gE"]
)
def test_what_may_stand(letters: str) -> None:
    assert stands(letters)


@pytest.mark.parametrize(
    "letters",
    [
        "A",
        "R",
        "cA",
        "AXc",
        "AgRc",
        "Agc",
        "cAg",
        "S",
        "Sg",
        "tS",
        "gSc",
        "cgS",
        "gAgc",
        "SgS",
        "gV",
        "VV",
        "Vc",
    ],
)
def test_what_may_not_stand(letters: str) -> None:
    assert not stands(letters)


def test_every_order_of_three_against_the_words_of_the_protocol() -> None:
    for letters in map("".join, product("gctARSMI", repeat=3)):
        if letters.count("c") > 1:
            continue
        before = letters[: letters.find("c")] if "c" in letters else ""
        row = len(before) - len(before.rstrip("AR"))
        changes_fit = sum(map(letters.count, "AR")) == row
        sets_fit = all("g" in letters[:at] and "c" not in letters for at in range(3) if letters[at] == "S")
        assert stands(letters) is (changes_fit and sets_fit), letters


@pytest.mark.parametrize("letter", "SMPIXE")
def test_an_act_is_a_governance_event_before_its_operation(letter: str) -> None:
    assert stands("g" + letter, (1, 0))
    assert not stands("g" + letter, (1, 1))  # itself
    assert not stands("g" + letter, (1, 7))  # of another Submit
    assert not stands("g" + letter + "g", (1, 2))  # behind it
    assert not stands("tg" + letter, (2, 0))  # chat


def test_seats_of_a_commit_name_no_act() -> None:
    for letter in "AR":
        assert not stands(f"g{letter}c", (1, 0))
        assert not stands(f"{letter}c", (0, 1))


async def test_the_server_refuses_what_stands_elsewhere_and_writes_nothing_of_it(host: Host) -> None:
    author = await new_room(host)
    joiner = Seat(RoomId(author.room))
    async with attached(host.url, author) as line:
        await admit(line, Seat(author.room))
        commit, pending = author.commit(joiner)
        add, policy = author.add(joiner), author.operate(SetPolicy(None, 0, 0, False, 0))
        govern = author.write(kind=EventKind.GOVERNANCE)
        for drafts in ([add, policy, commit], [commit, add], [add], [policy, add, govern, commit]):
            assert (await line.refuse(*drafts)).code == "malformed"
        bit = author.operate(SeatSet(govern.id, author.id, True))
        assert (await line.refuse(bit, govern)).code == "malformed"
        await line.submit(govern, bit)
        ack = await line.submit(policy, add, commit)
        author.enter(commit, pending, joiner)
        assert ack.placed[-1].seq == 2 + 2 + 3
        async with attached(host.url, joiner) as second:
            await second.submit(joiner.write())


async def test_chat_leaves_nothing_in_the_record(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        leaf = b"\x01" + random_id() * 2
        assert (await line.refuse(author.write(leaf=leaf))).code == "malformed"
        await line.submit(author.write(kind=EventKind.GOVERNANCE, leaf=leaf))
