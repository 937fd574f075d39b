"""asyncapi.yaml and openapi.yaml: up to date, whole by others' rules, and true of the running server."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import msgspec
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from backchannel_protocol.connection import State
from backchannel_protocol.events import EventKind
from backchannel_protocol.frames import Checkpoint, Cursor, Mail, Refused
from backchannel_protocol.http_bodies import (
    BeginBlob,
    CreateRoom,
    DeleteBlob,
    ForBlob,
    MakeToken,
    PutPart,
    ReadPart,
    encode_body,
)
from backchannel_protocol.ids import RoomId, b64u
from backchannel_protocol.limits import MAX_SEALED_BLOB_BYTES
from backchannel_protocol.operations import CloseRoom, InvitationClose, SeatRemove, SeatSet, SetPolicy
from backchannel_server.routes import ROUTES, UPGRADE
from server.blob_kit import Porter
from server.documents import DOCUMENTS, FOLDER, is_current
from server.mail_kit import Invitee, new_invitation, open_mailbox
from server.schemas import plain
from server.server_kit import Host, Line, Seat, admit, attached, hosting, new_room, random_id

Document = dict[str, Any]


def read(name: str) -> Document:
    """A document as others read it."""
    document: Document = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="module")
def frames() -> Document:
    return read("asyncapi.yaml")


@pytest.fixture(scope="module")
def paths() -> Document:
    return read("openapi.yaml")


def validate(document: Document, schema: Document, value: object) -> None:
    """Raises jsonschema.ValidationError unless the value is what the schema of the document says."""
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(plain(value))


# ---- the documents themselves
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_what_the_code_says(name: str) -> None:
    assert is_current(name), "run: python tests/server/documents.py --write"


def test_openapi_is_valid_to_others(paths: Document) -> None:
    OpenAPIV31SpecValidator(paths).validate()


def test_every_schema_is_one(frames: Document, paths: Document) -> None:
    for document in (frames, paths):
        for schema in document["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(frames: Document, paths: Document) -> None:
    for document in (frames, paths):
        references = list(_references(document))
        assert references
        for reference in references:
            place: Any = document
            assert reference.startswith("#/")
            for name in reference.removeprefix("#/").split("/"):
                place = place[name.replace("~1", "/")]
            assert isinstance(place, dict)


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def test_asyncapi_has_the_structure_of_version_3(frames: Document) -> None:
    assert frames["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= frames["info"].keys()
    known = {
        "asyncapi",
        "id",
        "info",
        "servers",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    }
    assert {name for name in frames if not name.startswith("x-")} <= known
    [channel] = frames["channels"].values()
    assert channel["address"] == UPGRADE.path
    for operation in frames["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["channel"] == {"$ref": "#/channels/connection"}
        for message in operation["messages"]:  # of the channel, not of the components
            assert message["$ref"].rpartition("/")[2] in channel["messages"]
    for message in frames["components"]["messages"].values():
        assert message["contentType"] == "application/msgpack"
        assert "payload" in message
    json.dumps(frames)  # nothing but JSON's own types


# ---- the running server: WebSocket
async def test_every_frame_of_a_session_is_as_documented(host: Host, frames: Document) -> None:
    lines = await session(host)
    seen = set()
    for line in lines:
        for sender, state, data in line.wire:
            value = msgspec.msgpack.decode(data)
            [name] = [
                name
                for name, schema in frames["components"]["schemas"].items()
                if schema.get("prefixItems", [{}])[0].get("const") == value[0]
                and name in frames["components"]["messages"]
            ]
            validate(frames, frames["components"]["schemas"][name], value)
            assert f"{sender}{name}" in frames["operations"]
            symbol = name if name != "Events" else f"Events, live {str(value[2]).lower()}"
            assert any(
                row["state"] == state.value and row["from"] == sender and row["frame"] == symbol
                for row in frames["x-states"]
            ), (state, sender, symbol)
            if name in ("Refused", "Bye"):
                code, sentence = value[2:4] if name == "Refused" else value[1:3]
                assert frames["x-refusals"][code] == sentence
            for event in value[1] if name == "Events" else []:
                if event[3] == EventKind.CONTROL:
                    operation = msgspec.msgpack.decode(event[6])
                    validate(frames, frames["components"]["schemas"]["Operation"], operation)
            seen.add(f"{sender}{name}")
    assert seen == frames["operations"].keys()


async def session(host: Host) -> list[Line]:
    """A room from its first message to its second facilitator's removal, with every frame that there is."""
    author, other = await new_room(host), Seat(RoomId(b""))
    other.room = author.room
    async with attached(host.url, author) as line:
        await admit(line, other, may_facilitate=True)
        leaf = b"\x01" + random_id() * 2
        await line.submit(
            author.write(kind=EventKind.GOVERNANCE, leaf=leaf),
            author.operate(SetPolicy(None, 0, 60, True, 0)),
        )
        await line.until(Checkpoint)
        await line.refuse(author.operate(InvitationClose(None, random_id())))
        invitee = await open_mailbox(host, line)
        await invitee.ask(host, 1, b"claim")
        await line.until(Mail)
        await line.send(Mail(invitee.invitation.mailbox, 2, b"challenge"))
        await line.until(Mail)
        await line.send(Cursor(3))
        async with attached(host.url, other) as second:
            govern = author.write(kind=EventKind.GOVERNANCE)
            await line.submit(govern, author.operate(SeatSet(govern.id, other.id, False)))
            await second.refuse(other.operate(SetPolicy(None, 0, 0, False, 0)))
            commit, pending = author.commit(remove=(1,))
            await line.submit(author.operate(SeatRemove(None, other.id)), commit)
            author.enter(commit, pending)
            await second.bye()
    assert second.connection.state is State.CLOSED
    return [line, second]


