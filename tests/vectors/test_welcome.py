"""welcome.json: opening a Welcome by hand, and one of our own making (RFC 9420 section 12.4.3.1)."""

from __future__ import annotations

import pytest

from backchannel_mls.codec import Reader, parse_all
from backchannel_mls.crypto.suite import CipherSuite, cipher_suite
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.key_schedule import epoch_secrets, joiner_secrets, welcome_key_and_nonce
from backchannel_mls.wire.commit import HpkeCiphertext
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.message import encode_message, parse_message
from backchannel_mls.wire.welcome import EncryptedGroupSecrets, GroupInfo, GroupSecrets, Welcome
from vectors.cases import Vector, cases, unhex

pytestmark = pytest.mark.parametrize("case", cases("welcome"))


def parsed(case: Vector) -> tuple[CipherSuite, KeyPackage, Welcome]:
    key_package = parse_message(unhex(case["key_package"]))
    welcome = parse_message(unhex(case["welcome"]))
    assert isinstance(key_package, KeyPackage)
    assert isinstance(welcome, Welcome)
    suite = cipher_suite(case["cipher_suite"])
    assert suite.id == key_package.cipher_suite == welcome.cipher_suite
    return suite, key_package, welcome


def open_welcome(case: Vector, welcome: Welcome) -> tuple[GroupSecrets, bytes]:
    """The joiner's secrets and the encoded GroupInfo."""
    suite, key_package, _ = parsed(case)
    reference = key_package.reference(suite)
    sealed = next(one.encrypted_group_secrets for one in welcome.secrets if one.new_member == reference)
    private, encrypted = unhex(case["init_priv"]), welcome.encrypted_group_info
    opened = suite.decrypt_with_label(private, b"Welcome", encrypted, sealed.kem_output, sealed.ciphertext)
    assert opened is not None
    secrets = parse_all(opened, GroupSecrets.parse)
    assert secrets.encode() == opened
    joiner = joiner_secrets(suite, secrets.joiner_secret, suite.zero_secret)
    key, nonce = welcome_key_and_nonce(suite, joiner.welcome_secret)
    group_info = suite.aead_open(key, nonce, welcome.encrypted_group_info, b"")
    assert group_info is not None
    return secrets, group_info


def test_given_welcome_opens_and_its_group_info_is_genuine(case: Vector) -> None:
    suite, _, welcome = parsed(case)
    secrets, encoded = open_welcome(case, welcome)
    info = parse_all(encoded, GroupInfo.parse)
    assert info.encode() == encoded
    key = suite.verifying_key(unhex(case["signer_pub"]))
    suite.verify_with_label(
        key, b"GroupInfoTBS", info.signed_content(), info.signature, Rule.GROUP_INFO_SIGNATURE_INVALID
    )
    context = info.group_context
    joiner = joiner_secrets(suite, secrets.joiner_secret, suite.zero_secret)
    keys = epoch_secrets(suite, joiner, context.encode())
    assert suite.mac(keys.confirmation_key, context.confirmed_transcript_hash) == info.confirmation_tag


def test_welcome_sealed_again_by_us_opens_alike(case: Vector) -> None:
    suite, key_package, welcome = parsed(case)
    secrets, group_info = open_welcome(case, welcome)
    joiner = joiner_secrets(suite, secrets.joiner_secret, suite.zero_secret)
    key, nonce = welcome_key_and_nonce(suite, joiner.welcome_secret)
    encrypted = suite.aead_seal(key, nonce, group_info, b"")
    assert encrypted == welcome.encrypted_group_info
    sealed = suite.encrypt_with_label(key_package.init_key, b"Welcome", encrypted, secrets.encode())
    reference = key_package.reference(suite)
    own = Welcome(suite.id, (EncryptedGroupSecrets(reference, HpkeCiphertext(*sealed)),), encrypted)
    again = parse_message(encode_message(own))
    assert isinstance(again, Welcome)
    assert open_welcome(case, again) == (secrets, group_info)


def test_key_package_is_genuine_and_holds_the_given_key(case: Vector) -> None:
    suite, key_package, _ = parsed(case)
    assert suite.kem.public_of(unhex(case["init_priv"])) == key_package.init_key
    key = suite.verifying_key(key_package.leaf_node.signature_key)
    content, signature = key_package.signed_content(), key_package.signature
    suite.verify_with_label(key, b"KeyPackageTBS", content, signature, Rule.KEY_PACKAGE_SIGNATURE_INVALID)
    data = key_package.encode()
    assert KeyPackage.parse(Reader(data)) == key_package
