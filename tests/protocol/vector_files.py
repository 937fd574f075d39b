"""The files of vectors/: what the web client must reproduce byte for byte; vectors/README.md describes each.

Everything follows from fixed seeds, so the files change only when the protocol does.
"""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from backchannel_mls import cipher_suite
from backchannel_mls.schedule.key_schedule import export_secret
from backchannel_protocol.blobs import padded_size, seal_parts
from backchannel_protocol.canonical import digest, jcs, label
from backchannel_protocol.chain import first_link, next_link
from backchannel_protocol.envelope import Envelope, View, padding_class
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.frames import attach_content, encode_frame
from backchannel_protocol.http_bodies import PutPart, blob_content
from backchannel_protocol.ids import RoomId, Time, b64u, parse_b64u
from backchannel_protocol.invitation import Invitation, knock_commitment, mail_content, word_numbers
from backchannel_protocol.keys import fingerprint, public_key, sign
from backchannel_protocol.operations import (
    CloseRoom,
    Operation,
    SeatAdd,
    SeatRemove,
    VoidCommit,
    encode_operation,
)
from backchannel_protocol.record.entry import (
    R_BYTES,
    RECORD_LABEL,
    Entry,
    governance_content,
    open_randomness,
    operation_content,
)
from backchannel_protocol.record.merkle import Frontier
from backchannel_protocol.record.note import CheckpointBody, origin, sign_checkpoint
from backchannel_protocol.room.admission import approval_content, sign_approval
from backchannel_protocol.room.attachments import Attachment
from backchannel_protocol.room.clear import Followed
from backchannel_protocol.room.state import Act, Role, json_of
from protocol.clear_log import STORIES
from protocol.history import GENESIS, LONG, Outcome, Story, add_act, event_id
from protocol.people import ANNA, BORIS, CLARA, MALLORY, PEOPLE, RECORD_PRIVATE, ROOM, ROOM_ID, seed_of
from protocol.samples import FRAMES, OPERATIONS
from protocol.scenes import all_stories

FOLDER = Path(__file__).resolve().parent / "vectors"
Vector = dict[str, Any]


