"""crypto-basics.json: the labelled functions of RFC 9420 sections 5.1.2, 5.1.3, 5.2, 8 and 9.1."""

from __future__ import annotations

import pytest

from backchannel_mls.codec import u32, vector
from backchannel_mls.crypto.suite import cipher_suite
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from vectors.cases import Vector, cases, unhex

pytestmark = pytest.mark.parametrize("case", cases("crypto-basics"))


def test_ref_hash_is_as_given(case: Vector) -> None:
    suite, given = cipher_suite(case["cipher_suite"]), case["ref_hash"]
    value = unhex(given["value"])
    assert suite.hash(vector(given["label"].encode()) + vector(value)) == unhex(given["out"])
    full_label = b"MLS 1.0 KeyPackage Reference"
    assert suite.reference(b"KeyPackage", value) == suite.hash(vector(full_label) + vector(value))


def test_expand_with_label_is_as_given(case: Vector) -> None:
    suite, given = cipher_suite(case["cipher_suite"]), case["expand_with_label"]
    secret, context = unhex(given["secret"]), unhex(given["context"])
    out = suite.expand_with_label(secret, given["label"].encode(), context, given["length"])
    assert out == unhex(given["out"])


def test_derive_secret_is_as_given(case: Vector) -> None:
    suite, given = cipher_suite(case["cipher_suite"]), case["derive_secret"]
    assert suite.derive_secret(unhex(given["secret"]), given["label"].encode()) == unhex(given["out"])


def test_derive_tree_secret_is_as_given(case: Vector) -> None:
    suite, given = cipher_suite(case["cipher_suite"]), case["derive_tree_secret"]
    secret, context = unhex(given["secret"]), u32(given["generation"])
    out = suite.expand_with_label(secret, given["label"].encode(), context, given["length"])
    assert out == unhex(given["out"])


def test_prepared_derivations_equal_the_general_one(case: Vector) -> None:
    suite, given = cipher_suite(case["cipher_suite"]), case["derive_tree_secret"]
    secret, context = unhex(given["secret"]), u32(given["generation"])
    key = suite.expand_with_label(secret, b"key", context, suite.key_size)
    nonce = suite.expand_with_label(secret, b"nonce", context, suite.nonce_size)
    assert suite.key_and_nonce(secret, context) == (key, nonce)
    following = suite.expand_with_label(secret, b"secret", context, suite.hash_size)
    assert suite.next_ratchet_secret(secret, context) == following


def test_given_signature_and_our_own_verify(case: Vector) -> None:
    suite, given = cipher_suite(case["cipher_suite"]), case["sign_with_label"]
    private, public = unhex(given["priv"]), unhex(given["pub"])
    label, content = given["label"].encode(), unhex(given["content"])
    assert suite.signature.public_of(private) == public
    key = suite.verifying_key(public)
    own = suite.sign_with_label(suite.signature.load_signing(private), label, content)
    for signature in (unhex(given["signature"]), own):
        suite.verify_with_label(key, label, content, signature, Rule.CONTENT_SIGNATURE_INVALID)
        with pytest.raises(RemoteError) as refused:
            suite.verify_with_label(key, label, content + b"\0", signature, Rule.CONTENT_SIGNATURE_INVALID)
        assert refused.value.rule is Rule.CONTENT_SIGNATURE_INVALID


def test_given_ciphertext_and_our_own_decrypt(case: Vector) -> None:
    suite, given = cipher_suite(case["cipher_suite"]), case["encrypt_with_label"]
    private, public, label = unhex(given["priv"]), unhex(given["pub"]), given["label"].encode()
    context, plaintext = unhex(given["context"]), unhex(given["plaintext"])
    assert suite.kem.public_of(private) == public
    own = suite.encrypt_with_label(public, label, context, plaintext)
    for kem_output, ciphertext in ((unhex(given["kem_output"]), unhex(given["ciphertext"])), own):
        assert suite.decrypt_with_label(private, label, context, kem_output, ciphertext) == plaintext
        assert suite.decrypt_with_label(private, label, context + b"\0", kem_output, ciphertext) is None
        assert suite.decrypt_with_label(private, label + b"x", context, kem_output, ciphertext) is None
