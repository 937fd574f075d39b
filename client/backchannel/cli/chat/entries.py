"""What happened in a room, as the chat shows it: facts become entries. Pure.

An entry knows its line for people, clean, and its record for programs. Messages are numbered from 1
in the order of the log, and keep their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from backchannel import text
from backchannel.cli.output import Record
from backchannel.cli.words import described, duration, listed, moment, party_name, seat_name
from backchannel.room.facts import (
    AnyFact,
    CommitSkipped,
    CommitVoided,
    EventIgnored,
    KnockArrived,
    LeftBehind,
    MessageExpired,
    MessageRetracted,
    MessageSent,
    MessagesSeen,
    OperationUnfit,
    RoomEnded,
    RoomEntered,
    RoomGoverned,
    RoomStopped,
    SeatJoined,
    SeatLeft,
    SendFailed,
    VoidAsked,
)
from backchannel_protocol.room.state import RoomState

QUOTABLE: Final[Mapping[str, str]] = {
    "no": "may not be quoted",
    "anonymous": "may be quoted without your name",
    "named": "may be quoted with your name",
}
_FLAG: Final[Mapping[str, str]] = {
    "no": "",
    "anonymous": " [may be quoted without the name]",
    "named": " [may be quoted by name]",
}
Trouble = (
    RoomStopped
    | RoomEnded
    | SendFailed
    | CommitSkipped
    | CommitVoided
    | VoidAsked
    | LeftBehind
    | OperationUnfit
    | EventIgnored
)
GUTTER: Final = "      │ "


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to show.

    kind   message, event, knock, notice, warning, banner, day, unread
    head   one clean line; of a message, what stands before its text
    body   what somebody wrote, as it was written
    own    whether this seat did it
    """

    kind: str
    head: str
    record: Record
    body: str | None = None
    own: bool = False

    def lines(self, width: int) -> list[str]:
        """As a terminal of a width shows it: nobody's text can begin a line of its own."""
        if self.body is None:
            return text.wrapped(self.head, width)
        inner = max(width - len(GUTTER), 20)
        first = max(inner - text.cells(self.head), 0)
        lines = text.wrapped(self.body, inner)
        if len(lines) == 1 and text.cells(lines[0]) <= first:
            return [f"{self.head} {lines[0]}"]
        return [self.head, *(f"{GUTTER}{line}" for line in lines)]


@dataclass(slots=True)
class Numbers:
    """The numbers of messages, by id and back."""

    by_id: dict[str, int] = field(default_factory=dict)
    messages: dict[int, MessageSent] = field(default_factory=dict)

    def add(self, message: MessageSent) -> int:
        """The number of a message."""
        number = self.by_id.setdefault(message.id, len(self.by_id) + 1)
        self.messages[number] = message
        return number


def entry_of(fact: AnyFact, state: RoomState, own: str, numbers: Numbers) -> Entry | None:
    """A fact as it is shown; None for what is not."""
    match fact:
        case MessageSent():
            return _message(fact, own, numbers)
        case MessageRetracted() | MessageExpired():
            return _tombstone(fact, numbers)
        case SeatJoined() | SeatLeft():
            return _coming_or_going(fact, state)
        case RoomGoverned():
            return _governed(fact, state)
        case KnockArrived():
            return _knock(fact, state)
        case RoomEntered():
            return _plain("event", f"You came in. {text.clean(fact.sentence)}", fact)
        case MessagesSeen():
            return None
        case _:
            return _notice(fact, state)


def _notice(fact: Trouble, state: RoomState) -> Entry:
    """What went another way than it should have, in a sentence."""
    match fact:
        case RoomStopped():
            return stopped(fact.code, fact.sentence)
        case SendFailed():
            return _plain("notice", f"Not sent: {text.clean(fact.sentence)}", fact, code=fact.code)
        case CommitSkipped():
            said = "A change of the room is not valid; no member takes it, and it is taken back by itself."
            return _plain("notice", f"{said} ({text.clean(fact.sentence)})", fact, code=fact.code)
        case CommitVoided():
            return _plain("notice", "A change of the room was taken back by the facilitators.", fact)
        case EventIgnored():
            said = (
                f"Something by {seat_name(state, fact.seat)} counts for nobody: {text.clean(fact.sentence)}"
            )
            return _plain("notice", said, fact, code=fact.code)
        case VoidAsked():
            said = f"{seat_name(state, fact.seat)} asks the facilitators to take a change of the room back."
            return _plain("notice", said, fact)
        case OperationUnfit():
            said = f"Warning: {text.clean(fact.sentence)} (by {seat_name(state, fact.seat)})"
            return _plain("warning", said, fact, code=fact.code)
        case RoomEnded():
            return _plain("event", text.clean(fact.sentence), fact)
        case LeftBehind():
            return _plain("notice", text.clean(fact.sentence), fact)


