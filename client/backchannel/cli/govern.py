"""`backchannel room`: governing a room. Everything here is signed and shown to all members."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import click

from backchannel import Role, Room, text
from backchannel.cli.base import Group, options, run
from backchannel.cli.opening import chosen_room, done, in_room, opened, room_option, title_of
from backchannel.cli.output import Record
from backchannel.cli.questions import confirmed
from backchannel.cli.room import ADMISSION, kept, record_of, room
from backchannel.cli.rules import rule_lines, rules_shown
from backchannel.cli.words import ROLES, Duration
from backchannel.errors import BackchannelError


def _change(wanted: str | None, act: Callable[[Room], Awaitable[object]], *said: str) -> None:
    """Does something in a room that is up to date, and says that it is done."""

    async def work() -> None:
        async with in_room(wanted) as one:
            await done(act(one))
            options().output.result(record_of(one), *said)

    run(work)


@room.command()
@room_option
@click.argument("title")
def rename(wanted: str | None, title: str) -> None:
    """Gives the room a new title."""
    _change(wanted, lambda one: one.set_title(title), "Done. The room has a new title.")


@room.command()
@room_option
@click.argument("welcome")
def welcome(wanted: str | None, welcome: str) -> None:
    """Sets what everybody who comes in reads first."""
    _change(wanted, lambda one: one.set_welcome(welcome), "Done.")


@room.command()
@room_option
@click.argument("keep", type=Duration(), required=False)
@click.option("--for-good", is_flag=True, help="Until the room is closed.")
@click.option("--after-reading", is_flag=True, help="Also gone as soon as everybody has read it.")
def retention(wanted: str | None, keep: int | None, *, for_good: bool, after_reading: bool) -> None:
    """Sets how long messages are kept: `backchannel room retention 7d`."""
    if (keep is None) != for_good:
        raise click.UsageError("Give a length of time, as in 7d, or --for-good.")
    said = f"Done. Messages are kept: {kept(keep or 0, after_reading=after_reading)}."
    _change(wanted, lambda one: one.set_retention(keep or 0, after_reading=after_reading), said)


@room.command()
@room_option
@click.argument("rule", type=click.Choice(["party", "any"]))
def admission(wanted: str | None, rule: str) -> None:
    """Sets who approves who comes in and who is removed: a facilitator of each `party`, or `any` one.

    Back to `any` needs what the strict rule needs: a facilitator of each party approves it.
    """

    async def work() -> None:
        async with in_room(wanted) as one:
            missing: tuple[tuple[str, str], ...] = ()
            if rule == "party":
                await done(one.require_each_party())
            else:
                missing = await done(one.require_any_facilitator())
            record = {**record_of(one), "missing": [id_ for id_, _ in missing]}
            options().output.result(record, proposed(missing, f"Done. Now {ADMISSION[rule]}."))

    run(work)


@room.command()
@room_option
@click.argument("member")
@click.option("--yes", is_flag=True, help="Do not ask again.")
def remove(wanted: str | None, member: str, *, yes: bool) -> None:
    """Removes a member, by name or seat; where the room's rule asks for more approvals, proposes it."""

    async def work() -> None:
        async with in_room(wanted) as one:
            seat = seat_of(one, member)
            confirmed(f"Remove {text.name(one.members()[seat].name)}? All members see who did it.", yes=yes)
            missing = await done(one.remove(seat))
            if not missing:
                await done(_gone(one, seat))
            said = proposed(missing, "Removed. What is said from now on is closed to that seat.")
            record = {**record_of(one), "removed": seat, "missing": [id_ for id_, _ in missing]}
            options().output.result(record, said)

    run(work)


@room.command()
@room_option
@click.argument("member")
@click.argument("role", type=click.Choice([one for one in ROLES if one != Role.BOT.value]))
@click.option("--party", metavar="ID", help="For which party; without it the party stays.")
def role(wanted: str | None, member: str, role: str, party: str | None) -> None:
    """Changes a member's role; where the room's rule asks for more approvals, proposes it."""

    async def work() -> None:
        async with in_room(wanted) as one:
            seat = seat_of(one, member)
            side = ... if party is None else party_of(one, party)
            missing = await done(one.set_role(seat, Role(role), party=side))
            said = proposed(missing, "Done. All members see it.")
            record = {**record_of(one), "changed": seat, "missing": [id_ for id_, _ in missing]}
            options().output.result(record, said)

    run(work)


def proposed(missing: Sequence[tuple[str, str]], done_line: str) -> str:
    """What is said of an act: that it is done, or whose approval it still waits for."""
    if not missing:
        return done_line
    names = ", ".join(text.name(called) for _, called in missing)
    return f"Proposed. It is done when a facilitator of each of these approves: {names}."


