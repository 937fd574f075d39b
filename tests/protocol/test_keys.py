"""Signatures hold for one key, one label, one content; fingerprints for one key."""

from __future__ import annotations

import hashlib

import pytest

from backchannel_protocol.keys import fingerprint, generate_key, public_key, sign, verify
from backchannel_protocol.refusals import Code
from protocol.errors import remote
from protocol.people import ANNA, BORIS

KEY = ANNA.governance


def test_a_signature_is_verified() -> None:
    verify(public_key(KEY), "approval", b"content", sign(KEY, "approval", b"content"))


def test_a_signature_is_over_the_label_and_the_content() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signature = Ed25519PrivateKey.from_private_bytes(KEY).sign(b"\x17backchannel v1 approvalcontent")
    assert sign(KEY, "approval", b"content") == signature


@pytest.mark.parametrize("bit", range(0, 512, 37))
def test_a_changed_signature_is_refused(bit: int) -> None:
    signature = bytearray(sign(KEY, "approval", b"content"))
    signature[bit // 8] ^= 1 << bit % 8
    with remote(Code.BAD_SIGNATURE):
        verify(public_key(KEY), "approval", b"content", bytes(signature))


def test_another_key_label_or_content_is_refused() -> None:
    signature = sign(KEY, "approval", b"content")
    for key, name, content in (
        (public_key(BORIS.governance), "approval", b"content"),
        (public_key(KEY), "approva", b"lcontent"),
        (public_key(KEY), "inbox", b"content"),
        (public_key(KEY), "approval", b"content "),
    ):
        with remote(Code.BAD_SIGNATURE):
            verify(key, name, content, signature)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with remote(Code.BAD_SIGNATURE):
        verify(bytes(size), "approval", b"content", sign(KEY, "approval", b"content"))


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_of_another_size_is_refused(size: int) -> None:
    with remote(Code.BAD_SIGNATURE):
        verify(public_key(KEY), "approval", b"content", bytes(size))


def test_a_fingerprint_is_half_a_hash_of_label_and_key() -> None:
    key = public_key(KEY)
    whole = hashlib.sha256(b"\x1abackchannel v1 fingerprint" + b"\x20" + key).digest()
    assert fingerprint(key) == whole[:16]
    assert fingerprint(public_key(BORIS.governance)) != fingerprint(key)


def test_generated_keys_differ() -> None:
    assert len({generate_key() for _ in range(20)}) == 20
    assert len(generate_key()) == 32