def stopped(code: str, sentence: str) -> Entry:
    """The one banner."""
    said = f"THIS ROOM HAS STOPPED. {text.clean(sentence)} Nothing more is sent or shown here."
    return Entry("banner", said, {"type": "stopped", "code": code, "sentence": sentence})


def day(time_s: int) -> Entry:
    """A line between days."""
    date = datetime.fromtimestamp(time_s).astimezone().strftime("%Y-%m-%d")
    return Entry("day", f"──── {date} ────", {"type": "day", "day": date})


def unread() -> Entry:
    """The line above what is new."""
    return Entry("unread", "──── new since you were here ────", {"type": "unread"})


def _clock(time_s: int) -> str:
    return datetime.fromtimestamp(time_s).astimezone().strftime("%H:%M")


def _message(fact: MessageSent, own: str, numbers: Numbers) -> Entry:
    number = numbers.add(fact)
    answered = None if fact.reply_to is None else numbers.by_id.get(fact.reply_to)
    answers = f", to #{answered}" if answered else ", to an earlier message" if fact.reply_to else ""
    until = f" [until {moment(fact.exposure.until)}]" if fact.exposure.until else ""
    flags = _FLAG.get(fact.exposure.quotable, "") + until
    head = f"#{number} {_clock(fact.time)} {text.name(fact.name)}{answers}{flags} ›"
    record: dict[str, bool | int | str | list[str] | None] = {
        "type": "message",
        "number": number,
        "id": fact.id,
        "seq": fact.seq,
        "time": fact.time,
        "seat": fact.seat,
        "name": fact.name,
        "text": fact.text,
        "quotable": fact.exposure.quotable,
        "until": fact.exposure.until,
        "reply_to": answered,
        "own": fact.seat == own,
        "attachments": [one.name for one in fact.attachments],
    }
    if fact.text is None:
        why = "(its time is over)" if fact.gone == "expired" else "(taken back by its author)"
        return Entry("message", f"{head} {why}", record, None, fact.seat == own)
    body = "\n".join([*([fact.text] if fact.text else []), *attached(fact, number)])
    return Entry("message", head, record, body, fact.seat == own)


def attached(message: MessageSent, number: int) -> list[str]:
    """A line for each attachment: what it is called, how large it is, and how to get it."""
    many = len(message.attachments) > 1
    return [
        f"[{text.clean(one.name)}, {text.size(one.size)}: /save {number}{f'.{at}' if many else ''}]"
        for at, one in enumerate(message.attachments, 1)
    ]


def _tombstone(fact: MessageRetracted | MessageExpired, numbers: Numbers) -> Entry:
    number = numbers.by_id.get(fact.message)
    which = "An earlier message" if number is None else f"#{number}"
    took = isinstance(fact, MessageRetracted)
    said = f"{which} was taken back by its author." if took else f"{which} is gone: its time is over."
    hint = " /clear takes it from the screen." if number else ""
    record: Record = {"type": "retracted" if took else "expired", "number": number, "id": fact.message}
    return Entry("event", said + hint, record)


def _coming_or_going(fact: SeatJoined | SeatLeft, state: RoomState) -> Entry:
    if isinstance(fact, SeatJoined):
        by = listed([seat_name(state, seat) for seat in fact.by])
        said = f"{text.name(fact.name)} ({described(state, fact.role, fact.party)}) came in"
        return _plain("event", f"{said}, admitted by {by}." if by else f"{said}.", fact, name=fact.name)
    how = "left" if fact.how == "left" else "was removed"
    return _plain("event", f"{text.name(fact.name)} {how}.", fact, name=fact.name, how=fact.how)


def _knock(fact: KnockArrived, state: RoomState) -> Entry:
    who = f"{text.name(fact.name)} ({described(state, fact.role, fact.party)})"
    said = (
        f"{who} knocks. The words: {'   '.join(fact.words)}   Compare them over a call or face to face, "
        f"then /admit {text.clean(fact.name)} or /decline {text.clean(fact.name)}."
    )
    return _plain("knock", said, fact, name=fact.name, joining=fact.joining, words=list(fact.words))


