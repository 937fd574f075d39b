"""AWS mls-rs through its Python wheel (PyPI agentvault-mls-rs-uniffi), the binding that others would use.

Bytes in, bytes out, as for a network. Nothing is stored for a message unless `write_to_storage` is called,
and it is not called here.

The wheel copies bytes into the native library one by one, in a loop in Python, and spends about half of its
time there. That is what its users get, so it is what "wheel" means here; but it says little about mls-rs. So
"mended wheel" is measured too: the same library with that one method replaced by a block copy.
"""

from __future__ import annotations

import ctypes
import importlib.util
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.measure import Contestant

IMPORT_NAME = "mls_rs_uniffi"


class WheelRoom:
    """A group of mls-rs members, in suite 1; as in `Conversation` everybody has spoken."""

    def __init__(self, size: int) -> None:
        import mls_rs_uniffi as uniffi  # type: ignore[import-untyped]  # the wheel has no py.typed

        self._message = uniffi.Message
        keys = [uniffi.generate_signature_keypair(uniffi.CipherSuite.CURVE25519_AES128) for _ in range(size)]
        config = uniffi.client_config_default()
        clients = [uniffi.Client(b"member %d" % at, key, config) for at, key in enumerate(keys)]
        self._writer = clients[0].create_group(b"a room, 16 bytes")
        made = self._writer.add_members([one.generate_key_package_message() for one in clients[1:]])
        self._writer.process_incoming_message(made.commit_message)
        joined = [one.join_group(made.ratchet_tree, made.welcome_message).group for one in clients[1:]]
        self._reader = joined[-1]
        self._speakers = [self._writer, *joined[:-1]]
        self._turn = 0
        for speaker in joined:
            said = speaker.encrypt_application_message(b"hello")
            self._writer.process_incoming_message(said)
            if speaker is not self._reader:
                self._reader.process_incoming_message(said)

    def message(self, data: bytes) -> bytes:
        """One message of Alice's; Bob has read it."""
        made = bytes(self._writer.encrypt_application_message(data).to_bytes())
        self._read_all([made])
        return made

    def contestants(self, data: bytes) -> dict[str, Contestant]:
        """What `measure_messages` lets run beside ours."""
        return {
            "wheel encrypt": lambda count: self._write(data, count),
            "wheel decrypt": lambda count: self._read(data, count),
            "mended wheel encrypt": lambda count: _mended(lambda: self._write(data, count)),
            "mended wheel decrypt": lambda count: _mended(lambda: self._read(data, count)),
        }

    def _write(self, data: bytes, count: int) -> float:
        made: list[bytes] = []
        encrypt = self._writer.encrypt_application_message
        begin = time.perf_counter()
        for _ in range(count):
            made.append(encrypt(data).to_bytes())  # noqa: PERF401 - as in our loop
        spent = time.perf_counter() - begin
        self._read_all(made)  # else Bob would have to skip them later
        return spent

    def _read(self, data: bytes, count: int) -> float:
        messages: list[bytes] = []
        for _ in range(count):
            self._turn = (self._turn + 1) % len(self._speakers)
            messages.append(self._speakers[self._turn].encrypt_application_message(data).to_bytes())
        begin = time.perf_counter()
        self._read_all(messages)
        return time.perf_counter() - begin

    def _read_all(self, messages: Sequence[bytes]) -> None:
        parse, process = self._message.from_bytes, self._reader.process_incoming_message
        for message in messages:
            _ = process(parse(message)).data


def wheel_room(size: int) -> WheelRoom | None:
    """A room of the wheel's, or None where the wheel is not installed."""
    return None if importlib.util.find_spec(IMPORT_NAME) is None else WheelRoom(size)


def _mended(run: Callable[[], float]) -> float:
    """What `run` returns, with bytes copied into the native library in one piece."""
    from mls_rs_uniffi.mls_rs_uniffi import (  # type: ignore[import-untyped]  # the wheel has no py.typed
        _UniffiRustBufferBuilder as Builder,
    )

    def write(builder: Any, value: bytes) -> None:
        with builder._reserve(len(value)):
            start = ctypes.addressof(builder.rbuf.data.contents) + builder.rbuf.len
            ctypes.memmove(start, value, len(value))

    one_by_one = Builder.write
    Builder.write = write
    try:
        return run()
    finally:
        Builder.write = one_by_one
