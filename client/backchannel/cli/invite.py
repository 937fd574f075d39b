"""`backchannel invite`: links that let one person in."""

from __future__ import annotations

from typing import Literal

import click

from backchannel import Role, Room, text
from backchannel.cli.base import Group, options, run
from backchannel.cli.govern import party_of
from backchannel.cli.opening import done, in_room, room_option
from backchannel.cli.output import Record
from backchannel.cli.words import ROLES, Duration, described, duration, moment
from backchannel.errors import BackchannelError
from backchannel.facilitation.invitations import InvitationState, InvitationStatus
from backchannel_protocol.limits import MAX_INVITATION_S
from backchannel_protocol.room.state import Scope

Reads = Literal["all", "addressed", "none"]

invite = Group("invite", help="Links that let one person in.")


@invite.command()
@room_option
@click.option("--role", type=click.Choice(ROLES), default="participant", show_default=True)
@click.option("--party", metavar="PARTY", help="For which party, by id or name.")
@click.option("--purpose", metavar="LINE", help="Of a bot: what it does there. All members see it.")
@click.option(
    "--reads", type=click.Choice(["all", "addressed", "none"]), help="Of a bot: which messages it is handed."
)
@click.option("--writes", is_flag=True, help="Of a bot: it may write.")
@click.option("--expires", type=Duration(), default="7d", show_default=True, metavar="TIME")
def make(
    wanted: str | None,
    role: str,
    party: str | None,
    expires: int,
    purpose: str | None,
    reads: Reads | None,
    *,
    writes: bool,
) -> None:
    """Makes a link for one person, and prints it on standard output alone.

    Whoever has the link can knock, once; you then compare three words with the person before anybody
    comes in. Send it by a way on which you trust nobody else reads.
    """
    scope = _scope(role, purpose, reads, writes=writes)
    if expires > MAX_INVITATION_S:
        raise click.UsageError(f"An invitation lives for at most {duration(MAX_INVITATION_S)}.")

    async def work() -> None:
        async with in_room(wanted) as room:
            side = party_of(room, party)
            link = await done(room.invite(role=Role(role), party=side, scope=scope, expires_in_s=expires))
            as_what = described(room.state, role, side)
            options().output.note(f"For one {as_what}. It works once, for {duration(expires)}:")
            options().output.result({"link": link, "role": role, "party": side}, link)
            options().output.note(
                "Next: backchannel admit --wait, or backchannel chat, so that you are there to let them in."
            )

    run(work)


def _scope(role: str, purpose: str | None, reads: Reads | None, *, writes: bool) -> Scope | None:
    """Every bot has one, and nobody else. Raises UsageError."""
    if role != Role.BOT.value:
        if purpose is not None or reads is not None or writes:
            raise click.UsageError("--purpose, --reads and --writes are for bots: --role bot.")
        return None
    if purpose is None or reads is None:
        raise click.UsageError("A bot declares its scope: --purpose LINE and --reads all, addressed or none.")
    return Scope(purpose, reads, writes)


@invite.command(name="list")
@room_option
def list_(wanted: str | None) -> None:
    """The invitations, and what became of each."""

    async def work() -> None:
        async with in_room(wanted) as room:
            for one in room.invitations():
                options().output.result(record_of(one), line_of(room, one))
            if not room.invitations():
                options().output.note("No invitations. `backchannel invite make` makes one.")

    run(work)


def record_of(one: InvitationStatus) -> Record:
    """An invitation, for programs; not its secret."""
    return {
        "invitation": one.mailbox,
        "role": one.invited.role.value,
        "party": one.invited.party,
        "expires": one.invited.expires,
        "by": one.invited.by,
        "state": one.state.value,
        "name": one.name,
    }


def line_of(room: Room, one: InvitationStatus) -> str:
    """An invitation and its state, in words."""
    who = "" if one.name is None else text.name(one.name)
    said = {
        InvitationState.NOT_OPENED: f"not opened yet; until {moment(one.invited.expires)}",
        InvitationState.WAITING: f"{who} knocks: backchannel admit",
        InvitationState.ADMITTED: f"{who} came in with it",
        InvitationState.EXPIRED: "expired",
        InvitationState.REVOKED: "revoked, or used",
    }[one.state]
    return f"{one.mailbox[:6]}  {described(room.state, one.invited.role.value, one.invited.party)}  {said}"


@invite.command()
@room_option
@click.argument("invitation")
def revoke(wanted: str | None, invitation: str) -> None:
    """Makes an invitation worthless, by the id that `invite list` shows (its beginning is enough)."""

    async def work() -> None:
        async with in_room(wanted) as room:
            open_ones = (InvitationState.NOT_OPENED, InvitationState.WAITING)
            found = [
                one
                for one in room.invitations()
                if one.mailbox.startswith(invitation) and one.state in open_ones
            ]
            if len(found) != 1:
                sentence = "There is no such open invitation. `backchannel invite list` shows them."
                raise BackchannelError("invitation-unknown", sentence)
            await done(room.revoke(found[0].mailbox))
            options().output.result({"invitation": found[0].mailbox, "revoked": True}, "Revoked.")

    run(work)