def _plain(kind: str, said: str, fact: AnyFact, **more: str | list[str]) -> Entry:
    type_ = str(fact.__struct_config__.tag)
    record: Record = {
        "type": type_,
        "seq": fact.seq,
        "time": fact.time,
        "seat": fact.seat,
        "sentence": said,
        **more,
    }
    return Entry(kind, said, record)


# ---- acts of governance
Said = Callable[[RoomGoverned, RoomState], str | None]


def _governed(fact: RoomGoverned, state: RoomState) -> Entry | None:
    say = _ACTS.get(fact.type)
    said = None if say is None else say(fact, state)
    if said is None:
        return None
    sentence = f"{seat_name(state, fact.seat)} {said}"
    return Entry(
        "event",
        sentence,
        {
            "type": "governed",
            "act": fact.type,
            "seq": fact.seq,
            "time": fact.time,
            "seat": fact.seat,
            "sentence": sentence,
        },
    )


def _retention(fact: RoomGoverned, _: RoomState) -> str:
    rule = fact.body["retention"]
    seconds, reading = int(rule["seconds"]), bool(rule["after_reading"])
    ends = ([duration(seconds)] if seconds else []) + (["until all have read them"] if reading else [])
    return f"set how long messages are kept: {' or '.join(ends) or 'until the room is closed'}."


def _invited(fact: RoomGoverned, state: RoomState) -> str:
    return f"invited somebody: {described(state, str(fact.body['role']), fact.body['party'])}."


def _approved(fact: RoomGoverned, state: RoomState) -> str:
    act = fact.body["act"]
    called = act.get("name") or ("" if act.get("seat") is None else seat_name(state, act["seat"]))
    name = text.name(str(called))
    role = described(state, str(act.get("role", "")), act.get("party"))
    return {
        "add": f"approved that {name} comes in ({role}).",
        "remove": f"approved that {name} is removed.",
        "role": f"approved that {name} becomes {role}.",
    }.get(str(act["act"]), "approved that one facilitator alone may admit again.")


def _admission(fact: RoomGoverned, _: RoomState) -> str:
    if fact.body["rule"] == "party":
        return "set that a facilitator of each party approves who comes in."
    return "set that one facilitator approves who comes in."


def _role(fact: RoomGoverned, state: RoomState) -> str:
    role = described(state, str(fact.body["role"]), fact.body["party"])
    return f"did what was approved: {seat_name(state, str(fact.body['seat']))} is now {role}."


_ACTS: Final[Mapping[str, Said]] = {
    "genesis": lambda _, __: "made the room.",
    "accept": lambda _, __: "accepted the ground rules.",
    "rules": lambda _, __: "set new ground rules. /rules shows them, /accept accepts them.",
    "title": lambda fact, _: f"gave the room a new title: {text.name(str(fact.body['title']))}",
    "welcome": lambda _, __: "changed the room's welcome.",
    "retention": _retention,
    "history": lambda _, __: "changed what those who come in later are shown.",
    "invite": _invited,
    "revoke": lambda _, __: "closed an invitation.",
    "approve": _approved,
    "unapprove": lambda _, __: "took an approval back.",
    "role": _role,
    "admission": _admission,
    "leave": lambda _, __: "asks to be let out.",
    "close": lambda _, __: "closed the room. Nothing more can be written.",
}
"""What is said of an act, behind the name of who did it; what is not here is the machinery's."""


def exposure_line(state: RoomState, quotable: str, until_s: int) -> str:
    """What holds for what is written now: who reads it, whether it may be quoted, how long it is kept."""
    kept = "until the room is closed"
    if until_s:
        kept = f"for {duration(until_s)}"
    elif state.retention.seconds:
        kept = f"for {duration(state.retention.seconds)}"
    if state.retention.after_reading:
        kept += ", or until all have read it"
    others = len(state.seats) - 1
    readers = "Nobody else is here yet" if not others else f"Everybody in the room ({others + 1}) reads this"
    return f"{readers} · {QUOTABLE[quotable]} · kept {kept}"


def party_line(state: RoomState, seat: str) -> str:
    """The name before the prompt."""
    found = state.seats.get(seat)
    side = None if found is None else party_name(state, found.party)
    return seat_name(state, seat) + ("" if side is None else f" ({side})")
