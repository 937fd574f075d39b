"""Cipher suites: which there are, and X-Wing against `cryptography`'s own HPKE and the draft's vector."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backchannel_mls.crypto.kem import labeled_expand, labeled_extract
from backchannel_mls.crypto.suite import SUITES, CipherSuite, cipher_suite
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.rules import Rule

XWING = cipher_suite(83)
every_suite = pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: f"suite{suite.id}")


@pytest.mark.parametrize("suite_id", [4, 6, 99, 0, -1, 65536])
def test_unsupported_suite_is_refused_by_name(suite_id: int) -> None:
    with pytest.raises(LocalError) as chosen:
        cipher_suite(suite_id)
    assert chosen.value.code == "suite-unsupported"
    assert ("X448" in chosen.value.sentence) == (suite_id in (4, 6))
    assert "1, 2, 3, 5, 7, 83" in chosen.value.sentence


@every_suite
def test_suite_is_found_by_its_id(suite: CipherSuite) -> None:
    assert cipher_suite(suite.id) is suite
    assert str(suite.id) in repr(suite)


@every_suite
def test_sealed_secret_opens_only_whole_and_with_its_key_and_context(suite: CipherSuite) -> None:
    private, public = suite.derive_key_pair(b"a" * 32)
    other, _ = suite.derive_key_pair(b"b" * 32)
    kem_output, ciphertext = suite.encrypt_with_label(public, b"label", b"context", b"secret")
    assert len(kem_output) == suite.kem.output_size
    assert suite.decrypt_with_label(private, b"label", b"context", kem_output, ciphertext) == b"secret"
    refused = [
        (other, b"label", b"context", kem_output, ciphertext),
        (private, b"other", b"context", kem_output, ciphertext),
        (private, b"label", b"other", kem_output, ciphertext),
        (private, b"label", b"context", kem_output[:-1], ciphertext),
        (private, b"label", b"context", kem_output + b"\0", ciphertext),
        (private, b"label", b"context", b"", ciphertext),
        (private, b"label", b"context", bytes(len(kem_output)), ciphertext),
        (private, b"label", b"context", kem_output, ciphertext[:-1]),
        (private, b"label", b"context", kem_output, b""),
        (private, b"label", b"context", kem_output, bytes((ciphertext[0] ^ 1,)) + ciphertext[1:]),
    ]
    for arguments in refused:
        assert suite.decrypt_with_label(*arguments) is None


@every_suite
def test_malformed_public_keys_are_the_peers_fault(suite: CipherSuite) -> None:
    _, public = suite.derive_key_pair(b"a" * 32)
    suite.check_hpke_public(public)
    for bad in (b"", public[:-1], public + b"\0"):
        for use in (
            suite.check_hpke_public,
            suite.external_init_send,
            lambda key: suite.encrypt_with_label(key, b"", b"", b""),
            suite.verifying_key,
        ):
            with pytest.raises(RemoteError) as refused:
                use(bad)
            assert refused.value.rule is Rule.KEY_MALFORMED


@pytest.mark.parametrize("suite_id", [2, 5, 7])
def test_compressed_and_off_curve_points_are_refused(suite_id: int) -> None:
    suite = cipher_suite(suite_id)
    _, public = suite.derive_key_pair(b"a" * 32)
    half = len(public) // 2
    compressed = bytes((2 + (public[-1] & 1),)) + public[1 : half + 1]
    off_curve = public[:-1] + bytes((public[-1] ^ 1,))
    for bad in (compressed, off_curve, bytes(len(public)), b"\4" + bytes(len(public) - 1)):
        for use in (suite.check_hpke_public, suite.verifying_key):
            with pytest.raises(RemoteError) as refused:
                use(bad)
            assert refused.value.rule is Rule.KEY_MALFORMED


@every_suite
def test_signature_is_bound_to_label_and_content(suite: CipherSuite) -> None:
    private = suite.signature.generate()
    key = suite.verifying_key(suite.signature.public_of(private))
    signature = suite.sign_with_label(suite.signature.load_signing(private), b"label", b"content")
    rule = Rule.LEAF_SIGNATURE_INVALID
    suite.verify_with_label(key, b"label", b"content", signature, rule)
    wrong = [
        (b"Label", b"content", signature),
        (b"label", b"Content", signature),
        (b"label", b"content", b""),
        (b"label", b"content", signature[:-1]),
        (b"label", b"content", bytes(len(signature))),
    ]
    for label, content, given in wrong:
        with pytest.raises(RemoteError) as refused:
            suite.verify_with_label(key, label, content, given, rule)
        assert refused.value.rule is rule


@every_suite
def test_external_init_gives_both_sides_the_same_secret(suite: CipherSuite) -> None:
    private, public = suite.derive_key_pair(b"external" * 8)
    output, secret = suite.external_init_send(public)
    assert suite.external_init_receive(private, output) == secret
    assert len(secret) == suite.hash_size
    assert suite.external_init_receive(private, output[:-1]) is None
    assert suite.external_init_receive(private, b"") is None


def hpke_base_key(suite: CipherSuite, shared: bytes, info: bytes) -> tuple[bytes, bytes]:
    """RFC 9180 KeySchedule in mode_base, for AES-256-GCM with HKDF-SHA512: (key, base_nonce)."""
    suite_id = b"HPKE" + suite.kem.id.to_bytes(2, "big") + b"\0\3\0\2"
    context = (
        b"\0"
        + labeled_extract("sha512", suite_id, b"", b"psk_id_hash", b"")
        + labeled_extract("sha512", suite_id, b"", b"info_hash", info)
    )
    secret = labeled_extract("sha512", suite_id, shared, b"secret", b"")
    key = labeled_expand("sha512", suite_id, secret, b"key", context, 32)
    return key, labeled_expand("sha512", suite_id, secret, b"base_nonce", context, 12)


def library_suite() -> hpke.Suite:
    return hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA512, hpke.AEAD.AES_256_GCM)


def test_xwing_secret_that_we_encapsulate_opens_with_the_librarys_hpke() -> None:
    private, public = XWING.derive_key_pair(bytes(range(64)))
    shared, output = XWING.kem.encapsulate(public)
    key, nonce = hpke_base_key(XWING, shared, b"info")
    sealed = output + AESGCM(key).encrypt(nonce, b"plaintext", b"")
    assert library_suite().decrypt(sealed, XWING.kem.load_private(private), b"info") == b"plaintext"


def test_xwing_secret_that_the_librarys_hpke_encapsulates_is_ours_too() -> None:
    private, public = XWING.derive_key_pair(bytes(range(64)))
    sealed = library_suite().encrypt(b"plaintext", XWING.kem.load_public(public), b"info")
    output, ciphertext = sealed[: XWING.kem.output_size], sealed[XWING.kem.output_size :]
    key, nonce = hpke_base_key(XWING, XWING.kem.decapsulate(private, output), b"info")
    assert AESGCM(key).decrypt(nonce, ciphertext, b"") == b"plaintext"


def test_xwing_agrees_with_the_drafts_vector() -> None:
    given: dict[str, Any] = json.loads((Path(__file__).parent / "xwing.json").read_text())
    seed, output = bytes.fromhex(given["seed"]), bytes.fromhex("".join(given["ct"]))
    public = XWING.kem.public_of(seed)
    assert len(public) == 1216
    assert public.startswith(bytes.fromhex(given["pk_begin"]))
    assert public.endswith(bytes.fromhex(given["pk_end"]))
    assert XWING.kem.decapsulate(seed, output).hex() == given["ss"]


def test_xwing_key_pair_is_the_shake256_of_its_input() -> None:
    private, public = XWING.derive_key_pair(b"input")
    assert private == hashlib.shake_256(b"input").digest(32)
    assert XWING.kem.public_of(private) == public


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_xwing_seed_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        XWING.kem.load_private(bytes(size))


@every_suite
@pytest.mark.parametrize("size", [0, 1, 32, 64, 65, 200])
def test_expand_of_any_size_is_rfc_5869s(suite: CipherSuite, size: int) -> None:
    info = size.to_bytes(2, "big") + b"\x0dMLS 1.0 label" + b"\3ctx"
    output, block = b"", b""
    for counter in range(1, 9):
        block = hmac.digest(b"secret", block + info + bytes((counter,)), suite.hash_name)
        output += block
    assert suite.expand_with_label(b"secret", b"label", b"ctx", size) == output[:size]
