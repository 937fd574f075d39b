"""Checkpoints (C2SP tlog-checkpoint) as signed notes (C2SP signed-note) with Ed25519 signatures."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import RoomId, b64u
from backchannel_protocol.refusals import Code

_ED25519 = b"\x01"
MAX_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class CheckpointBody:
    """The state of a log: its origin, how many entries it has, and their root hash."""

    origin: str
    size: int
    root: bytes

    def encode(self) -> str:
        """The note's text, with its last newline."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin(room: RoomId) -> str:
    """The origin line of a room's log, which is also the name of the key that signs it."""
    return f"backchannel/{b64u(room)}"


def key_id(name: str, public_key: bytes) -> bytes:
    """The four bytes by which a note names a key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def sign_checkpoint(body: CheckpointBody, private_key: bytes) -> str:
    """The signed note, the key being named by the origin."""
    key = Ed25519PrivateKey.from_private_bytes(private_key)
    text = body.encode()
    identifier = key_id(body.origin, key.public_key().public_bytes_raw())
    signature = base64.b64encode(identifier + key.sign(text.encode())).decode()
    return f"{text}\n— {body.origin} {signature}\n"


def verify_checkpoint(note: str, expected_origin: str, public_key: bytes) -> CheckpointBody:
    """The checkpoint in a note that the log's key signed. Raises `malformed`, `bad-signature`."""
    body, signatures = _split(note)
    if body.origin != expected_origin:
        raise RemoteProtocolError(Code.MALFORMED, "The checkpoint is another log's.")
    identifier = key_id(expected_origin, public_key)
    for name, blob in signatures:
        if name == expected_origin and blob[:4] == identifier:
            try:
                Ed25519PublicKey.from_public_bytes(public_key).verify(blob[4:], body.encode().encode())
            except (InvalidSignature, ValueError):
                break
            return body
    raise RemoteProtocolError(Code.BAD_SIGNATURE, "The checkpoint is not signed with the record's key.")


def _split(note: str) -> tuple[CheckpointBody, list[tuple[str, bytes]]]:
    malformed = RemoteProtocolError(Code.MALFORMED, "The checkpoint is not a signed note.")
    text, separator, tail = note.partition("\n\n")
    lines = text.split("\n")
    rows = tail.split("\n")
    if not separator or len(lines) != 3 or rows[-1] or not 1 <= len(rows) - 1 <= MAX_SIGNATURES:
        raise malformed
    try:
        size = int(lines[1])
        root = base64.b64decode(lines[2], validate=True)
        signatures = [_signature(row) for row in rows[:-1]]
    except (ValueError, binascii.Error):
        raise malformed from None
    body = CheckpointBody(lines[0], size, root)
    if size < 0 or len(root) != 32 or body.encode() != text + "\n":
        raise malformed
    return body, signatures


def _signature(row: str) -> tuple[str, bytes]:
    dash, name, encoded = row.split(" ")
    if dash != "—":
        raise ValueError("not a signature line")
    blob = base64.b64decode(encoded, validate=True)
    if base64.b64encode(blob).decode() != encoded:
        raise ValueError("not the one base64 form of a signature")
    return name, blob
