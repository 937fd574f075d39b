"""`backchannel host`: servers on which this profile may make rooms."""

from __future__ import annotations

from pathlib import Path

import click

from backchannel import Client
from backchannel.cli.base import Group, options, run
from backchannel.cli.opening import opened
from backchannel.cli.secrets import read_secret
from backchannel.errors import BackchannelError
from backchannel.hosting import HostLink

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
        for link in client.hosts.values():
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
