"""Checkpoints as signed notes: one text, one key, one log; nothing that was changed passes."""

from __future__ import annotations

import base64
import hashlib
import random

import pytest

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import RoomId, b64u
from backchannel_protocol.keys import public_key
from backchannel_protocol.record.merkle import tree_root
from backchannel_protocol.record.note import (
    MAX_SIGNATURES,
    CheckpointBody,
    key_id,
    origin,
    sign_checkpoint,
    verify_checkpoint,
)
from backchannel_protocol.refusals import Code
from protocol.errors import remote
from protocol.people import ANNA, RECORD_PRIVATE, ROOM
from protocol.samples import ID

KEY = public_key(RECORD_PRIVATE)
ORIGIN = origin(RoomId(ROOM))
BODY = CheckpointBody(ORIGIN, 5, tree_root([b"a", b"b", b"c", b"d", b"e"]))
NOTE = sign_checkpoint(BODY, RECORD_PRIVATE)


def signature_line() -> str:
    return NOTE.split("\n\n")[1]


def test_a_checkpoint_comes_back() -> None:
    assert verify_checkpoint(NOTE, ORIGIN, KEY) == BODY


def test_the_note_is_the_one_of_c2sp() -> None:
    text, _, tail = NOTE.partition("\n\n")
    assert text == f"backchannel/{b64u(ROOM)}\n5\n{base64.b64encode(BODY.root).decode()}"
    dash, name, encoded = tail.removesuffix("\n").split(" ")
    assert (dash, name) == ("\u2014", ORIGIN)
    blob = base64.b64decode(encoded)
    assert blob[:4] == hashlib.sha256(ORIGIN.encode() + b"\n\x01" + KEY).digest()[:4] == key_id(ORIGIN, KEY)
    assert len(blob) == 68


def test_an_empty_log_has_a_checkpoint() -> None:
    empty = CheckpointBody(ORIGIN, 0, tree_root([]))
    assert verify_checkpoint(sign_checkpoint(empty, RECORD_PRIVATE), ORIGIN, KEY) == empty


def test_every_changed_character_is_refused() -> None:
    for at, was in enumerate(NOTE):
        for character in {"A", "B", "0", "1", "=", "\n", " ", "+"} - {was}:
            with pytest.raises(RemoteProtocolError):
                verify_checkpoint(NOTE[:at] + character + NOTE[at + 1 :], ORIGIN, KEY)


def test_every_flipped_bit_of_the_signature_is_refused_also_in_the_base64() -> None:
    line = signature_line().removesuffix("\n")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    start = line.rindex(" ") + 1
    for at in range(start, len(line)):
        if line[at] == "=":
            continue
        for bit in range(6):
            other = alphabet[alphabet.index(line[at]) ^ 1 << bit]
            with pytest.raises(RemoteProtocolError):
                verify_checkpoint(NOTE.replace(line, line[:at] + other + line[at + 1 :]), ORIGIN, KEY)


def test_missing_and_additional_characters_are_refused() -> None:
    for at in range(len(NOTE)):
        for wrong in (NOTE[:at], NOTE[:at] + NOTE[at + 1 :], NOTE[:at] + "1" + NOTE[at:]):
            with pytest.raises(RemoteProtocolError):
                verify_checkpoint(wrong, ORIGIN, KEY)


def test_random_mutations_are_refused(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(1_000):
        characters = list(NOTE)
        for _ in range(source.randint(1, 5)):
            characters[source.randrange(len(characters))] = chr(
                source.choice((source.randrange(128), 0x2014, 0xD800))
            )
        changed = "".join(characters)
        if changed != NOTE:
            with pytest.raises(RemoteProtocolError):
                verify_checkpoint(changed, ORIGIN, KEY)


def test_another_key_is_refused() -> None:
    with remote(Code.BAD_SIGNATURE):
        verify_checkpoint(NOTE, ORIGIN, public_key(ANNA.governance))
    with remote(Code.BAD_SIGNATURE):
        verify_checkpoint(sign_checkpoint(BODY, ANNA.governance), ORIGIN, KEY)


def test_a_foreign_signature_under_the_right_key_id_is_refused() -> None:
    foreign = sign_checkpoint(BODY, ANNA.governance).rstrip("\n").rsplit(" ", 1)
    blob = key_id(ORIGIN, KEY) + base64.b64decode(foreign[1])[4:]
    with remote(Code.BAD_SIGNATURE):
        verify_checkpoint(f"{foreign[0]} {base64.b64encode(blob).decode()}\n", ORIGIN, KEY)


def test_another_rooms_checkpoint_is_refused() -> None:
    other = origin(RoomId(ID))
    with remote():
        verify_checkpoint(NOTE, other, KEY)
    with remote():
        verify_checkpoint(sign_checkpoint(CheckpointBody(other, 5, BODY.root), RECORD_PRIVATE), ORIGIN, KEY)


def test_a_witness_may_sign_beside_the_log() -> None:
    witness = f"\u2014 witness.example {base64.b64encode(bytes(76)).decode()}\n"
    for note in (NOTE + witness, NOTE.replace(signature_line(), witness + signature_line())):
        assert verify_checkpoint(note, ORIGIN, KEY) == BODY


def test_a_witness_alone_does_not_do() -> None:
    witness = f"\u2014 witness.example {base64.b64encode(bytes(76)).decode()}\n"
    with remote(Code.BAD_SIGNATURE):
        verify_checkpoint(NOTE.replace(signature_line(), witness), ORIGIN, KEY)


def test_signatures_are_bounded() -> None:
    witness = f"\u2014 witness.example {base64.b64encode(bytes(76)).decode()}\n"
    verify_checkpoint(NOTE + witness * (MAX_SIGNATURES - 1), ORIGIN, KEY)
    with remote():
        verify_checkpoint(NOTE + witness * MAX_SIGNATURES, ORIGIN, KEY)


@pytest.mark.parametrize("size", ["-1", "+5", "05", "5 ", "5.0", "0x5", "٥", "5_0", "", "9" * 5000])
def test_a_size_that_is_not_in_its_one_form_is_refused(size: str) -> None:
    root = base64.b64encode(BODY.root).decode()
    text = f"{ORIGIN}\n{size}\n{root}\n"
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signature = Ed25519PrivateKey.from_private_bytes(RECORD_PRIVATE).sign(text.encode())
    line = base64.b64encode(key_id(ORIGIN, KEY) + signature).decode()
    with remote():
        verify_checkpoint(f"{text}\n\u2014 {ORIGIN} {line}\n", ORIGIN, KEY)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        "\n\n\n",
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\u2014", "-"),
        NOTE * 2,
        NOTE + "\n",
        "\ud800",
    ],
)
def test_what_is_not_a_note_is_malformed(note: str) -> None:
    with remote():
        verify_checkpoint(note, ORIGIN, KEY)
