"""`backchannel doctor`: is this machine all right, and what to do where it is not."""

from __future__ import annotations

from typing import Final

import click

from backchannel import Client, text
from backchannel.cli.base import Command, options, run
from backchannel.cli.opening import opened
from backchannel.cli.output import Record
from backchannel.doctor import (
    Finding,
    Health,
    bad,
    good,
    look_at_machine,
    look_at_profile_file,
    look_at_room,
    look_at_server,
)
from backchannel.errors import BackchannelError

_MARKS: Final = {Health.GOOD: "ok  ", Health.NOTICE: "note", Health.BAD: "BAD "}


@click.command(cls=Command)
@click.option("--server", metavar="URL", help="Look at this server too, with or without a profile.")
def doctor(server: str | None) -> None:
    """Looks at this machine, the profile, its servers and rooms; exits with 1 where something is bad."""
    run(lambda: _examine(server))


async def _examine(server: str | None) -> None:
    path = options().path.expanduser()
    findings = [*look_at_machine(), *look_at_profile_file(path)]
    for finding in findings:
        _tell(finding)
    if server is not None:
        findings += _told(await look_at_server(server, None))
    if path.exists() and path.stat().st_size:
        findings += await _examine_profile()
    worst = [finding for finding in findings if finding.health is Health.BAD]
    if worst:
        count = "One thing is" if len(worst) == 1 else f"{len(worst)} things are"
        raise BackchannelError("unwell", f"{count} not as it should be; the lines above say what to do.")


async def _examine_profile() -> list[Finding]:
    try:
        async with opened() as client:
            findings = _told([good("profile", "It opens.")])
            for url, key in _servers(client).items():
                findings += _told(await look_at_server(url, key))
            for room in client.rooms.values():
                findings += _told(await look_at_room(client, room))
            return findings
    except BackchannelError as error:
        return _told([bad("profile", error.sentence, "Look at the profile, or at its passphrase.")])


def _servers(client: Client) -> dict[str, bytes | None]:
    """Each server once, with its key where a room told it."""
    servers: dict[str, bytes | None] = {link.url: None for link in client.hosts.values()}
    for knocking in client.knocks:
        servers.setdefault(knocking.server_url, None)
    return servers | {
        room.ledger.about.server_url: room.ledger.about.record_key for room in client.rooms.values()
    }


def _told(findings: list[Finding]) -> list[Finding]:
    for finding in findings:
        _tell(finding)
    return findings


def _tell(finding: Finding) -> None:
    record: Record = {
        "subject": finding.subject,
        "health": finding.health.value,
        "sentence": finding.sentence,
        "advice": finding.advice,
    }
    lines = [text.clean(f"{_MARKS[finding.health]}  {finding.subject}: {finding.sentence}")]
    lines += [f"      {text.clean(finding.advice)}"] if finding.advice else []
    options().output.result(record, *lines)