def plain(value: object) -> object:
    """A frame's field in JSON: bytes as hex, arrays as lists."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, msgspec.Struct):
        return [plain(getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def frames() -> Vector:
    """Each frame and each operation."""
    return {
        "frames": [
            {
                "name": name,
                "from": name.partition(" ")[0],
                "number": frame.__struct_config__.tag,
                "fields": plain(frame),
                "bytes": encode_frame(frame).hex(),
            }
            for name, frame in FRAMES.items()
        ],
        "operations": [
            {
                "name": name,
                "number": operation.__struct_config__.tag,
                "fields": plain(operation),
                "bytes": encode_operation(operation).hex(),
            }
            for name, operation in OPERATIONS.items()
        ],
    }


def chain() -> Vector:
    """A log of twelve events and the chain over it."""
    link = first_link(RoomId(ROOM))
    first = link
    events: list[Vector] = []
    for number in range(12):
        kind = EventKind(number % 4 + 1)
        body: bytes | None = seed_of("chain", "body", str(number)) * (number + 1)
        purged = number in (4, 8)
        event = LogEvent(
            number + 1,
            1_800_000_000 + number * number,
            (ANNA, BORIS, CLARA)[number % 3].seat,
            kind,
            seed_of("chain", "id", str(number))[:16],
            number // 3,
            None if purged else body,
            b"\x01" + seed_of("chain", "leaf", str(number)) if kind is EventKind.GOVERNANCE else None,
            seed_of("chain", "gone", str(number)) if purged else None,
        )
        link = next_link(link, event)
        events.append({"event": plain(event), "link": link.hex()})
    return {"room": ROOM.hex(), "first": first.hex(), "events": events}


def attach() -> Vector:
    """What an Attach signs."""
    nonce, record = seed_of("attach", "nonce"), fingerprint(public_key(RECORD_PRIVATE))
    private = ANNA.private("seat")
    content = attach_content(1, nonce, ROOM, ANNA.seat, record)
    return {
        "version": 1,
        "nonce": nonce.hex(),
        "room": ROOM.hex(),
        "seat": ANNA.seat.hex(),
        "record_key": public_key(RECORD_PRIVATE).hex(),
        "record_key_fingerprint": record.hex(),
        "private_key": private.hex(),
        "public_key": public_key(private).hex(),
        "signed": (b"\x15backchannel v1 attach" + content).hex(),
        "signature": sign(private, "attach", content).hex(),
    }


def invitations() -> Vector:
    """Links, what is derived from them, sealed mail, and words."""
    cases: list[Vector] = []
    for number, inviter in enumerate((ANNA, BORIS, CLARA)):
        secret = seed_of("invitation", str(number))
        print_of_inviter = fingerprint(public_key(inviter.governance))
        print_of_record = fingerprint(public_key(RECORD_PRIVATE))
        invitation = Invitation(secret, print_of_inviter, print_of_record)
        reveal = seed_of("reveal", str(number)) * (1 + 3 * number)
        challenge = seed_of("challenge", str(number))
        mail = []
        for step in (1, 2, 3, 4):
            nonce, content = seed_of("nonce", str(number), str(step))[:12], b"step %d" % step
            sealed = invitation.seal(step, content, nonce)
            time = Time(1_800_000_000 + step)
            claim = public_key(seed_of("claim", str(number))) if step == 1 else None
            signed = mail_content(invitation.mailbox, step, time, claim, sealed)
            mail.append(
                {
                    "step": step,
                    "nonce": nonce.hex(),
                    "content": content.hex(),
                    "sealed": sealed.hex(),
                    "time": time,
                    "claim_key": None if claim is None else claim.hex(),
                    "signature_by_auth_key": sign(invitation.auth_private, "mail", signed).hex(),
                }
            )
        cases.append(
            {
                "secret": secret.hex(),
                "inviter_key": public_key(inviter.governance).hex(),
                "inviter_fingerprint": print_of_inviter.hex(),
                "record_key_fingerprint": print_of_record.hex(),
                "link": invitation.link("https://room.example"),
                "mailbox": invitation.mailbox.hex(),
                "auth_private": invitation.auth_private.hex(),
                "auth_public": invitation.auth_key.hex(),
                "seal_key": invitation.derive("seal", 32).hex(),
                "mail": mail,
                "reveal": reveal.hex(),
                "commitment": knock_commitment(reveal).hex(),
                "challenge": challenge.hex(),
                "words": list(word_numbers(reveal, challenge, invitation)),
            }
        )
    return {"invitations": cases}


def approvals() -> Vector:
    """Acts, what their approvals sign, and the signatures."""
    acts = [
        add_act(BORIS, Role.FACILITATOR, "b"),
        add_act(CLARA, Role.OBSERVER, None, name="Клара كلارا"),
        add_act(CLARA, Role.BOT, None),
        msgspec.structs.replace(add_act(CLARA), package=b64u(seed_of("a reference") * 2)),  # of SHA-512
        Act("remove", 3, LONG, seat=CLARA.id),
        Act("role", 3, LONG, seat=CLARA.id, role=Role.INTERPRETER),
        Act("rule", 3, LONG, admission="any"),
    ]
    return {
        "room": ROOM_ID,
        "private_key": ANNA.governance.hex(),
        "approvals": [
            {
                "act": json_of(act),
                "content": approval_content(ROOM_ID, act).hex(),
                "signature": sign_approval(ANNA.governance, ROOM_ID, act).hex(),
            }
            for act in acts
        ],
    }


def envelopes() -> Vector:
    """Plaintexts, the data beside a commit, credentials and padding."""
    view = View(41, seed_of("view", "chain"), seed_of("view", "state"), 9, seed_of("view", "root"))
    bodies: list[tuple[str, Any]] = [
        ("message", {"text": "صباح الخير", "exposure": {"audience": "room", "quotable": "no", "until": 0}}),
        ("seen", {"seq": (1 << 53) - 1}),
        ("confirm", {}),
        (
            "title",
            {"title": '\U0001f54a \u2028 \\ " \u007f', "\ufb33": 1, "\U0001f600": None, "a": [True, -1]},
        ),
    ]
    key = seed_of("exporter")
    return {
        "envelopes": [
            {
                "type": type_,
                "body": body,
                "intent": number + 1,
                "view": {
                    "seq": view.seq,
                    "chain": view.chain.hex(),
                    "state_hash": view.state_hash.hex(),
                    "record_size": view.record_size,
                    "record_root": view.record_root.hex(),
                },
                "text": Envelope(type_, body, number + 1, view).encode().decode(),
            }
            for number, (type_, body) in enumerate(bodies)
        ],
        "authenticated_data": {"state_key": key.hex(), "data": view.authenticated_data(key).hex()},
        "credentials": [
            {
                "seat": one.seat.hex(),
                "seat_key": one.credential.seat_key.hex(),
                "governance_key": one.credential.governance_key.hex(),
                "inbox_key": one.credential.inbox_key.hex(),
                "identity": one.credential.encode().decode(),
            }
            for one in (ANNA, BORIS)
        ],
        "padding": [[size, padding_class(size)] for size in (0, 1, 160, 161, 416, 417, 20_000, 524_192)],
    }


def came_of(outcome: Outcome, before: str) -> Vector:
    """The state's hash, unless the event left it as it was; and the code where it does not fit."""
    came: Vector = {} if outcome.refused is None else {"refused": outcome.refused}
    if outcome.refused is None or outcome.state != before:
        came["state"] = outcome.state[:HASH_DIGITS]
    return came


