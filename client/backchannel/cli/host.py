"""`backchannel host`: servers on which this profile may make rooms."""

from __future__ import annotations

import time
from pathlib import Path

import click

from backchannel import Client
from backchannel.cli.base import Group, options, run
from backchannel.cli.opening import done, opened
from backchannel.cli.output import Record
from backchannel.cli.secrets import read_secret
from backchannel.cli.words import Duration, duration
from backchannel.connection.host import HttpHost
from backchannel.errors import BackchannelError
from backchannel.hosting import HostLink
from backchannel_protocol.http_bodies import MakeToken
from backchannel_protocol.limits import MAX_TOKEN_ROOMS, MAX_TOKEN_S

from_file_option = click.option(
    "--from-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Read the link from the first line of a file.",
)

host = Group("host", help="Servers on which you may make rooms: links that a host gave you.")


@host.command()
@click.option("--name", default="home", show_default=True, help="A short name of your choice.")
@from_file_option
def add(name: str, from_file: Path | None) -> None:
    """Keeps a host link, or a room token's, sealed in the profile.

    The link is asked for without echo, or read from standard input, or with --from-file: where
    the server runs on this machine without a terminal, from host-link in its data folder.
    """
    run(lambda: _add(name, from_file))


async def _add(name: str, from_file: Path | None) -> None:
    link = HostLink.parse(name, read_secret("Host link (it is not shown): ", from_file))
    async with opened(make=True) as client:
        known = client.hosts.get(name)
        if known is not None and known != link:
            sentence = (
                f"There is a host {name!r} already, {known.url}. Forget it first, or choose another --name."
            )
            raise BackchannelError("host-exists", sentence)
        await client.remember_host(link)
    record = {"name": link.name, "url": link.url}
    options().output.result(record, f"Kept {link.name}: {link.url}", "Next: backchannel room create")


@host.command(name="list")
def list_() -> None:
    """Which host links this profile keeps."""
    run(_list)


async def _list() -> None:
    async with opened() as client:
        for _, link in sorted(client.hosts.items()):
            options().output.result({"name": link.name, "url": link.url}, f"{link.name}  {link.url}")
        if not client.hosts:
            options().output.note("No host link is kept. `backchannel host add` keeps one.")


@host.command()
@click.argument("name")
def forget(name: str) -> None:
    """Forgets a host link here. On the server it goes on working."""
    run(lambda: _forget(name))


async def _forget(name: str) -> None:
    async with opened() as client:
        await client.forget_host(name)
    options().output.result({"name": name, "forgotten": True}, f"Forgot {name}.")


@host.command()
@click.option("--host", "name", metavar="NAME", help="Of which host, where the profile keeps several.")
@click.option("--rooms", type=click.IntRange(1, MAX_TOKEN_ROOMS), default=1, show_default=True)
@click.option("--expires", type=Duration(), default="7d", show_default=True, metavar="TIME")
def token(name: str | None, rooms: int, expires: int) -> None:
    """Makes a link with which somebody else may make rooms on your server: `backchannel host add` takes it.

    Whoever has it may make as many rooms as you say; it is printed on standard output alone.
    """
    if expires > MAX_TOKEN_S:
        raise click.UsageError(f"Such a link lives for at most {duration(MAX_TOKEN_S)}.")

    async def work() -> None:
        async with opened() as client:
            link = chosen_host(client, name)
        until = int(time.time()) + expires
        made = await done(HttpHost(link.url).make_token(link.token, MakeToken(rooms, until)))
        given = HostLink.parse(link.name, HostLink(link.name, link.url, made.token).link())
        count = "one room" if rooms == 1 else f"{rooms} rooms"
        options().output.note(f"For {count} on {link.url}, for {duration(expires)}:")
        record: Record = {"link": given.link(), "rooms": rooms, "expires": until}
        options().output.result(record, given.link())

    run(work)


def chosen_host(client: Client, name: str | None) -> HostLink:
    """The host of a name, or the only one. Raises BackchannelError."""
    if name is None and len(client.hosts) == 1:
        return next(iter(client.hosts.values()))
    if name is not None and name in client.hosts:
        return client.hosts[name]
    if not client.hosts:
        sentence = (
            "No host link is kept. `backchannel host add` keeps the one that `backchannel serve` printed."
        )
        raise BackchannelError("no-host", sentence)
    names = ", ".join(client.hosts)
    raise BackchannelError("which-host", f"Say which host with --host: {names}.")
