"""What may be typed in a chat behind a slash."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from backchannel import MessageSent, Role
from backchannel.cli.admit import Question, answer, questions
from backchannel.cli.base import options
from backchannel.cli.chat.attaching import attach, save
from backchannel.cli.chat.conversation import Conversation
from backchannel.cli.chat.entries import Entry
from backchannel.cli.govern import party_of
from backchannel.cli.members import record_of as member_record
from backchannel.cli.members import roster
from backchannel.cli.opening import done
from backchannel.cli.rules import rules_shown
from backchannel.cli.words import ROLES, described, listed, parse_duration, seat_name
from backchannel.errors import BackchannelError
from backchannel.speaking import Quotable

Act = Callable[[Conversation, str], Awaitable[None]]


class Quit(Exception):
    """The person wants to go."""


class Usage(BackchannelError):
    """A command that cannot be understood."""

    def __init__(self, sentence: str) -> None:
        super().__init__("usage", sentence)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command: how it is written, what it does in words, and what it does."""

    usage: str
    does: str
    act: Act


def say(chat: Conversation, kind: str, *lines: str, **more: str | int | list[str]) -> None:
    """An answer to the person."""
    record = {"type": kind, "lines": list(lines), **more}
    for number, line in enumerate(lines):
        chat.show(Entry("notice", line, record if number == 0 else {}))


async def obey(chat: Conversation, line: str) -> None:
    """A line that was typed: a message, or a command. Raises Quit, BackchannelError."""
    if not line.strip():
        return
    if not line.startswith("/"):
        await chat.write(line)
        return
    if line.startswith("//"):
        await chat.write(line[1:])
        return
    name, _, rest = line[1:].partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        raise Usage(
            "There is no such command; /help shows them. A message that begins with / is typed as //."
        )
    await command.act(chat, rest.strip())


# ---- messages
def _numbered(chat: Conversation, typed: str) -> MessageSent:
    digits = typed.removeprefix("#")
    found = chat.numbers.messages.get(int(digits)) if digits.isascii() and digits.isdigit() else None
    if found is None:
        raise Usage("That is not the number of a message: they stand before each, as in #12.")
    return found


async def _reply(chat: Conversation, rest: str) -> None:
    number, _, words = rest.partition(" ")
    message = _numbered(chat, number)
    if not words.strip():
        raise Usage("/reply N TEXT: the number of a message, then your answer.")
    await chat.write(words.strip(), message.id)


async def _retract(chat: Conversation, rest: str) -> None:
    await done(chat.room.retract(_numbered(chat, rest)))


def _path(typed: str) -> Path:
    """With ~ for the person's own folder."""
    return Path(typed).expanduser()


async def _attach(chat: Conversation, rest: str) -> None:
    """A file whose name has spaces stands in quotation marks."""
    try:
        words = shlex.split(rest)
    except ValueError:
        words = []
    sure = bool(words) and words[0] == "yes"
    words = words[1:] if sure else words
    if not words:
        raise Usage('/attach FILE TEXT: a file, in "…" where its name has spaces, then your words, if any.')
    warning = await attach(chat, _path(words[0]), " ".join(words[1:]), sure=sure)
    if warning is not None:
        said = f"Not sent yet. {warning} To send it all the same, type /attach yes {rest}"
        chat.show(Entry("warning", said, {"type": "attachment-warning", "sentence": warning}))


async def _save(chat: Conversation, rest: str) -> None:
    """`12`, or `12.2` for the second attachment; then where to."""
    typed, _, path = rest.partition(" ")
    number, _, which = typed.partition(".")
    message = _numbered(chat, number)
    at = int(which) if which.isascii() and which.isdigit() else None
    if not message.attachments[slice(at - 1, at) if at else slice(None)] or (which and not at):
        raise Usage("That message has no such attachment; /save 12 saves all of message 12, /save 12.2 one.")
    await save(chat, message, at, _path(path.strip() or "."))


async def _exposure(chat: Conversation, rest: str) -> None:
    """`no`, `anonymous` or `named`, and for how long."""
    for word in rest.split():
        seconds = parse_duration(word)
        if word in ("no", "anonymous", "named"):
            chat.quotable = cast("Quotable", word)
        elif word == "keep":
            chat.until_s = 0
        elif seconds is not None:
            chat.until_s = seconds
        else:
            raise Usage("/exposure no, anonymous or named; and 30m, 12h, 7d or keep.")
    say(chat, "exposure", f"From now on: {chat.exposure()}.", quotable=chat.quotable, until_s=chat.until_s)


