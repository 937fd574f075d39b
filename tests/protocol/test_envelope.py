"""Envelopes: whole and canonical, or malformed; padding hides how long a message is."""

from __future__ import annotations

import hashlib
import hmac
import random
from typing import Any

import pytest

from backchannel_protocol.canonical import JsonObject, jcs, parse_jcs
from backchannel_protocol.envelope import VIEW_DATA_BYTES, Envelope, View, padding_class
from backchannel_protocol.errors import LocalProtocolError
from backchannel_protocol.ids import b64u
from backchannel_protocol.limits import MAX_BODY_BYTES
from backchannel_protocol.refusals import Code
from protocol.errors import perhaps_remote, remote
from protocol.people import seed_of

CHAIN, STATE, ROOT = seed_of("chain"), seed_of("state"), seed_of("root")
VIEW = View(7, CHAIN, STATE, 3, ROOT)
ENVELOPE = Envelope("message", {"text": "שלום"}, 4, VIEW)
FIELDS = parse_jcs(ENVELOPE.encode())
SEEN: JsonObject = VIEW.to_json()
LARGEST = (1 << 53) - 1


def test_an_envelope_comes_back() -> None:
    assert Envelope.parse(ENVELOPE.encode()) == ENVELOPE


def test_its_form_is_the_one_of_the_page() -> None:
    assert ENVELOPE.encode().decode() == (
        f'{{"b":{{"text":"שלום"}},"i":4,"s":{{"h":"{b64u(CHAIN)}","n":7,"r":[3,"{b64u(ROOT)}"],'
        f'"z":"{b64u(STATE)}"}},"t":"message","v":1}}'
    )


WRONG: dict[str, list[Any]] = {
    "b": [None, [], "text", 1],
    "i": [0, -1, None, "1", True],
    "t": ["", "t" * 33, None, 1],
    "v": [0, 2, None, "1", True],
    "s": [
        None,
        [],
        {},
        *({**SEEN, "n": value} for value in (-1, None, "7", True)),
        *({**SEEN, "h": value} for value in (None, "", 7, b64u(bytes(31)), b64u(bytes(33)), "A" * 42 + "B")),
        *({**SEEN, "z": value} for value in (None, "", 7, b64u(bytes(31)))),
        *(
            {**SEEN, "r": value}
            for value in (None, [], [3], [b64u(ROOT), 3], [3, b64u(ROOT), 1], [-1, b64u(ROOT)])
        ),
        *({**SEEN, "r": [3, value]} for value in (None, "", b64u(bytes(31)))),
        {**SEEN, "more": 1},
        {name: value for name, value in SEEN.items() if name != "z"},
    ],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG.items() for value in values]
)
def test_a_wrong_field_is_refused(field: str, value: Any) -> None:
    with remote():
        Envelope.parse(jcs({**FIELDS, field: value}))


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_refused(field: str) -> None:
    with remote():
        Envelope.parse(jcs({name: value for name, value in FIELDS.items() if name != field}))


def test_an_unknown_field_is_refused() -> None:
    with remote():
        Envelope.parse(jcs({**FIELDS, "x": 1}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"\0" * 256,
        ENVELOPE.encode() + b"\0",
        ENVELOPE.encode().replace(b":4,", b":4.0,"),
    ],
)
def test_bytes_that_are_no_envelope_are_refused(data: bytes) -> None:
    with remote():
        Envelope.parse(data)


@pytest.mark.parametrize("number", [1, LARGEST])
def test_intents_go_up_to_what_every_language_counts(number: int) -> None:
    envelope = Envelope("message", {}, number, View(number, CHAIN, STATE, number, ROOT))
    assert Envelope.parse(envelope.encode()) == envelope


def test_mutated_bytes_raise_nothing_but_remote_errors(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(3_000):
        data = bytearray(ENVELOPE.encode())
        for _ in range(source.randint(1, 3)):
            data[source.randrange(len(data))] = source.choice(b'0123456789{}[]",:.eE-+\\u\xff\0 ')
        with perhaps_remote():
            assert Envelope.parse(bytes(data)).encode() == bytes(data)


def test_authenticated_data_keeps_the_state_under_a_key() -> None:
    key = seed_of("an exporter secret")
    data = VIEW.authenticated_data(key)
    tag = hmac.digest(key, STATE, hashlib.sha256)
    assert data == (7).to_bytes(8, "big") + CHAIN + (3).to_bytes(8, "big") + ROOT + tag
    assert len(data) == VIEW_DATA_BYTES
    assert STATE not in data
    assert VIEW.authenticated_data(seed_of("another")) != data


def test_lengths_fall_into_few_classes() -> None:
    assert [padding_class(size) for size in (0, 1, 160, 161, 416, 417)] == [256, 256, 256, 512, 512, 1024]
    classes = {padding_class(size) for size in range(0, 500_000, 97)}
    assert classes == {256 << step for step in range(12)}


@pytest.mark.parametrize("size", range(0, 20_000, 331))
def test_a_class_holds_its_content_and_is_at_most_twice_as_large(size: int) -> None:
    padded = padding_class(size)
    assert size + 96 <= padded < max(257, 2 * (size + 96))


def test_what_does_not_fit_an_event_is_too_large() -> None:
    largest = max(size for size in (256 << step for step in range(13)) if size <= MAX_BODY_BYTES)
    assert padding_class(largest - 96) == largest
    with pytest.raises(LocalProtocolError) as caught:
        padding_class(largest - 95)
    assert caught.value.code is Code.TOO_LARGE
