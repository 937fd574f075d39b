"""Attachments: what one attaches the others fetch, whole, whatever happens in between."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from backchannel import BackchannelError, Client, Delivery, MessageSent, NotAllowed, Room, SendFailed
from backchannel.attachments import UNBLOB, UPLOAD
from backchannel.connection.host import HttpHost
from backchannel_protocol.blobs import seal_parts
from backchannel_protocol.http_bodies import PutPart
from backchannel_protocol.ids import parse_b64u
from backchannel_protocol.limits import AFTER_READING_BLOB_S, MAX_BLOB_BYTES
from backchannel_protocol.refusals import Code
from client.conftest import Clock, Open
from client.memory_host import MemoryHost
from client.people import let_in, make_room, texts, until

PART = 262_144


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def two(host: MemoryHost, clients: list[Client], *, after_reading: bool = False) -> tuple[Room, Room]:
    ann = await make_room(clients[0], host.url, after_reading=after_reading)
    await ann.accept_rules()
    return ann, await let_in(ann, clients[1], "Bo")


async def come(room: Room) -> MessageSent:
    """The first message with attachments, when it is there."""
    await until(room, lambda: any(one.attachments for one in room.messages()))
    return next(one for one in room.messages() if one.attachments)


def stored(host: MemoryHost) -> int:
    return len(host.blobs)


async def test_what_one_attaches_the_other_fetches(
    host: MemoryHost, clients: list[Client], tmp_path: Path
) -> None:
    ann, bo = await two(host, clients)
    content = os.urandom(PART + 5)
    path = tmp_path / "Bericht 1.pdf"
    path.write_bytes(content)
    outgoing = await ann.send("Look.", attachments=[path, ("../b", "no type", b"")])
    sent = await outgoing.sent()
    assert outgoing.delivery is Delivery.SENT
    assert [(one.name, one.type, one.size) for one in sent.attachments] == [
        ("Bericht 1.pdf", "application/pdf", len(content)),
        ("_b", "application/octet-stream", 0),
    ]
    message = await come(bo)
    assert (message.text, message.attachments) == ("Look.", sent.attachments)
    told: list[tuple[int, int]] = []
    assert await bo.fetch(message.attachments[0], progress=lambda *at: told.append(at)) == content
    assert [come for come, _ in told] == sorted(come for come, _ in told)
    assert told[-1][0] == told[-1][1]
    assert await bo.fetch(message.attachments[1]) == b""
    await (await bo.send("", attachments=[("x", "text/plain", b"x")])).sent()
    assert not [name for name in ann.ledger.notes if name.startswith((UPLOAD, UNBLOB))]
    assert await ann.ledger.part_places() == []


async def test_it_is_saved_whole_for_its_owner_and_over_nothing(
    host: MemoryHost, clients: list[Client], tmp_path: Path
) -> None:
    ann, bo = await two(host, clients)
    await ann.send("", attachments=[("note.txt", "text/plain", b"words")])
    attachment = (await come(bo)).attachments[0]
    saved = await bo.save(attachment, tmp_path)
    assert saved == tmp_path / "note.txt"
    assert (saved.read_bytes(), saved.stat().st_mode & 0o777) == (b"words", 0o600)
    saved.write_bytes(b"mine")
    with pytest.raises(BackchannelError, match="not overwritten"):
        await bo.save(attachment, saved)
    assert saved.read_bytes() == b"mine"
    assert await bo.save(attachment, saved, replace=True) == saved
    assert saved.read_bytes() == b"words"
    with pytest.raises(BackchannelError) as raised:
        await bo.save(attachment, tmp_path / "nowhere" / "x")
    assert raised.value.code == "file-unwritable"
    host.showing = lambda parts: [parts[0][:-1] + b"?"]
    with pytest.raises(BackchannelError, match="not what its author sent"):
        await bo.save(attachment, tmp_path / "altered")
    assert files_in(tmp_path) == {saved: b"words"}


FORGED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "reordered": lambda parts: [parts[1], parts[0], *parts[2:]],
    "truncated": lambda parts: [*parts[:-1], parts[-1][:-16]],
    "extended": lambda parts: [*parts[:-1], parts[-1] + bytes(16)],
    "another blob": lambda parts: [parts[0], next(seal_parts(bytes(32), bytes(PART))), *parts[2:]],
    "one bit": lambda parts: [bytes([parts[0][0] ^ 1]) + parts[0][1:], *parts[1:]],
}


@pytest.mark.parametrize("forged", FORGED)
async def test_a_server_that_shows_something_else_shows_nothing(
    host: MemoryHost, clients: list[Client], forged: str
) -> None:
    ann, bo = await two(host, clients)
    content = os.urandom(2 * PART + 100)
    await ann.send("", attachments=[("a", "text/plain", content)])
    attachment = (await come(bo)).attachments[0]
    assert await bo.fetch(attachment) == content
    host.showing = FORGED[forged]
    with pytest.raises(BackchannelError) as raised:
        await bo.fetch(attachment)
    assert raised.value.code == "attachment-altered"
    host.blobs.clear()
    with pytest.raises(BackchannelError) as raised:
        await bo.fetch(attachment)
    assert raised.value.code == "attachment-gone"


async def test_what_is_said_meanwhile_is_not_held_up(host: MemoryHost, clients: list[Client]) -> None:
    ann, bo = await two(host, clients)
    host.cutting = 1
    outgoing = await ann.send("large", attachments=[("a", "text/plain", os.urandom(4 * PART))])
    await until(ann, lambda: outgoing.progress[0] > 0)
    assert outgoing.delivery is Delivery.WAITING
    assert outgoing.progress[1] > 4 * PART
    await (await ann.send("small")).sent()
    assert [one.text for one in ann.pending()] == ["large [a]"]
    assert outgoing.why in ("Uploading: 25 %.", "The server does not answer. It is sent when it does.")
    host.cutting = -1
    await outgoing.sent()
    await come(bo)
    assert texts(bo) == ["small", "large"]


async def test_an_upload_goes_on_where_it_was_after_the_program_died(
    host: MemoryHost, open_client: Open, clients: list[Client], tmp_path: Path
) -> None:
    path, content = tmp_path / "profile", os.urandom(5 * PART)
    ann = await make_room(clients[0], host.url)
    host.cutting = 3
    async with open_client(path) as client:
        bo = await let_in(ann, client, "Bo")
        outgoing = await bo.send("", attachments=[("planted-name", "text/plain", content)])
        await until(bo, lambda: outgoing.progress[0] >= 3 * PART)
    assert host.puts == 3
    assert content[:32] not in path.read_bytes()
    assert b"planted-name" not in path.read_bytes()
    host.cutting = -1
    async with open_client(path) as client:
        message = await come(ann)
        assert host.puts == 5
        assert await ann.fetch(message.attachments[0]) == content
        again = client.first_room
        assert again is not None
        await until(again, lambda: not again.pending())
        assert await again.ledger.part_places() == []


async def test_parts_that_no_message_names_go(
    host: MemoryHost, open_client: Open, clients: list[Client], tmp_path: Path
) -> None:
    """The program died after the parts were on disk, and before the message was."""
    ann = await make_room(clients[0], host.url)
    async with open_client(tmp_path / "profile") as client:
        bo = await let_in(ann, client, "Bo")
        await bo.ledger.keep_parts({7_000: b"stray"})
    async with open_client(tmp_path / "profile") as client:
        assert client.first_room is not None
        assert await client.first_room.ledger.part_places() == []


async def test_nothing_decrypted_lands_on_a_disk_unasked(
    host: MemoryHost,
    open_client: Open,
    clients: list[Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    planted = b"planted-content-" * 40_000
    ann = await make_room(clients[0], host.url)
    await ann.accept_rules()
    async with open_client(tmp_path / "home" / "profile") as client:
        bo = await let_in(ann, client, "Bo")
        await ann.send("", attachments=[("a", "text/plain", planted)])
        assert await bo.fetch((await come(bo)).attachments[0]) == planted
        await (await bo.send("", attachments=[("b", "text/plain", planted)])).sent()
        found = list(files_in(tmp_path).values())
    found += files_in(tmp_path).values()
    assert found
    assert not any(b"planted-content" in content for content in found)


@pytest.mark.parametrize("code", [Code.TOO_MANY, Code.TOO_LARGE, Code.NOT_ALLOWED])
async def test_what_the_server_will_not_take_is_told_and_its_words_are_kept(
    host: MemoryHost, clients: list[Client], code: Code
) -> None:
    ann, _ = await two(host, clients)
    host.refusing_blobs = code
    outgoing = await ann.send("words", attachments=[("a", "text/plain", b"x")])
    with pytest.raises(NotAllowed) as raised:
        await outgoing.sent()
    assert raised.value.code == code.value
    assert outgoing.delivery is Delivery.FAILED
    assert outgoing.why == raised.value.sentence
    failed = [fact for fact in ann.history() if isinstance(fact, SendFailed)]
    assert [(fact.place, fact.code) for fact in failed] == [(-1, code.value)]
    failure = ann.ledger.failure(-1)
    assert failure is not None
    assert b"words" in failure.item.body
    assert await ann.ledger.part_places() == []


@pytest.mark.parametrize("code", [Code.STORAGE_FULL, Code.TOO_FAST, Code.UNKNOWN_BLOB, Code.REMOVED])
async def test_what_passes_or_is_doubted_is_waited_for(
    host: MemoryHost, clients: list[Client], code: Code
) -> None:
    ann, bo = await two(host, clients)
    host.refusing_blobs = code
    outgoing = await ann.send("", attachments=[("a", "text/plain", b"x")])
    await until(ann, lambda: outgoing.why == code.sentence)
    host.refusing_blobs = None
    await outgoing.sent()
    assert await bo.fetch((await come(bo)).attachments[0]) == b"x"


async def test_a_device_whose_clock_is_wrong_uploads(
    host: MemoryHost, clients: list[Client], open_client: Open, tmp_path: Path
) -> None:
    ann = await make_room(clients[0], host.url)
    async with open_client(tmp_path / "profile") as client:
        await let_in(ann, client, "Bo")
    slow = Clock()
    slow.ahead = -7_000
    async with open_client(tmp_path / "profile", own=slow) as client:
        bo = client.first_room
        assert bo is not None
        await (await bo.send("", attachments=[("a", "text/plain", b"x")])).sent()
        assert await ann.fetch((await come(ann)).attachments[0]) == b"x"


async def test_what_may_not_be_attached(host: MemoryHost, clients: list[Client], tmp_path: Path) -> None:
    ann, _ = await two(host, clients)
    (tmp_path / "large").write_bytes(bytes(MAX_BLOB_BYTES + 1))
    for attached, code in (
        ([tmp_path / "nowhere"], "attachment-unreadable"),
        ([tmp_path], "attachment-unreadable"),
        ([tmp_path / "large"], "too-large"),
        ([("a", "text/plain", bytes(MAX_BLOB_BYTES + 1))], "too-large"),
        ([("a", "text/plain", b"")] * 5, "attachments-many"),
    ):
        with pytest.raises(NotAllowed) as raised:
            await ann.send("x", attachments=attached)
        assert raised.value.code == code
    with pytest.raises(NotAllowed):
        await ann.send("")
    host.cutting = host.puts
    content = ("a", "text/plain", bytes(MAX_BLOB_BYTES))
    for _ in range(7):
        await ann.send("", attachments=[content])
    with pytest.raises(NotAllowed) as raised:
        await ann.send("", attachments=[content])
    assert raised.value.code == "too-many"
    assert len(ann.pending()) == 7


# ---- how it ends
async def test_what_is_taken_back_goes_from_the_server_and_every_device(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann, bo = await two(host, clients)
    sent = await (await ann.send("x", attachments=[("a", "text/plain", b"x")] * 2)).sent()
    key = sent.attachments[0].key
    await come(bo)
    await ann.retract(sent)
    for room in (ann, bo):
        await until(room, lambda room=room: room.messages()[0].gone == "retracted")  # type: ignore[misc] # bound here
        assert room.messages()[0].attachments == ()
        assert key not in str(room.ledger.facts)
    await until(ann, lambda: stored(host) == 0)


async def test_what_its_author_gave_a_time_goes_from_the_server_then(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann, bo = await two(host, clients)
    await (await ann.send("x", until=int(clock()) + 50, attachments=[("a", "text/plain", b"x")])).sent()
    await come(bo)
    assert stored(host) == 1
    clock.ahead = 60
    assert bo.messages()[0].attachments == ()
    await until(ann, lambda: stored(host) == 0)


async def test_who_read_has_a_day_to_fetch(host: MemoryHost, clients: list[Client], clock: Clock) -> None:
    ann, bo = await two(host, clients, after_reading=True)
    await (await ann.send("only words")).sent()
    await ann.send("x", attachments=[("a", "text/plain", b"x")])
    message = await come(bo)
    await bo.mark_seen()
    await until(ann, lambda: ann.seen_by(message) == 1)
    await until(ann, lambda: texts(ann) == [None, "x"])
    assert await bo.fetch(bo.messages()[1].attachments[0]) == b"x"
    clock.ahead = AFTER_READING_BLOB_S + 1
    for room in (ann, bo):
        await until(room, lambda room=room: texts(room) == [None, None])  # type: ignore[misc] # bound here
        assert room.messages()[1].attachments == ()


async def test_what_could_not_be_uploaded_in_time_is_not_sent(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann, _ = await two(host, clients)
    host.cutting = host.puts
    outgoing = await ann.send("x", until=int(clock()) + 50, attachments=[("a", "text/plain", b"x")])
    clock.ahead = 60
    with pytest.raises(NotAllowed) as raised:
        await outgoing.sent()
    assert raised.value.code == "until-over"
    assert await ann.ledger.part_places() == []


async def test_a_forgotten_room_leaves_no_part(
    host: MemoryHost, open_client: Open, clients: list[Client], tmp_path: Path
) -> None:
    ann = await make_room(clients[0], host.url)
    async with open_client(tmp_path / "profile") as client:
        bo = await let_in(ann, client, "Bo")
        host.cutting = host.puts
        await bo.send("", attachments=[("a", "text/plain", os.urandom(PART))])
        room = parse_b64u(bo.id)
        before = (tmp_path / "profile").stat().st_size
        await client.forget(bo)
        assert await client._profile.part_places(room) == []
        assert (tmp_path / "profile").stat().st_size < max(before, PART)


async def test_who_ends_the_program_does_not_wait_for_what_is_on_its_way() -> None:
    """A server that takes nothing; the connection ends when the upload is cancelled."""
    came: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *streams: came.put_nowait(streams), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    put = PutPart(bytes(16), bytes(16), bytes(16), 0, bytes(64), 0, bytes(PART))
    async with server, asyncio.timeout(20):
        putting = asyncio.create_task(HttpHost(f"http://127.0.0.1:{port}").put_part(put))
        reader, writer = await came.get()
        assert await reader.readline() == b"POST /v1/blobs/part HTTP/1.1\r\n"
        putting.cancel()
        while await reader.read(1 << 20):
            pass
        writer.close()
        await writer.wait_closed()


async def test_several_are_sent_in_their_order(host: MemoryHost, clients: list[Client]) -> None:
    ann, bo = await two(host, clients)
    sent = [await ann.send(str(at), attachments=[("a", "text/plain", str(at).encode())]) for at in range(4)]
    await asyncio.gather(*(one.sent() for one in sent))
    await until(bo, lambda: len(texts(bo)) == 4)
    assert texts(bo) == ["0", "1", "2", "3"]
    assert [await bo.fetch(one.attachments[0]) for one in bo.messages()] == [b"0", b"1", b"2", b"3"]