def _rows(story: Story, begun: int) -> list[Vector]:
    """The entries of a story from its own beginning on, with what came of each."""
    rows = []
    before = story.outcomes[begun - 1].state if begun else ""
    for entry, outcome in list(zip(story.entries, story.outcomes, strict=True))[begun:]:
        row = {**_named(json_of(entry)), "outcome": came_of(outcome, before)}
        row["seat"] = SEATS[entry.seat]
        if entry.id == event_id(entry.seq):
            del row["id"]
        rows.append(row)
        before = outcome.state
    return rows


SEATS = {one.id: one.name for one in (*PEOPLE, MALLORY)}
HASH_DIGITS = 32
"""How many hex digits of a state's hash a history has: half of them, which is enough to compare."""

KEYS = {jcs(json_of(one.keys)): one.name for one in (*PEOPLE, MALLORY)}


def _named(value: Any) -> Any:
    """With the keys of the tests' people by their names: they stand in the file once."""
    if isinstance(value, dict):
        known = KEYS.get(jcs(value))
        return known or {name: _named(one) for name, one in value.items()}
    return [_named(one) for one in value] if isinstance(value, list) else value


def folds() -> Vector:
    """Histories, and what came of each event."""
    return {
        "room": ROOM_ID,
        "people": {one.name: {"seat": one.id, "keys": json_of(one.keys)} for one in (*PEOPLE, MALLORY)},
        "histories": [
            {
                "name": told.story.name,
                "begins": told.begins,
                "state": _named(json_of(told.story.room)) if told.shown and told.story.room else None,
                "events": _rows(told.story, told.begun),
            }
            for told in all_stories()
        ],
    }