async def _gone(one: Room, seat: str) -> None:
    async with one.ledger.changed:
        await one.ledger.changed.wait_for(lambda: seat not in one.members())


def seat_of(one: Room, member: str) -> str:
    """A seat by name or id. Raises BackchannelError."""
    found = [id_ for id_, seat in one.members().items() if member in (seat.name, id_)]
    folded = member.casefold()
    found = found or [id_ for id_, seat in one.members().items() if seat.name.casefold() == folded]
    if len(found) != 1:
        raise BackchannelError(
            "seat-unknown", "There is no member of that name. `backchannel members` shows who is."
        )
    return found[0]


# ---- ending
@room.command()
@room_option
@click.option("--yes", is_flag=True, help="Do not ask again.")
def leave(wanted: str | None, *, yes: bool) -> None:
    """Leaves a room: a facilitator's device lets you out as soon as it is connected."""

    async def work() -> None:
        async with in_room(wanted) as one:
            confirmed(f"Leave {title_of(one)}? To come back, you need a new invitation.", yes=yes)
            await done(one.leave())
            options().output.result(record_of(one), "You have left. What you wrote stays with the others.")

    run(work)


@room.command()
@room_option
@click.option("--yes", is_flag=True, help="Do not ask again.")
def close(wanted: str | None, *, yes: bool) -> None:
    """Ends a room for everybody."""

    async def work() -> None:
        async with in_room(wanted) as one:
            confirmed(f"Close {title_of(one)} for everybody? This cannot be undone.", yes=yes)
            await done(one.close())
            options().output.result(record_of(one), "Closed. Nobody can write in it any more.")

    run(work)


@room.command()
@room_option
@click.option("--yes", is_flag=True, help="Do not ask again.")
def forget(wanted: str | None, *, yes: bool) -> None:
    """Leaves nothing of a room on this device. It does not leave the room: `leave` does."""

    async def work() -> None:
        async with opened() as client:
            one = chosen_room(client, wanted)
            confirmed(f"Forget {title_of(one)}, with all that was said in it, on this device?", yes=yes)
            record = record_of(one)
            await client.forget(one)
            options().output.result({**record, "forgotten": True}, "Forgotten.")

    run(work)


# ---- ground rules
rules = Group("rules", help="The ground rules that everybody accepts.")


@rules.command(name="show")
@room_option
def show_rules(wanted: str | None) -> None:
    """The rules, and whether you accepted them."""

    async def work() -> None:
        async with in_room(wanted, online=False) as one:
            options().output.result(_rules_record(one), *rules_shown(one.state.rules))

    run(work)


def _rules_record(one: Room) -> Record:
    return {
        "rules": list(one.state.rules.lines),
        "version": one.state.rules.version,
        "accepted": record_of(one)["rules_accepted"],
    }


@rules.command()
@room_option
@click.option("--yes", is_flag=True, help="Accept without being asked.")
def accept(wanted: str | None, *, yes: bool) -> None:
    """Accepts the rules as they are now."""

    async def work() -> None:
        async with in_room(wanted) as one:
            for line in rules_shown(one.state.rules):
                options().output.note(line)
            confirmed("Do you accept these rules?", yes=yes)
            await done(one.accept_rules())
            options().output.result(_rules_record(one), "Accepted.")

    run(work)


@rules.command(name="set")
@room_option
@click.option("--rule", "lines", multiple=True, metavar="LINE", help="A ground rule. Repeat it.")
@click.option(
    "--rules-file", type=click.Path(path_type=Path, dir_okay=False), help="Ground rules, one a line."
)
def set_rules(wanted: str | None, lines: tuple[str, ...], rules_file: Path | None) -> None:
    """Sets new rules, which everybody is asked to accept before going on."""
    new = rule_lines(lines, rules_file)
    if not new:
        raise click.UsageError("Give the rules with --rule or --rules-file.")
    _change(
        wanted, lambda one: one.set_rules(new), "Done. Everybody is asked to accept the new rules, you too."
    )


def party_of(one: Room, party: str | None) -> str | None:
    """A party by id or name. Raises BackchannelError."""
    if party is None:
        return None
    for side in one.state.parties:
        if party in (side.id, side.name) or party.casefold() == side.name.casefold():
            return side.id
    there = ", ".join(f"{text.name(side.name)} ({text.name(side.id)})" for side in one.state.parties)
    raise BackchannelError("party-unknown", f"The room has no such party. It has: {there or 'none'}.")
