"""After a whole session nothing of what people said, are called or hold is where it may not be.

Looked through: the server's database with its write-ahead log, its other files, all that it wrote
to standard output and standard error, a backup of it, the request lines that it got, and the
profiles of the people. Looked for: every planted string, in every dress of `e2e.planted`.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import backchannel
from backchannel import Client, Role, Room, RoomGoverned, Scope
from backchannel_protocol.ids import parse_b64u
from backchannel_protocol.invitation import Invitation
from backchannel_server.command import LINK_FILE
from backchannel_server.storage.engine import DATABASE
from client.people import heard, knock_of, texts, until
from e2e.planted import dresses, files_of, found
from e2e.recorder import ADDRESS, Recorder, recorded

STARTS_WITHIN_S = 30
LOOK_S = 0.6
SAID = {
    "title": "Planted Harbour Title",
    "second title": "Planted Bridge Title",
    "welcome": "Planted welcome to the talks",
    "first rule": "Planted rule: speak for yourself",
    "second rule": "Planted rule: no recordings",
    "first party": "Planted Alphaland",
    "second party": "Planted Betastan",
    "name of Ann": "Planted Ann Abelson",
    "name of Bea": "Planted Bea Berisha",
    "name of Cy": "Planted Cy Calvino",
    "name of the bot": "Planted Echo Machine",
    "a message": "Planted words about the ceasefire",
    "a message in Arabic": "كلمات مزروعة عن الميناء",
    "a message in Hebrew": "מילים שתולות על הנמל",
    "a message in Russian": "Подброшенные слова о мосте",
    "a reply": "Planted reply: we would consider it",
    "a text taken back": "Planted slip of the tongue",
    "what may be quoted": "Planted and quotable by name",
    "a long message": "Planted at great length. " * 60,
    "the bot's words": "Planted echo of the machine",
    "the bot's scope": "Planted scope: repeats what it hears",
    "Ann's passphrase": "planted passphrase of ann 7741",
    "Bea's passphrase": "planted passphrase of bea 9912",
    "Cy's passphrase": "planted passphrase of cy 3305",
    "the bot's passphrase": "planted passphrase of echo 5086",
    "a user agent": "PlantedBrowser/7.1 (Plantix)",
    "a forwarded address": "203.0.113.217",
    "a query": "planted-query-of-a-person",
    "a wrong token": "planted-token-that-nobody-gave",
    "the people's address": ADDRESS,
}


@dataclass
class Running:
    """A server's process; `output` are the files with all that it said."""

    data: Path
    url: str
    token: str
    output: dict[str, Path] = field(default_factory=dict)


@asynccontextmanager
async def server_process(folder: Path) -> AsyncIterator[Running]:
    """A server that says all that it can say. Ended by SIGTERM."""
    data, output = folder / "server", {name: folder / name for name in ("stdout", "stderr")}
    words = ["--data", str(data), "--port", "0", "--log-level", "debug", "--sweep-interval-s", "1"]
    with output["stdout"].open("wb") as out, output["stderr"].open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backchannel_server",
            *words,
            stdout=out,
            stderr=err,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    try:
        async with asyncio.timeout(STARTS_WITHIN_S):
            while "host link" not in output["stdout"].read_text():  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.05)
        lines = output["stdout"].read_text().splitlines()
        said = dict(line.split(": ", 1) for line in lines)
        token = (data / LINK_FILE).read_text().strip().partition("#")[2]
        yield Running(data, said["listening"], token, output)
    finally:
        if process.returncode is None:
            process.terminate()
        assert await process.wait() == 0


async def back_up(server: Running, target: Path) -> None:
    """`backup` of the running server."""
    words = ["-m", "backchannel_server", "backup", str(target), "--data", str(server.data)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.DEVNULL, env=environment
    )
    assert await process.wait() == 0