def record() -> Vector:
    """A tree that grows, and signed checkpoints."""
    leaves = [b"\x01" + seed_of("record", str(number)) for number in range(33)]
    frontier, trees = Frontier(), []
    for number in range(34):
        trees.append({"size": number, "frontier": frontier.encode().hex(), "root": frontier.root().hex()})
        if number < 33:
            frontier = frontier.append(leaves[number])
    checkpoints = []
    for size in (0, 1, 33):
        body = CheckpointBody(origin(RoomId(ROOM)), size, bytes.fromhex(str(trees[size]["root"])))
        checkpoints.append({"size": size, "note": sign_checkpoint(body, RECORD_PRIVATE)})
    return {
        "room": ROOM.hex(),
        "private_key": RECORD_PRIVATE.hex(),
        "public_key": public_key(RECORD_PRIVATE).hex(),
        "sender": ANNA.seat.hex(),
        "exporter_secret": seed_of("record", "exporter secret").hex(),
        "acts": entries(),
        "entries": [entry.hex() for entry in leaves],
        "trees": trees,
        "checkpoints": checkpoints,
    }


def voids() -> Vector:
    """Logs in clear, and what the server has of the room after each event."""
    stories = [{"name": name, "events": _followed(tell().written)} for name, tell in STORIES.items()]
    seats = {name: parse_b64u(id_).hex() for id_, name in SEATS.items()}
    return {"room": ROOM.hex(), "seats": seats, "stories": stories}


def blobs() -> Vector:
    """Attachments: sizes, ciphertexts by their hash, what is signed, and how a message names one."""
    key = seed_of("blobs", "key")
    part = b"".join(seal_parts(key, generated(0)))
    put = PutPart(ROOM, ANNA.seat, key[:16], 1_800_000_000, bytes(64), 0, part)
    attachment = Attachment(b64u(key[:16]), b64u(key), 5, "ملف 1.pdf", "application/pdf")
    exposure = {"audience": "room", "quotable": "no", "until": 0}
    return {
        "key": key.hex(),
        "sealed": [
            [size, digest(b"".join(seal_parts(key, generated(size)))).hex()]
            for size in (0, 1, 65_535, 65_536, 65_537, 200_000)
        ],
        "padded": [[size, padded_size(size)] for size in (4_096, 4_097, 70_001, 1 << 20, 25_700_001)],
        "signed": digest(label("blob") + blob_content(put, public_key(RECORD_PRIVATE))).hex(),
        "body": {"text": "", "exposure": exposure, "attachments": [json_of(attachment)]},
    }


def generated(size: int) -> bytes:
    """Content for `blobs`: byte number i is i * i + 1 modulo 251."""
    return bytes((at * at + 1) % 251 for at in range(size))


def _followed(written: list[tuple[LogEvent, Followed]]) -> list[Vector]:
    """The events of a log, and what differs in the room after each."""
    rows: list[Vector] = []
    known: Vector = {}
    for event, followed in written:
        clear = followed.clear
        now: Vector = {
            "room": [clear.epoch, int.from_bytes(clear.opening, "big") if clear.epoch else 0],
            "with_bit": sorted(SEATS[b64u(seat)] for seat in clear.with_bit()),
            "present": sorted(SEATS[b64u(seat)] for seat in clear.bits if clear.present(seat)),
        }
        row = {name: value for name, value in now.items() if known.get(name) != value}
        row |= {"seat": SEATS[b64u(event.seat)], "kind": event.kind.value, "epoch": event.epoch}
        if event.kind is EventKind.CONTROL and event.body is not None:
            row["body"] = event.body.hex()
        if followed.verdict is not None:
            row["verdict"] = followed.verdict.value
        rows.append(row)
        known = now
    return rows


