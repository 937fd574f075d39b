"""The web client and the Python packages take and refuse the same, whatever was made up to divide them."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from backchannel_protocol.canonical import JsonObject, jcs, parse_jcs
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.frames import encode_frame, parse_server_frame
from backchannel_protocol.ids import b64u, parse_b64u
from backchannel_protocol.operations import (
    SeatAdd,
    SeatRemove,
    SeatSet,
    VoidCommit,
    encode_operation,
    parse_operation,
)
from backchannel_protocol.record.entry import (
    TYPES,
    Entry,
    governance_content,
    open_randomness,
    operation_content,
)
from backchannel_protocol.room.clear import Clear, first_clear, follow, forgotten
from house.tree import ROOT
from web.driver import NodeProcess

CASES = 1500
LOGS = 60
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19
VECTORS = ROOT / "tests" / "protocol" / "vectors"


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    with NodeProcess("tests/judge.ts") as process:
        yield process


def again(read: Callable[[], bytes]) -> str | None:
    """What was read, written again; None where it is refused."""
    try:
        return read().hex()
    except RemoteProtocolError:
        return None


# ---- signatures
def small_points() -> list[bytes]:
    """Points of small order, also in encodings that are not canonical, with both signs."""
    ys = (0, 1, PRIME - 1, PRIME, PRIME + 1, *order_8())
    return [(y | sign << 255).to_bytes(32, "little") for y in ys for sign in (0, 1)]


def order_8() -> tuple[int, int]:
    known = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
    y = int.from_bytes(known, "little")
    return y, PRIME - y


def takes(key: bytes, content: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def scalar(seed: bytes) -> int:
    """The scalar of which the seed's public key is the multiple of the base point."""
    half = bytearray(hashlib.sha512(seed).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    return int.from_bytes(half, "little") % ORDER


def signatures(random: Random) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(key, content, signature), ordinary ones and others."""
    for _ in range(60):
        seed, content = random.randbytes(32), random.randbytes(20)
        private = Ed25519PrivateKey.from_private_bytes(seed)
        key, signature = private.public_key().public_bytes_raw(), private.sign(content)
        r, s = signature[:32], int.from_bytes(signature[32:], "little")
        yield key, content, signature
        yield key, content, r + (s + ORDER).to_bytes(32, "little")
        yield key, content, bytes(64)
        at = random.randrange(64)
        yield (
            key,
            content,
            signature[:at] + bytes((signature[at] ^ 1 << random.randrange(8),)) + signature[at + 1 :],
        )
        yield random.randbytes(32), content, signature
    for key in small_points():
        for _ in range(24):
            seed = random.randbytes(32)
            r = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
            yield key, random.randbytes(8), r + scalar(seed).to_bytes(32, "little")
        for r in small_points():
            yield key, b"", r + bytes(32)


def test_signatures(node: NodeProcess, seed: int) -> None:
    taken = 0
    for key, content, signature in signatures(Random(seed)):
        expected = takes(key, content, signature)
        taken += expected
        told = node.exchange(["verify", key.hex(), content.hex(), signature.hex()])
        assert told == expected, (key.hex(), content.hex(), signature.hex())
    assert taken > 80  # the ordinary ones, and some that a stricter program would refuse


# ---- encodings
def mutations(random: Random, samples: list[bytes]) -> Iterator[bytes]:
    yield from samples
    for _ in range(CASES):
        data = bytearray(random.choice(samples))
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(data) + 1)
            what = random.randrange(4)
            if what == 0 and at < len(data):
                data[at] = random.choice((*range(0x90, 0xA2), *range(0xC0, 0xE0), random.randrange(256)))
            elif what == 1:
                data[at:at] = random.randbytes(random.randint(1, 3))
            elif what == 2:
                del data[at : at + random.randint(1, 3)]
            elif at < len(data):
                data[at] ^= 1 << random.randrange(8)
        yield bytes(data)


def read_vectors(name: str) -> Any:
    return msgspec.json.decode((VECTORS / f"{name}.json").read_bytes())


def test_operations(node: NodeProcess, seed: int) -> None:
    samples = [bytes.fromhex(one["bytes"]) for one in read_vectors("frames")["operations"]]
    for data in mutations(Random(seed), samples):
        expected = again(lambda data=data: encode_operation(parse_operation(data)))  # type: ignore[misc]
        assert node.exchange(["operation", data.hex()]) == expected, data.hex()


def test_frames(node: NodeProcess, seed: int) -> None:
    frames = read_vectors("frames")["frames"]
    samples = [bytes.fromhex(one["bytes"]) for one in frames if one["from"] == "server"]
    for data in mutations(Random(seed), samples):
        expected = again(lambda data=data: encode_frame(parse_server_frame(data)))  # type: ignore[misc]
        assert node.exchange(["frame", data.hex()]) == expected, data.hex()


def test_json(node: NodeProcess, seed: int) -> None:
    samples = [one["text"].encode() for one in read_vectors("envelopes")["envelopes"]]
    samples += [b'{"a":[1,-2,true,null,"\\u0001\\n"],"b":{"c":{}}}', '{"é":"😀"}'.encode()]
    for data in mutations(Random(seed), samples):
        expected = again(lambda data=data: jcs(parse_jcs(data)))  # type: ignore[misc]
        assert node.exchange(["json", data.hex()]) == expected, data


def test_base64url(node: NodeProcess, seed: int) -> None:
    random = Random(seed)
    for _ in range(CASES):
        text = b64encode(random.randbytes(random.randint(0, 5)), b"-_").decode().rstrip("=")
        if random.random() < 0.6:
            at = random.randint(0, len(text))
            text = text[:at] + random.choice("=+/ \n\t\0é-_Az09") + text[at + random.randint(0, 1) :]
        assert node.exchange(["b64u", text]) == again(lambda text=text: parse_b64u(text)), repr(text)  # type: ignore[misc]


# ---- the clear log
def told(clear: Clear) -> dict[str, Any]:
    return {
        "epoch": clear.epoch,
        "opening": b64u(clear.opening),
        "bits": sorted(f"{b64u(seat)} {str(bit).lower()}" for seat, bit in clear.bits.items()),
        "gone": sorted(map(b64u, clear.gone)),
        "openings": [
            {
                "commit": b64u(one.commit),
                "author": b64u(one.author),
                "before": b64u(one.before),
                "epoch": one.epoch,
                "used": one.used,
                "added": sorted(map(b64u, one.added)),
                "removed": sorted(map(b64u, one.removed)),
                "asked": sorted(map(b64u, one.asked)),
            }
            for one in clear.openings
        ],
    }


def random_event(random: Random, clear: Clear, seq: int, seats: list[bytes]) -> LogEvent:
    """Mostly one that an honest server would have written."""
    sender = random.choice(seats)
    epoch = clear.epoch if random.random() < 0.95 else clear.epoch + 1
    kind = random.choice((EventKind.CHAT, EventKind.GOVERNANCE, EventKind.COMMIT, *[EventKind.CONTROL] * 4))
    body = b"body"
    if kind is EventKind.CONTROL:
        seat, bit = random.choice(seats), random.random() < 0.7
        commit = clear.opening if random.random() < 0.8 else random.randbytes(16)
        body = encode_operation(
            random.choice(
                (
                    SeatAdd(None, seat, bytes(32), bit),
                    SeatAdd(None, seat, bytes(32), bit),
                    SeatRemove(None, seat),
                    SeatSet(None, seat, bit),
                    VoidCommit(None, commit),
                    VoidCommit(None, commit),
                )
            )
        )
    return LogEvent(seq, seq, sender, kind, random.randbytes(16), epoch, body)


def test_the_clear_log(node: NodeProcess, seed: int) -> None:
    random = Random(seed)
    verdicts = set()
    for _ in range(LOGS):
        room, seats = random.randbytes(16), [random.randbytes(16) for _ in range(6)]
        clear, events, expected = first_clear(room, seats[0]), [], []
        for seq in range(1, 80):
            # the same sender again and again, since what belongs to a commit stands right before it
            chosen = seats if seq % 7 == 0 else random.sample(seats, 2)
            event = random_event(random, clear, seq, chosen)
            if seq < len(seats):  # first everybody comes in, so that voiding needs more than one who asks
                body = encode_operation(SeatAdd(None, seats[seq], bytes(32), seq % 5 != 0))
                event = LogEvent(seq, seq, seats[0], EventKind.CONTROL, random.randbytes(16), 0, body)
            followed = follow(clear, event)
            clear = forgotten(followed.clear)
            verdict = None if followed.verdict is None else followed.verdict.value
            voided = None if followed.voided is None else b64u(followed.voided.commit)
            verdicts.add(verdict)
            events.append(msgspec.msgpack.encode(event).hex())
            expected.append({**told(clear), "verdict": verdict, "voided": voided})
        assert node.exchange(["follow", room.hex(), seats[0].hex(), events]) == expected
    assert verdicts == {None, "refused", "asked", "voided"}


# ---- the record's entries
def test_entries_of_the_record(node: NodeProcess, seed: int) -> None:
    random = Random(seed)
    room, seat, event, r = (random.randbytes(size) for size in (16, 16, 16, 32))
    assert node.exchange(["open randomness", event.hex()]) == open_randomness(event).hex()
    for type_ in (*TYPES, "title", "confirm", "__proto__"):
        body: JsonObject = {"b": ["\u0635", 1, None], "a": {"x": True}}
        content = governance_content(room, type_, body, seat)
        expected = None if content is None else [content.hex(), Entry(r, content).leaf().hex()]
        told = node.exchange(["governance entry", room.hex(), type_, body, seat.hex(), r.hex()])
        assert told == expected, type_
    for one in read_vectors("frames")["operations"]:
        data = bytes.fromhex(one["bytes"])
        content = operation_content(room, parse_operation(data))
        expected = None if content is None else [content.hex(), Entry(r, content).leaf().hex()]
        assert node.exchange(["operation entry", room.hex(), data.hex(), r.hex()]) == expected, one["name"]