def test_the_states_are_those_of_the_protocol(frames: Document) -> None:
    assert {row["state"] for row in frames["x-states"]} | {"closed"} == {state.value for state in State}


# ---- the running server: HTTP
BLOB = random_id()


@dataclass
class Visit:
    """Asks the server, and compares each answer with the document. `codes` are the refusals seen."""

    host: Host
    paths: Document
    codes: set[tuple[str, str]] = field(default_factory=set)
    statuses: set[tuple[str, int]] = field(default_factory=set)

    async def ask(
        self,
        method: str,
        path: str,
        body: msgspec.Struct | bytes = b"",
        token: str | None = None,
        at: str = "",
    ) -> int:
        """One request; `at` is what fills the path's parameter."""
        described = self.paths["paths"][path][method.lower()]
        data = body if isinstance(body, bytes) else encode_body(body)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = self.host.url + path.replace("{room}", at)
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, url, data=data or None, headers=headers) as answer,
        ):
            content, status, media_type = await answer.read(), answer.status, answer.content_type
        self.statuses.add((path, status))
        response = described["responses"][str(status)]
        assert media_type in response["content"], (path, status, media_type)
        schema = response["content"][media_type]["schema"]
        if media_type == "application/msgpack":
            value = msgspec.msgpack.decode(content)
            validate(self.paths, schema, value)
            if status >= 400:
                refused = msgspec.msgpack.decode(content, type=Refused)
                assert refused.code in response["x-refusals"], (path, status, refused.code)
                self.codes.add((path, refused.code))
        return status


async def test_every_path_status_and_code_is_as_documented(host: Host, paths: Document) -> None:
    assert {(one.path, one.method.lower()) for one in (*ROUTES, UPGRADE)} == {
        (path, method) for path, methods in paths["paths"].items() for method in methods
    }
    visit = Visit(host, paths)
    for story in (visit_host_pages, visit_tokens_and_rooms, visit_mail, visit_blobs):
        await story(visit)
    documented = {
        (path, code)
        for path, methods in paths["paths"].items()
        for described in methods.values()
        for response in described["responses"].values()
        for code in response.get("x-refusals", ())
    }
    of_our_own_faults = {"internal", "storage-full"}  # test_storage.py
    elsewhere = {
        ("/v1/tokens", "too-many"),
        ("/v1/mail", "too-many"),
        *[(p, "too-fast") for p in paths["paths"]],
        *[(p, "too-slow") for p in paths["paths"]],  # test_door.py
    }
    missing = {one for one in documented - visit.codes - elsewhere if one[1] not in of_our_own_faults}
    assert not missing
    assert {(one.path, one.status) for one in ROUTES} <= visit.statuses


