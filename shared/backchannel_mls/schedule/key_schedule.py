"""The key schedule of one epoch (RFC 9420 section 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backchannel_mls.codec import u16
from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.wire.psk import PskId

PskLookup = Callable[[PskId], bytes | None]
"""Finds the secret of a pre-shared key, or None. A PSK that is not at hand is never invented."""


@dataclass(frozen=True, slots=True)
class EpochSecrets:
    """All that is derived from an epoch_secret (section 8, table 4). Transient: see `EpochKeys`."""

    sender_data_secret: bytes
    encryption_secret: bytes
    exporter_secret: bytes
    external_secret: bytes
    confirmation_key: bytes
    membership_key: bytes
    resumption_psk: bytes
    epoch_authenticator: bytes
    init_secret: bytes


@dataclass(frozen=True, slots=True)
class JoinerSecrets:
    """What a Welcome is made from (section 8)."""

    joiner_secret: bytes
    member_secret: bytes
    welcome_secret: bytes


def psk_secret(suite: CipherSuite, psks: Sequence[PskId], lookup: PskLookup) -> bytes:
    """psk_secret of the pre-shared keys in their order (section 8.4); zeros where there are none."""
    secret = suite.zero_secret
    for index, psk_id in enumerate(psks):
        psk = lookup(psk_id)
        if psk is None:
            raise RemoteError(Rule.PSK_UNKNOWN)
        label = psk_id.encode() + u16(index) + u16(len(psks))
        extracted = suite.extract(suite.zero_secret, psk)
        psk_input = suite.expand_with_label(extracted, b"derived psk", label, suite.hash_size)
        secret = suite.extract(psk_input, secret)
    return secret


def joiner_secrets(suite: CipherSuite, joiner_secret: bytes, psk: bytes) -> JoinerSecrets:
    """From joiner_secret, as sender and joiner of a Welcome both do."""
    member_secret = suite.extract(joiner_secret, psk)
    return JoinerSecrets(joiner_secret, member_secret, suite.derive_secret(member_secret, b"welcome"))


def commit_secrets(
    suite: CipherSuite, init_secret: bytes, commit_secret: bytes, psk: bytes, context: bytes
) -> JoinerSecrets:
    """From the last epoch's init_secret to the joiner's secrets; `context` is the new GroupContext."""
    extracted = suite.extract(init_secret, commit_secret)
    joiner_secret = suite.expand_with_label(extracted, b"joiner", context, suite.hash_size)
    return joiner_secrets(suite, joiner_secret, psk)


def epoch_secrets(suite: CipherSuite, joiner: JoinerSecrets, context: bytes) -> EpochSecrets:
    """The secrets of an epoch; `context` is its encoded GroupContext."""
    return secrets_of_epoch(
        suite, suite.expand_with_label(joiner.member_secret, b"epoch", context, suite.hash_size)
    )


def secrets_of_epoch(suite: CipherSuite, epoch_secret: bytes) -> EpochSecrets:
    """The secrets derived from an epoch_secret."""
    derive = suite.derive_secret
    return EpochSecrets(
        sender_data_secret=derive(epoch_secret, b"sender data"),
        encryption_secret=derive(epoch_secret, b"encryption"),
        exporter_secret=derive(epoch_secret, b"exporter"),
        external_secret=derive(epoch_secret, b"external"),
        confirmation_key=derive(epoch_secret, b"confirm"),
        membership_key=derive(epoch_secret, b"membership"),
        resumption_psk=derive(epoch_secret, b"resumption"),
        epoch_authenticator=derive(epoch_secret, b"authentication"),
        init_secret=derive(epoch_secret, b"init"),
    )


def welcome_key_and_nonce(suite: CipherSuite, welcome_secret: bytes) -> tuple[bytes, bytes]:
    """The key and nonce of a Welcome's encrypted_group_info (section 12.4.3.1)."""
    key = suite.expand_with_label(welcome_secret, b"key", b"", suite.key_size)
    return key, suite.expand_with_label(welcome_secret, b"nonce", b"", suite.nonce_size)


def export_secret(
    suite: CipherSuite, exporter_secret: bytes, label: bytes, context: bytes, size: int
) -> bytes:
    """MLS-Exporter (section 8.5): `size` bytes for the application."""
    derived = suite.derive_secret(exporter_secret, label)
    return suite.expand_with_label(derived, b"exported", suite.hash(context), size)
