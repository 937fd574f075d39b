"""The committed vectors: they are what the command makes, and the JSON alone suffices to reproduce them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from backchannel_mls import cipher_suite
from backchannel_mls.schedule.key_schedule import export_secret
from backchannel_protocol.blobs import open_part, padded_size, seal_parts
from backchannel_protocol.canonical import digest, jcs, label
from backchannel_protocol.chain import first_link, next_link
from backchannel_protocol.credential import SeatCredential
from backchannel_protocol.envelope import Envelope, View, padding_class
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.frames import (
    attach_content,
    encode_frame,
    parse_client_frame,
    parse_server_frame,
)
from backchannel_protocol.http_bodies import PutPart, blob_content
from backchannel_protocol.ids import RoomId, SeatId, Time, b64u
from backchannel_protocol.invitation import Invitation, knock_commitment, mail_content, word_numbers
from backchannel_protocol.keys import fingerprint, public_key, sign, verify
from backchannel_protocol.operations import VoidCommit, encode_operation, parse_operation
from backchannel_protocol.record import entry
from backchannel_protocol.record.entry import (
    R_BYTES,
    RECORD_LABEL,
    governance_content,
    open_randomness,
    operation_content,
)
from backchannel_protocol.record.merkle import Frontier, tree_root
from backchannel_protocol.record.note import origin, verify_checkpoint
from backchannel_protocol.room.admission import approval_content, sign_approval
from backchannel_protocol.room.clear import first_clear, follow
from backchannel_protocol.room.state import Act, RoomState, json_of
from backchannel_protocol.room.timeline import Message
from protocol.history import Control, Entry, Folded, outcome_of
from protocol.vector_files import FILES, FOLDER, came_of, text_of

MAX_BYTES = 200_000


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize("name", FILES)
def test_the_committed_file_is_what_the_command_makes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text_of(name)


def test_the_files_are_these_and_small() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(FILES)
    assert sum(path.stat().st_size for path in FOLDER.glob("*.json")) < MAX_BYTES
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"{name}.json" in readme for name in FILES)


def with_bytes(value: object, like: object) -> object:
    """A field read from JSON, its hex turned into bytes where the encoded one has bytes."""
    if isinstance(like, bytes):
        assert isinstance(value, str)
        return bytes.fromhex(value)
    if isinstance(like, list):
        assert isinstance(value, list)
        return [with_bytes(one, other) for one, other in zip(value, like, strict=True)]
    return value


@pytest.mark.parametrize("kind", ["frames", "operations"])
def test_frames_and_operations(kind: str) -> None:
    for vector in read("frames")[kind]:
        data = raw(vector["bytes"])
        items = msgspec.msgpack.decode(data)
        assert [vector["number"], *with_bytes(vector["fields"], items[1:])] == items  # type: ignore[misc]  # lists
        assert msgspec.msgpack.encode(items) == data
        if kind == "operations":
            assert encode_operation(parse_operation(data)) == data
        elif vector["from"] == "client":
            assert encode_frame(parse_client_frame(data)) == data
        else:
            assert encode_frame(parse_server_frame(data)) == data


def test_chain() -> None:
    vector = read("chain")
    link = first_link(RoomId(raw(vector["room"])))
    assert link.hex() == vector["first"]
    for one in vector["events"]:
        seq, time, seat, kind, id_, epoch, body, leaf, digest = one["event"]
        fields = [
            seq,
            time,
            raw(seat),
            kind,
            raw(id_),
            epoch,
            body and raw(body),
            leaf and raw(leaf),
            digest and raw(digest),
        ]
        link = next_link(link, msgspec.convert(fields, LogEvent))
        assert link.hex() == one["link"]
    assert len(vector["events"]) == 12


def test_attach() -> None:
    vector = read("attach")
    record = fingerprint(raw(vector["record_key"]))
    assert record.hex() == vector["record_key_fingerprint"]
    content = attach_content(
        vector["version"], raw(vector["nonce"]), raw(vector["room"]), raw(vector["seat"]), record
    )
    assert (label("attach") + content).hex() == vector["signed"]
    assert sign(raw(vector["private_key"]), "attach", content).hex() == vector["signature"]
    verify(raw(vector["public_key"]), "attach", content, raw(vector["signature"]))


def test_invitations() -> None:
    for vector in read("invitations")["invitations"]:
        url, invitation = Invitation.parse_link(vector["link"])
        assert url == "https://room.example"
        assert invitation == Invitation(
            raw(vector["secret"]), raw(vector["inviter_fingerprint"]), raw(vector["record_key_fingerprint"])
        )
        assert fingerprint(raw(vector["inviter_key"])) == invitation.inviter_fingerprint
        derived = (
            invitation.mailbox,
            invitation.auth_private,
            invitation.auth_key,
            invitation.derive("seal", 32),
        )
        assert [one.hex() for one in derived] == [
            vector[name] for name in ("mailbox", "auth_private", "auth_public", "seal_key")
        ]
        for mail in vector["mail"]:
            sealed = invitation.seal(mail["step"], raw(mail["content"]), raw(mail["nonce"]))
            assert sealed.hex() == mail["sealed"]
            assert invitation.open(mail["step"], sealed).hex() == mail["content"]
            claim = None if mail["claim_key"] is None else raw(mail["claim_key"])
            content = mail_content(invitation.mailbox, mail["step"], Time(mail["time"]), claim, sealed)
            assert sign(invitation.auth_private, "mail", content).hex() == mail["signature_by_auth_key"]
        reveal, challenge = raw(vector["reveal"]), raw(vector["challenge"])
        assert knock_commitment(reveal).hex() == vector["commitment"]
        assert list(word_numbers(reveal, challenge, invitation)) == vector["words"]


def test_approvals() -> None:
    vector = read("approvals")
    private = raw(vector["private_key"])
    for one in vector["approvals"]:
        act = msgspec.convert(one["act"], Act)
        assert json_of(act) == one["act"]
        content = approval_content(vector["room"], act)
        assert content.hex() == one["content"]
        assert sign_approval(private, vector["room"], act).hex() == one["signature"]
        verify(public_key(private), "approval", content, raw(one["signature"]))


def test_envelopes() -> None:
    vector = read("envelopes")
    for one in vector["envelopes"]:
        seen = one["view"]
        view = View(
            seen["seq"],
            raw(seen["chain"]),
            raw(seen["state_hash"]),
            seen["record_size"],
            raw(seen["record_root"]),
        )
        envelope = Envelope(one["type"], one["body"], one["intent"], view)
        assert envelope.encode().decode() == one["text"]
        assert Envelope.parse(one["text"].encode()) == envelope
        beside = vector["authenticated_data"]
        assert view.authenticated_data(raw(beside["state_key"])).hex() == beside["data"]
    for one in vector["credentials"]:
        keys = (raw(one[name]) for name in ("seat_key", "governance_key", "inbox_key"))
        assert SeatCredential(SeatId(raw(one["seat"])), *keys).encode().decode() == one["identity"]
    assert [[size, padding_class(size)] for size, _ in vector["padding"]] == vector["padding"]


def histories() -> dict[str, Any]:
    file = read("folds")
    return {one["history"]["name"]: whole(one, file["people"]) for one in file["histories"]}


def whole(history: Any, people: dict[str, Any]) -> Any:
    """A history with seats, keys and ids where the file has names, or nothing."""
    events = [
        {
            "id": b64u(one["seq"].to_bytes(16, "big")),
            **with_keys(one, people),
            "seat": people[one["seat"]]["seat"],
        }
        for one in history["events"]
    ]
    return {"history": with_keys(history["history"], people), "events": events}


def with_keys(value: Any, people: dict[str, Any]) -> Any:
    """Where `keys` is a name, the keys of that name."""
    if isinstance(value, list):
        return [with_keys(one, people) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: people[one]["keys"] if name == "keys" and isinstance(one, str) else with_keys(one, people)
        for name, one in value.items()
    }


HISTORIES = histories()


def all_events(name: str | None) -> list[Any]:
    """The events of a history, with those that it begins with."""
    if name is None:
        return []
    events: list[Any] = HISTORIES[name]["events"]
    return all_events(HISTORIES[name]["history"]["begins"]) + events


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_folds_to_its_outcomes(name: str) -> None:
    history = HISTORIES[name]
    begins = history["history"]["begins"]
    room = Folded()
    for one in all_events(begins) + history["events"]:
        entry: Any = msgspec.convert({key: one[key] for key in one if key != "outcome"}, Entry)
        before = room
        room, outcome = outcome_of(room, entry)
        hash_before = before.state.hash().hex() if before.state is not None else ""
        assert came_of(outcome, hash_before) == one["outcome"], f"seq {one['seq']}"
        assert outcome.refused is None or room is before or isinstance(entry, Control)
        if room.state is not None:  # and a joiner folds on to the same
            state = RoomState.of_json(json.loads(jcs(room.state.to_json())))
            room = replace(room, state=state)
    if history["history"]["state"] is not None:
        assert room.state is not None
        assert room.state.to_json() == history["history"]["state"]


def test_histories_show_every_refusal_of_the_fold_but_floods() -> None:
    from backchannel_protocol.room.refusals import FoldCode

    shown = {event["outcome"].get("refused") for one in HISTORIES.values() for event in one["events"]}
    assert {code.value for code in FoldCode} - shown == {"too-many", "record-unfit"}
    assert len(HISTORIES) >= 30


def test_record() -> None:
    vector = read("record")
    entries = [raw(entry) for entry in vector["entries"]]
    for size, tree in enumerate(vector["trees"]):
        frontier = Frontier.decode(tree["size"], raw(tree["frontier"]))
        assert tree["size"] == size
        assert frontier == Frontier().extend(entries[:size])
        assert frontier.root().hex() == tree["root"] == tree_root(entries[:size]).hex()
    for checkpoint in vector["checkpoints"]:
        body = verify_checkpoint(
            checkpoint["note"], origin(RoomId(raw(vector["room"]))), raw(vector["public_key"])
        )
        assert body.size == checkpoint["size"]
        assert body.root.hex() == vector["trees"][body.size]["root"]


def test_entries_of_the_record() -> None:
    vector = read("record")
    room, sender, suite = raw(vector["room"]), raw(vector["sender"]), cipher_suite(1)
    for one in vector["acts"]:
        event = raw(one["event"])
        r = export_secret(suite, raw(vector["exporter_secret"]), RECORD_LABEL, event, R_BYTES)
        if "type" in one:
            content = governance_content(room, one["type"], one["body"], sender)
        else:
            operation = parse_operation(raw(one["operation"]))
            content = operation_content(room, operation)
            r = open_randomness(event) if isinstance(operation, VoidCommit) else r
        if content is None:
            assert one["leaf"] is None
        else:
            assert (content.decode(), r.hex()) == (one["content"], one["r"])
            assert entry.Entry(r, content).leaf().hex() == one["leaf"]


def test_voids() -> None:
    vector = read("voids")
    seats = {name: raw(id_) for name, id_ in vector["seats"].items()}
    verdicts = set()
    for story in vector["stories"]:
        clear = first_clear(raw(vector["room"]), seats["Anna"])
        known: dict[str, Any] = {}
        for number, differs in enumerate(story["events"]):
            known |= {name: differs[name] for name in ("room", "with_bit", "present") if name in differs}
            one = {**differs, **known}
            id_ = (number + 1).to_bytes(16, "big")
            body = raw(one["body"]) if "body" in one else b"sealed"
            kind = EventKind(one["kind"])
            event = LogEvent(number + 1, 0, seats[one["seat"]], kind, id_, one["epoch"], body)
            followed = follow(clear, event)
            clear = followed.clear
            opening = one["room"][1].to_bytes(16, "big") if one["room"][0] else raw(vector["room"])
            assert [clear.epoch, clear.opening] == [one["room"][0], opening]
            assert clear.with_bit() == {seats[name] for name in one["with_bit"]}
            present = {seat for seat in clear.bits if clear.present(seat)}
            assert present == {seats[name] for name in one["present"]}
            verdict = None if followed.verdict is None else followed.verdict.value
            assert verdict == one.get("verdict")
            verdicts.add(verdict)
    assert verdicts == {None, "refused", "asked", "voided"}


def test_blobs() -> None:
    made = read("blobs")
    key = raw(made["key"])
    for size, hashed in made["sealed"]:
        content = bytes((at * at + 1) % 251 for at in range(size))
        parts = list(seal_parts(key, content))
        assert digest(b"".join(parts)).hex() == hashed
        assert b"".join(open_part(key, size, at, part) for at, part in enumerate(parts)) == content
    assert all(padded_size(size) == padded for size, padded in made["padded"])
    room, seat = raw(read("attach")["room"]), raw(read("attach")["seat"])
    record_key = raw(read("record")["public_key"])
    put = PutPart(room, seat, key[:16], 1_800_000_000, bytes(64), 0, next(seal_parts(key, b"")))
    assert digest(label("blob") + blob_content(put, record_key)).hex() == made["signed"]
    message = msgspec.convert(made["body"], Message)
    assert [json_of(one) for one in message.attachments] == made["body"]["attachments"]