def entries() -> list[Vector]:
    """What each leaf of the record commits to, in an epoch of suite 1 with this exporter secret."""
    secret = seed_of("record", "exporter secret")
    suite = cipher_suite(1)
    made: list[Vector] = []
    bodies: list[tuple[str, Any]] = [
        ("genesis", {**GENESIS, "name": "Anna", "party": "a", "keys": json_of(ANNA.keys)}),
        ("rules", {"lines": ["Слушайте."]}),
        ("admission", {"rule": "party"}),
        ("retention", {"retention": {"after_reading": True, "seconds": 60}}),
        ("history", {"history": "briefing"}),
        ("role", {"seat": CLARA.id, "role": "observer", "party": None}),
        ("inbox", {"inbox": CLARA.keys.inbox, "signature": b64u(bytes(64))}),
        ("close", {}),
        ("disclose", {"leaf": b64u(ANNA.private("leaf"))}),
        ("title", {"title": "no entry"}),
    ]
    for number, (type_, body) in enumerate(bodies):
        event = seed_of("record", "event", str(number))[:16]
        content = governance_content(ROOM, type_, body, ANNA.seat)
        r = export_secret(suite, secret, RECORD_LABEL, event, R_BYTES)
        made.append({"event": event.hex(), "type": type_, "body": body, **_entry(content, r)})
    told: list[Operation] = [
        SeatAdd(None, CLARA.seat, CLARA.credential.seat_key, may_facilitate=False),
        SeatRemove(None, CLARA.seat),
        VoidCommit(None, seed_of("record", "a commit")[:16]),
        CloseRoom(None),
    ]
    for number, operation in enumerate(told):
        event = seed_of("record", "operation", str(number))[:16]
        exported = export_secret(suite, secret, RECORD_LABEL, event, R_BYTES)
        r = open_randomness(event) if isinstance(operation, VoidCommit) else exported
        body = encode_operation(operation).hex()
        made.append(
            {"event": event.hex(), "operation": body, **_entry(operation_content(ROOM, operation), r)}
        )
    return made


def _entry(content: bytes | None, r: bytes) -> Vector:
    if content is None:
        return {"leaf": None}
    return {"r": r.hex(), "content": content.decode(), "leaf": Entry(r, content).leaf().hex()}


FILES = {
    "frames": frames,
    "chain": chain,
    "attach": attach,
    "invitations": invitations,
    "approvals": approvals,
    "envelopes": envelopes,
    "folds": folds,
    "record": record,
    "voids": voids,
    "blobs": blobs,
}


def _lines(made: Vector, rows: str) -> str:
    """With one event a line: a change is seen where it is."""
    told = []
    for story in made.pop(rows):
        events = ",\n".join("   " + jcs(event).decode() for event in story.pop("events"))
        told.append(f'  {{"name":{jcs_text(story["name"])},"events":[\n{events}\n  ]}}')
    head = jcs(made).decode().removesuffix("}")
    return f'{head},"{rows}":[\n' + ",\n".join(told) + "\n]}\n"


def jcs_text(text: str) -> str:
    """A text in JSON."""
    return json.dumps(text, ensure_ascii=False)


def text_of(name: str) -> str:
    """A file as it is committed."""
    made = FILES[name]()
    if name == "blobs":
        return jcs(made).decode() + "\n"
    if name == "voids":
        return _lines(made, "stories")
    if name == "folds":  # one event a line: a change is seen where it is
        histories = made.pop("histories")
        rows = []
        for history in histories:
            events = ",\n".join("   " + jcs(event).decode() for event in history.pop("events"))
            rows.append(f'  {{"history":{jcs(history).decode()},"events":[\n{events}\n  ]}}')
        head = jcs(made).decode().removesuffix("}")
        return f'{head},"histories":[\n' + ",\n".join(rows) + "\n]}\n"
    return json.dumps(made, ensure_ascii=False, indent=0) + "\n"


def main(arguments: list[str]) -> int:
    """Writes the files; with --check, says which are not what it would write, and fails if there are."""
    check = "--check" in arguments
    differing = []
    for name in FILES:
        path, text = FOLDER / f"{name}.json", text_of(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            differing.append(path.name)
            if not check:
                path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{', '.join(differing) or 'nothing'} {'differs' if check else 'written'}\n")
    return 1 if check and differing else 0