async def visit_host_pages(visit: Visit) -> None:
    """What anybody may look at."""
    room = (await new_room(visit.host)).room
    for path in ("/healthz", "/readyz", "/metrics", "/what-the-server-sees"):
        assert await visit.ask("GET", path) == 200
    assert await visit.ask("GET", "/v1/record/{room}", at=b64u(room)) == 200
    assert await visit.ask("GET", "/v1/record/{room}", at=b64u(random_id())) == 404
    assert await visit.ask("GET", "/v1/record/{room}", at="x") == 400
    assert await visit.ask("GET", "/v1/ws") == 400


async def visit_tokens_and_rooms(visit: Visit) -> None:
    """Tokens, rooms, and everything that is wrong with a request for one."""
    token, now = visit.host.running.token, visit.host.clock.now
    assert await visit.ask("POST", "/v1/tokens", MakeToken(1, now + 60), token) == 201
    given = await token_of(visit.host)
    assert await visit.ask("POST", "/v1/tokens", MakeToken(1, now + 60), given) == 403
    assert await visit.ask("POST", "/v1/tokens", MakeToken(1, now), token) == 410
    wanted = CreateRoom(random_id(), random_id(), bytes(32))
    assert await visit.ask("POST", "/v1/rooms", wanted, given) == 201
    assert (
        await visit.ask("POST", "/v1/rooms", msgspec.structs.replace(wanted, seat=random_id()), token) == 409
    )
    assert (
        await visit.ask("POST", "/v1/rooms", msgspec.structs.replace(wanted, room=random_id()), given) == 410
    )
    for path in ("/v1/tokens", "/v1/rooms"):
        assert await visit.ask("POST", path, wanted, "x" if path == "/v1/rooms" else None) == 401
        assert await visit.ask("POST", path, b"\xc1", token) == 400
        assert await visit.ask("POST", path, bytes(1 << 20), token) == 413


async def token_of(host: Host) -> str:
    """A room token for one room."""
    headers = {"Authorization": f"Bearer {host.running.token}"}
    data = encode_body(MakeToken(1, host.clock.now + 60))
    async with (
        aiohttp.ClientSession() as http,
        http.post(host.url + "/v1/tokens", data=data, headers=headers) as answer,
    ):
        token: str = msgspec.msgpack.decode(await answer.read())[0]
    return token


async def visit_mail(visit: Visit) -> None:
    """A mailbox from claim to close, and everything that is wrong with a letter."""
    host = visit.host
    author = await new_room(host)

    async def knock(invitee: Invitee, step: int, sealed: bytes | None, skew_s: int = 0) -> int:
        return await visit.ask("POST", "/v1/mail", invitee.knock(step, sealed, host.clock.now + skew_s))

    async with attached(host.url, author) as line:
        invitee = await open_mailbox(host, line)
        thief, nobody = Invitee(invitee.invitation), Invitee(new_invitation())
        claimed: list[tuple[Callable[[], Awaitable[int]], int]] = [
            (lambda: knock(invitee, 1, b"claim", 301), 410),
            (lambda: knock(invitee, 1, b"claim"), 200),
            (lambda: knock(invitee, 1, b"another"), 409),
            (lambda: knock(thief, 1, b"claim"), 409),
            (lambda: knock(thief, 0, None), 403),
            (lambda: knock(invitee, 2, b"challenge"), 403),
            (lambda: knock(invitee, 3, b"reveal"), 409),
            (lambda: knock(invitee, 0, None), 200),
            (lambda: knock(nobody, 1, b"claim"), 410),
            (lambda: visit.ask("POST", "/v1/mail", b"\xc1"), 400),
            (lambda: visit.ask("POST", "/v1/mail", bytes(1 << 20)), 413),
        ]
        for ask, status in claimed:
            assert await ask() == status
        late = await open_mailbox(host, line)
        await line.submit(author.operate(CloseRoom(None)))
        assert await knock(late, 1, b"claim") == 410