async def prowl(server: Running) -> None:
    """Somebody who asks for what is not there, with much to tell about herself."""
    heads = (
        f"GET /v1/record/{SAID['a query']}?name={SAID['a query']} HTTP/1.1",
        f"GET /{SAID['a query']} HTTP/1.1",
        f"POST /v1/rooms?{SAID['a query']} HTTP/1.1",
        f"{SAID['a query']}",
    )
    for head in heads:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        lines = [
            head,
            "Host: localhost",
            f"User-Agent: {SAID['a user agent']}",
            f"X-Forwarded-For: {SAID['a forwarded address']}",
            f"Authorization: Bearer {SAID['a wrong token']}",
            "Connection: close",
            "Content-Length: 0",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        assert (await reader.read()).partition(b" ")[2].startswith(b"4")
        writer.close()


@dataclass
class Session:
    """Who took part, and what was made on the way that must not be found."""

    rooms: list[Room] = field(default_factory=list)
    planted: dict[str, str | bytes] = field(default_factory=dict)

    async def let_in(self, client: Client, name: str, **invited: object) -> Room:
        """One person more, by a link that is planted in all its parts."""
        ann = self.rooms[0]
        link = await ann.invite(**invited)  # type: ignore[arg-type] # the test's own words
        invitation = Invitation.parse_link(link)[1]
        of = f"of {name}'s invitation"
        self.planted |= {
            f"secret {of}": invitation.secret,
            f"fragment {of}": link.partition("#")[2],
            f"auth key {of}": invitation.auth_private,
            f"seal key {of}": invitation.derive("seal", 32),
        }
        knocking = await client.knock(link, name)
        waiting = asyncio.create_task(knocking.admitted())
        knock = await knock_of(ann, name)
        self.planted[f"the words {of}"] = " ".join(await knocking.words())
        await ann.approve(knock)
        async with asyncio.timeout(20):
            room = await waiting
        await room.accept_rules()
        self.rooms.append(room)
        return room

    def plant_keys(self) -> None:
        """The private keys of all seats, the group's secrets, and the approvals that were given."""
        for room in self.rooms:
            keys, view = room.ledger.keys, room.ledger.view
            of = f"of {room.state.seats[room.seat].name}"
            self.planted |= {
                f"seat key {of}": keys.seat_key,
                f"leaf key {of}": keys.leaf_key,
                f"governance key {of}": keys.governance_key,
                f"inbox key {of}": keys.inbox_key,
                f"exporter {of}": view.mls.export_secret(b"planted", b"", 32),
            }
        for number, fact in enumerate(self.rooms[0].history()):
            if isinstance(fact, RoomGoverned) and fact.type == "approve":
                self.planted[f"signature of approval {number}"] = parse_b64u(str(fact.body["signature"]))
                self.planted[f"key in approval {number}"] = str(fact.body["act"]["keys"]["governance"])


async def talk(session: Session, recorder: Recorder, server: Running, clients: list[Client]) -> None:
    """All that a room can hold, each with its planted words."""
    parties = [("a", SAID["first party"]), ("b", SAID["second party"])]
    ann = await clients[0].create_room(
        recorder.url,
        server.token,
        title=SAID["title"],
        welcome=SAID["welcome"],
        name=SAID["name of Ann"],
        rules=[SAID["first rule"]],
        parties=parties,
        party="a",
    )
    session.rooms.append(ann)
    bea = await session.let_in(clients[1], SAID["name of Bea"], role=Role.FACILITATOR, party="b")
    cy = await session.let_in(clients[2], SAID["name of Cy"], party="b")
    scope = Scope(SAID["the bot's scope"], "all", writes=True)
    echo = await session.let_in(clients[3], SAID["name of the bot"], role=Role.BOT, scope=scope)
    await ann.set_title(SAID["second title"])
    await ann.set_rules([SAID["first rule"], SAID["second rule"]])
    for room in session.rooms:
        await until(room, lambda room=room: len(room.state.rules.lines) == 2)  # type: ignore[misc] # bound here
        await room.accept_rules()
    asked = await (await ann.send(SAID["a message"])).sent()
    await heard(bea, asked.text or "")
    await bea.reply(asked, SAID["a reply"])
    slip = await (await bea.send(SAID["a text taken back"])).sent()
    await bea.retract(slip)
    for name in ("a message in Arabic", "a message in Hebrew", "a message in Russian", "a long message"):
        await (await cy.send(SAID[name])).sent()
    await (await cy.send(SAID["what may be quoted"], quotable="named")).sent()
    await (await echo.send(SAID["the bot's words"])).sent()
    await bea.mark_seen()
    for room in session.rooms:
        await heard(room, SAID["the bot's words"])
    assert None in texts(ann)


async def test_nothing_planted_is_found(tmp_path: Path) -> None:
    session = Session(planted=dict(SAID))
    kept: dict[str, bytes] = {}
    async with server_process(tmp_path) as server, recorded(server.url) as recorder:
        session.planted["the host token"] = server.token
        async with AsyncExitStack() as stack:
            clients = []
            for name in ("Ann", "Bea", "Cy", "the bot"):
                opening = backchannel.open_profile(
                    tmp_path / "profiles" / f"{name}.db", SAID[f"{name}'s passphrase"], look_s=LOOK_S
                )
                clients.append(await stack.enter_async_context(opening))
            await talk(session, recorder, server, clients)
            session.plant_keys()
            await prowl(server)
            await back_up(server, tmp_path / "backup")
            kept |= {f"open {name}": held for name, held in files_of(tmp_path / "profiles").items()}
            kept |= {f"running {name}": held for name, held in files_of(server.data).items()}
            await session.rooms[0].close()
        kept |= files_of(tmp_path / "profiles")
    kept |= files_of(server.data) | files_of(tmp_path / "backup")
    kept |= {f"its {name}": path.read_bytes() for name, path in server.output.items()}
    kept["request lines"] = b"\n".join(recorder.lines)
    kept["what the server answered"] = bytes(recorder.answers)
    for name in [name for name in kept if name.endswith(LINK_FILE)]:
        assert server.token.encode() in kept.pop(name)  # the one place where it is meant to be
    assert len(session.planted) >= 50
    assert found(session.planted, kept) == []
    room = {"the room's id": bytes(session.rooms[0].ledger.view.room)}
    told = {place for place in kept if found(room, {place: kept[place]})}
    assert told >= {f"running server/{DATABASE}-wal", f"server/{DATABASE}", f"backup/{DATABASE}"}
    assert not {place for place in told if place.startswith("its ") or "profiles" in place}
    assert "request lines" not in told
    assert len(recorder.lines) > 10
    assert b'"level"' in kept["its stderr"]


@pytest.mark.parametrize("planted", ["Control string 4711", "عينة للتحقق", bytes(range(3, 35))], ids=repr)
def test_a_control_string_is_found_in_every_dress(tmp_path: Path, planted: str | bytes) -> None:
    for number, (dress, content) in enumerate(dresses(planted)):
        folder = tmp_path / str(number)
        folder.mkdir()
        database = sqlite3.connect(folder / DATABASE)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE kept (value BLOB)")
        database.execute("INSERT INTO kept VALUES (?)", (b"before " + content + b" behind",))
        database.commit()
        assert any(f"({dress})" in one for one in found({"control": planted}, files_of(folder))), dress
        database.close()
