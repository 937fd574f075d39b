"""`backchannel room`: making rooms, looking at them, governing them."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import click

from backchannel import Room, text
from backchannel.cli.base import Group, options, run
from backchannel.cli.host import chosen_host
from backchannel.cli.opening import (
    done,
    in_room,
    is_over,
    opened,
    room_option,
    title_of,
)
from backchannel.cli.output import Record
from backchannel.cli.questions import value_or_asked
from backchannel.cli.rules import rule_lines, rules_shown
from backchannel.cli.words import Duration, described_seat, duration
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519

SUITES: Final = {"x-wing": XWING_AES256GCM_SHA512_ED25519, "classic": X25519_AES128GCM_SHA256_ED25519}
_SUITE_NAMES: Final = {suite: name for name, suite in SUITES.items()}

room = Group("room", help="Make a room, look at your rooms, govern one.")


# ---- making
@room.command()
@click.option("--host", metavar="NAME", help="On which host, where the profile keeps several.")
@click.option("--title", help="The room's title; members alone can read it.")
@click.option("--name", help="Your name in the room.")
@click.option("--party", "parties", multiple=True, metavar="ID=NAME", help="A side: b=Beta. Repeat it.")
@click.option("--as", "own", metavar="ID", help="The party that you facilitate for; none if you are neutral.")
@click.option("--rule", "rules", multiple=True, metavar="LINE", help="A ground rule. Repeat it.")
@click.option(
    "--rules-file", type=click.Path(path_type=Path, dir_okay=False), help="Ground rules, one a line."
)
@click.option("--welcome", default="", metavar="TEXT", help="What everybody who comes in reads first.")
@click.option(
    "--keep", type=Duration(), metavar="TIME", help="How long messages are kept: 7d. Default: for good."
)
@click.option("--history", type=click.Choice(["none", "briefing"]), default="none", show_default=True)
@click.option(
    "--admission",
    type=click.Choice(["any", "party"]),
    default="any",
    show_default=True,
    help="Who approves who comes in: any facilitator, or one of each party, which this device sets when each"
    " party has one.",
)
@click.option("--suite", type=click.Choice(list(SUITES)), default="x-wing", show_default=True)
def create(
    host: str | None,
    title: str | None,
    name: str | None,
    parties: tuple[str, ...],
    own: str | None,
    rules: tuple[str, ...],
    rules_file: Path | None,
    welcome: str,
    keep: int | None,
    history: Literal["none", "briefing"],
    admission: Literal["any", "party"],
    suite: str,
) -> None:
    """Makes a room, which you facilitate.

    Whoever is invited accepts the ground rules before anything else. `x-wing` keeps what is recorded
    today unreadable for the computers of tomorrow as well; `classic` is smaller.
    """
    sides = [_side(one) for one in parties]
    if own is not None and own not in dict(sides):
        raise click.UsageError("--as names none of the parties that --party gives.")
    lines = rule_lines(rules, rules_file)

    async def work() -> None:
        async with opened() as client:
            link = chosen_host(client, host)
            called = value_or_asked(title, "Title of the room", "--title")
            me = value_or_asked(name, "Your name in it", "--name")
            made = await done(
                client.create_room(
                    link.url,
                    link.token,
                    title=called,
                    name=me,
                    rules=lines,
                    parties=sides,
                    party=own,
                    welcome=welcome,
                    retention_s=keep or 0,
                    history=history,
                    admission=admission,
                    suite=SUITES[suite],
                )
            )
            said = f"Made {text.name(made.title)} ({made.id[:6]}), which you facilitate as {text.name(me)}."
            options().output.result(record_of(made), said, "Next: backchannel invite make")

    run(work)


def _side(given: str) -> tuple[str, str]:
    id_, sign, called = given.partition("=")
    if not sign or not id_ or not called:
        raise click.UsageError("--party is an id and a name: --party b=Beta.")
    return id_, called


# ---- looking
@room.command(name="list")
def list_() -> None:
    """Your rooms, as this device last saw them."""
    run(_list)


async def _list() -> None:
    async with opened() as client:
        for one in client.rooms.values():
            waiting = len(one.ledger.items)
            facts = [f"{len(one.members())} members" if one.ledger.view.state else "not confirmed yet"]
            facts += ["over"] if is_over(one) else []
            facts += [f"stopped: {one.stopped}"] if one.stopped else []
            facts += [f"{waiting} waiting to be sent"] if waiting else []
            line = f"{one.id[:6]}  {title_of(one)}  ({', '.join(facts)})"
            options().output.result(record_of(one), line)
        for knocking in client.knocks:
            url = text.clean(knocking.server_url)
            record: Record = {"knocking_as": knocking.name, "server": url}
            line = f"        knocking at {url} as {text.name(knocking.name)}: go on with `backchannel join`"
            options().output.result(record, line)
        if not client.rooms and not client.knocks:
            options().output.note(
                "No rooms yet. `backchannel room create` makes one, `backchannel join` enters one."
            )


def record_of(one: Room) -> Record:
    """A room, for programs."""
    state = one.ledger.view.state
    own = None if state is None else state.seats.get(one.seat)
    record: dict[str, bool | int | str | None] = {
        "room": one.id,
        "title": None if state is None else state.title,
        "server": one.ledger.about.server_url,
        "seat": one.seat,
        "name": None if own is None else own.name,
        "role": None if own is None else own.role.value,
        "party": None if own is None else own.party,
        "members": 0 if state is None else len(state.seats),
        "rules_accepted": own is not None and state is not None and own.accepted >= state.rules.version,
        "closed": state is not None and state.closed is not None,
        "present": own is not None,
        "waiting": len(one.ledger.items),
        "stopped": None if one.stopped is None else one.stopped.code,
    }
    return record


@room.command()
@room_option
def show(wanted: str | None) -> None:
    """Everything that is set in a room, as this device last saw it."""

    async def work() -> None:
        async with in_room(wanted, online=False) as one:
            options().output.result(_shown_record(one), *_shown(one))

    run(work)


def _shown_record(one: Room) -> Record:
    state = one.state
    return {
        **record_of(one),
        "suite": _SUITE_NAMES.get(state.suite, str(state.suite)),
        "welcome": state.welcome,
        "rules": list(state.rules.lines),
        "rules_version": state.rules.version,
        "parties": [{"id": party.id, "name": party.name} for party in state.parties],
        "admission": state.admission.rule,
        "admission_wished": "party" if one.wishes_each_party else None,
        "keep_s": state.retention.seconds,
        "after_reading": state.retention.after_reading,
        "history": state.history.value,
    }


def _shown(one: Room) -> list[str]:
    state = one.state
    own = state.seats.get(one.seat)
    parties = ", ".join(f"{text.name(party.name)} ({text.name(party.id)})" for party in state.parties)
    lines = [
        f"{title_of(one)}  ({one.id})",
        f"server      {text.clean(one.ledger.about.server_url)}",
        f"you         {'no longer in the room' if own is None else described_seat(state, own)}",
        f"members     {len(state.seats)}",
        f"parties     {parties or 'none'}",
        f"admission   {ADMISSION[state.admission.rule]}",
        *(["            and of each party as soon as each has one"] if one.wishes_each_party else []),
        f"kept        {kept(state.retention.seconds, after_reading=state.retention.after_reading)}",
        f"history     {HISTORY[state.history.value]}",
        f"encryption  {_SUITE_NAMES.get(state.suite, state.suite)}",
    ]
    lines += [f"welcome     {line}" for line in text.wrapped(state.welcome, 90)] if state.welcome else []
    lines += ["closed      by a facilitator"] if state.closed is not None else []
    lines += [f"STOPPED     {one.stopped.sentence}"] if one.stopped is not None else []
    return [*lines, *rules_shown(state.rules)]


ADMISSION: Final = {
    "any": "one facilitator approves who comes in",
    "party": "a facilitator of each party approves who comes in",
}
HISTORY: Final = {
    "none": "who comes in later sees nothing of what was said before",
    "briefing": "who comes in later sees a facilitator's briefing of what was said before",
}


def kept(seconds: int, *, after_reading: bool) -> str:
    """How long messages are kept, in words."""
    ends = [duration(seconds)] if seconds else []
    ends += ["until all have read them"] if after_reading else []
    return " or ".join(ends) or "until the room is closed"