async def visit_blobs(visit: Visit) -> None:
    """An attachment from beginning to end, and everything that is wrong with a request for one."""
    host, codes = visit.host, visit.codes
    author, other = await new_room(host), Seat(RoomId(b""))
    other.room = author.room

    async def ask(path: str, porter: Porter, request: ForBlob) -> int:
        return await visit.ask("POST", f"/v1/blobs/{path}", porter.signed(request))

    async with attached(host.url, author) as line:
        await admit(line, other)
        anna, boris = Porter.of(host, author), Porter.of(host, other)
        nobody = Porter.of(host, Seat(author.room))
        nowhere = Porter.of(host, Seat(RoomId(random_id())))
        late = Porter(host.url, author, anna.record_key, anna.now - 301)
        for path, kind, rest in (
            ("begin", BeginBlob, (4_112,)),
            ("part", PutPart, (0, bytes(4_112))),
            ("read", ReadPart, (0,)),
        ):
            for porter, code in ((nobody, "unknown-seat"), (nowhere, "unknown-room"), (late, "expired")):
                await ask(path, porter, kind(*porter.about(BLOB), *rest))
                assert (f"/v1/blobs/{path}", code) in codes
            if path != "begin":
                assert await ask(path, anna, kind(*anna.about(random_id()), *rest)) == 404
            assert await ask(path, anna, kind(*anna.about(BLOB), *rest)) == 200
            unsigned = kind(*anna.about(BLOB), *rest)
            assert await visit.ask("POST", f"/v1/blobs/{path}", unsigned) == 403
        assert await ask("begin", boris, BeginBlob(*boris.about(BLOB), 4_112)) == 409
        assert await ask("part", anna, PutPart(*anna.about(BLOB), 0, bytes(4_111))) == 409
        most = BeginBlob(*anna.about(random_id()), MAX_SEALED_BLOB_BYTES)
        while await ask("begin", anna, most) == 200:
            most = BeginBlob(*anna.about(random_id()), MAX_SEALED_BLOB_BYTES)
        for porter in (boris, nobody, nowhere, late):
            assert await ask("delete", porter, DeleteBlob(*porter.about(BLOB))) in (403, 404, 410)
        assert await visit.ask("POST", "/v1/blobs/delete", DeleteBlob(*anna.about(BLOB))) == 403
        assert await ask("delete", anna, DeleteBlob(*anna.about(BLOB))) == 200
        commit, pending = author.commit(remove=(1,))
        await line.submit(author.operate(SeatRemove(None, other.id)), commit)
        author.enter(commit, pending)
        for path, request in (
            ("begin", BeginBlob(*boris.about(BLOB), 4_112)),
            ("part", PutPart(*boris.about(BLOB), 0, bytes(4_112))),
            ("read", ReadPart(*boris.about(BLOB), 0)),
            ("delete", DeleteBlob(*boris.about(BLOB))),
        ):
            assert await ask(path, boris, request) == 403
            assert await visit.ask("POST", f"/v1/blobs/{path}", b"\xc1") == 400
            assert await visit.ask("POST", f"/v1/blobs/{path}", bytes(1 << 20)) == 413
        await line.submit(author.operate(CloseRoom(None)))
        assert await ask("begin", anna, BeginBlob(*anna.about(random_id()), 4_112)) == 410


async def test_who_fails_too_often_is_told_as_documented(tmp_path: Path, paths: Document) -> None:
    async with hosting(tmp_path / "data", requests_a_minute=1) as host:
        visit = Visit(host, paths)
        assert await visit.ask("POST", "/v1/rooms", b"\xc1", "x") in (400, 401)
        for path in ("/v1/tokens", "/v1/rooms", "/v1/mail"):
            assert await visit.ask("POST", path, b"\xc1", "x") == 429
        assert await visit.ask("GET", "/v1/ws") == 429