async def _seen(chat: Conversation, rest: str) -> None:
    if rest in ("on", "off"):
        chat.tells_seen = rest == "on"
        said = (
            "The others learn what you have seen."
            if chat.tells_seen
            else "The others do not learn what you see."
        )
        say(chat, "seen-setting", said)
        return
    await chat.seen(again=True)
    last = chat.last_own()
    if last is None:
        say(chat, "seen-by", "You have told that you have seen everything until here.")
        return
    view = chat.room.ledger.view
    names = [
        seat_name(chat.room.state, seat)
        for seat, up_to in view.seen.items()
        if up_to >= last.seq and seat != chat.room.seat
    ]
    who = listed(sorted(names)) or "nobody yet"
    say(chat, "seen-by", f"#{chat.numbers.by_id[last.id]}, your last message, was seen by {who}.")


# ---- people
async def _members(chat: Conversation, _: str) -> None:
    room = chat.room
    if options().as_json:
        for id_, seat in room.members().items():
            chat.show(Entry("notice", "", {"type": "member", **member_record(room, id_, seat)}))
        return
    say(chat, "members", *roster(room))


async def _admit(chat: Conversation, rest: str) -> None:
    if not rest:
        found = questions(chat.room)
        lines = [one.line for one in found] or ["Nobody knocks, and nothing waits for your approval."]
        say(chat, "questions", *lines)
        return
    await answer(chat.room, _question(chat, rest), yes=True)


async def _decline(chat: Conversation, rest: str) -> None:
    await answer(chat.room, _question(chat, rest), yes=False)


def _question(chat: Conversation, name: str) -> Question:
    folded = name.casefold()
    found = [one for one in questions(chat.room) if one.name.casefold() == folded or one.seat == name]
    if len(found) != 1:
        raise Usage("Nobody of that name knocks; /admit shows who does.")
    return found[0]


async def _invite(chat: Conversation, rest: str) -> None:
    words = rest.split()
    role = Role(words.pop(0)) if words and words[0] in ROLES else Role.PARTICIPANT
    if role is Role.BOT:
        raise Usage("A bot's invitation says what it does: use `backchannel invite make --role bot`.")
    party = party_of(chat.room, " ".join(words) or None)
    link = await done(chat.room.invite(role=role, party=party))
    as_what = described(chat.room.state, role.value, party)
    say(
        chat,
        "invitation",
        f"For one {as_what}; it works once, for 7 days. Give it to nobody else:",
        link,
        link=link,
    )


# ---- the room
async def _rules(chat: Conversation, _: str) -> None:
    say(chat, "rules", *rules_shown(chat.room.state.rules))


async def _accept(chat: Conversation, _: str) -> None:
    await done(chat.room.accept_rules())


async def _standing(chat: Conversation, _: str) -> None:
    say(chat, "standing", chat.standing(), chat.exposure())


async def _leave(chat: Conversation, rest: str) -> None:
    if rest != "yes":
        raise Usage("To leave, type /leave yes. To come back you would need a new invitation.")
    await done(chat.room.leave())
    say(chat, "leaving", "You have asked to be let out; a facilitator's device does it when it is there.")


async def _close(chat: Conversation, rest: str) -> None:
    if rest != "yes":
        raise Usage("To end the room for everybody, type /close yes. It cannot be undone.")
    await done(chat.room.close())


async def _help(chat: Conversation, _: str) -> None:
    width = max(len(one.usage) for one in COMMANDS.values())
    lines = [f"{one.usage.ljust(width)}  {one.does}" for one in COMMANDS.values()]
    say(chat, "help", *lines, "Anything else is a message to the room.")


async def _quit(_: Conversation, __: str) -> None:
    raise Quit


COMMANDS: Final[Mapping[str, Typed]] = {
    "reply": Typed("/reply N TEXT", "answers message N", _reply),
    "retract": Typed("/retract N", "takes back your message N", _retract),
    "attach": Typed("/attach FILE [TEXT]", "sends a file, of at most 25 MiB", _attach),
    "save": Typed("/save N [PATH]", "saves what is attached to message N, here or where you say", _save),
    "exposure": Typed(
        "/exposure no|anonymous|named [30m]",
        "whether what you write next may be quoted, and how long it is kept",
        _exposure,
    ),
    "members": Typed("/members", "who is in the room", _members),
    "admit": Typed("/admit [NAME]", "who knocks; lets in whom you name", _admit),
    "decline": Typed("/decline NAME", "does not", _decline),
    "invite": Typed("/invite [ROLE] [PARTY]", "a link for one person", _invite),
    "seen": Typed(
        "/seen [on|off]", "who has seen your last message; whether others learn what you see", _seen
    ),
    "rules": Typed("/rules", "the ground rules", _rules),
    "accept": Typed("/accept", "accepts them", _accept),
    "status": Typed("/status", "connection, what waits, and your exposure", _standing),
    "leave": Typed("/leave yes", "leaves the room", _leave),
    "close": Typed("/close yes", "ends the room for everybody", _close),
    "help": Typed("/help", "these lines", _help),
    "quit": Typed("/quit", "ends this program; you stay in the room", _quit),
}
