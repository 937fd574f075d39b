"""Credentials: one form, all four parts, nothing else."""

from __future__ import annotations

import random
from typing import Any

import pytest

from backchannel_protocol.canonical import jcs, parse_jcs
from backchannel_protocol.credential import MAX_INBOX_KEY_BYTES, SeatCredential
from backchannel_protocol.ids import b64u
from protocol.errors import perhaps_remote, remote
from protocol.people import ANNA, BORIS

CREDENTIAL = ANNA.credential
FIELDS = parse_jcs(CREDENTIAL.encode())


def test_a_credential_comes_back() -> None:
    assert SeatCredential.parse(CREDENTIAL.encode()) == CREDENTIAL


def test_its_form_is_the_one_of_the_page() -> None:
    keys = ANNA.keys
    assert CREDENTIAL.encode().decode() == (
        f'{{"governance":"{keys.governance}","inbox":"{keys.inbox}","key":"{keys.seat}","seat":"{ANNA.id}","v":1}}'
    )


@pytest.mark.parametrize("size", [32, 1216, MAX_INBOX_KEY_BYTES])
def test_inbox_keys_of_both_suites_fit(size: int) -> None:
    credential = SeatCredential(CREDENTIAL.seat, CREDENTIAL.seat_key, CREDENTIAL.governance_key, bytes(size))
    assert SeatCredential.parse(credential.encode()) == credential


WRONG: dict[str, list[Any]] = {
    "seat": ["", b64u(bytes(15)), b64u(bytes(17)), ANNA.id + "=", None, 7, [], ANNA.id[:-1] + "B"],
    "key": ["", b64u(bytes(31)), b64u(bytes(33)), None, 7],
    "governance": ["", b64u(bytes(31)), b64u(bytes(33)), None, 7],
    "inbox": ["", b64u(bytes(31)), b64u(bytes(MAX_INBOX_KEY_BYTES + 1)), None, 7],
    "v": [0, 2, "1", None, True, [1]],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG.items() for value in values]
)
def test_a_wrong_field_is_refused(field: str, value: Any) -> None:
    with remote():
        SeatCredential.parse(jcs({**FIELDS, field: value}))


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_refused(field: str) -> None:
    with remote():
        SeatCredential.parse(jcs({name: value for name, value in FIELDS.items() if name != field}))


def test_an_unknown_field_is_refused() -> None:
    with remote():
        SeatCredential.parse(jcs({**FIELDS, "name": "Anna"}))


@pytest.mark.parametrize("identity", [b"", b"Anna", b"[]", b"null", CREDENTIAL.encode() + b" "])
def test_what_is_not_a_credential_is_refused(identity: bytes) -> None:
    with remote():
        SeatCredential.parse(identity)


def test_what_is_parsed_encodes_to_the_same_bytes(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(2_000):
        changed = bytearray(CREDENTIAL.encode())
        changed[source.randrange(len(changed))] = source.randrange(256)
        with perhaps_remote():
            assert SeatCredential.parse(bytes(changed)).encode() == bytes(changed)


def test_credentials_of_two_seats_differ() -> None:
    assert ANNA.credential.encode() != BORIS.credential.encode()
