"""`backchannel invite`: links that let one person in."""

from __future__ import annotations

import click

from backchannel import Role
from backchannel.cli.base import Group, options, run
from backchannel.cli.govern import party_of
from backchannel.cli.opening import done, in_room, room_option
from backchannel.cli.words import ROLES, Duration, described, duration
from backchannel_protocol.limits import MAX_INVITATION_S

invite = Group("invite", help="Links that let one person in.")


@invite.command()
@room_option
@click.option("--role", type=click.Choice(ROLES), default="participant", show_default=True)
@click.option("--party", metavar="PARTY", help="For which party, by id or name.")
@click.option("--expires", type=Duration(), default="7d", show_default=True, metavar="TIME")
def make(
    wanted: str | None,
    role: str,
    party: str | None,
    expires: int,
) -> None:
    """Makes a link for one person, and prints it on standard output alone.

    Whoever has the link can knock, once; you then compare three words with the person before anybody
    comes in. Send it by a way on which you trust nobody else reads.
    """
    if expires > MAX_INVITATION_S:
        raise click.UsageError(f"An invitation lives for at most {duration(MAX_INVITATION_S)}.")

    async def work() -> None:
        async with in_room(wanted) as room:
            side = party_of(room, party)
            link = await done(room.invite(role=Role(role), party=side, expires_in_s=expires))
            as_what = described(room.state, role, side)
            options().output.note(f"For one {as_what}. It works once, for {duration(expires)}:")
            options().output.result({"link": link, "role": role, "party": side}, link)
            options().output.note(
                "Next: backchannel admit --wait, or backchannel chat, so that you are there to let them in."
            )

    run(work)
