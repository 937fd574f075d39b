"""Validity of leaves and key packages (RFC 9420 sections 7.2, 7.3, 10.1, 13.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backchannel_mls.crypto.suite import CipherSuite, cipher_suite
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.group.policy import ALLOW_ALL, Policy, PresentedCredential
from backchannel_mls.rules import Rule
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.tree.validation import check_keys_unique
from backchannel_mls.types import (
    DEFAULT_EXTENSIONS,
    DEFAULT_PROPOSALS,
    MLS10,
    GroupId,
    LeafIndex,
    LeafNodeSource,
)
from backchannel_mls.wire.credential import X509Credential
from backchannel_mls.wire.extension import Extension, RequiredCapabilities
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.leaf_node import Capabilities, LeafNode
from backchannel_mls.wire.message import parse_message


@dataclass(frozen=True, slots=True)
class VerifiedKeyPackage:
    """A key package that `verify_key_package` found valid."""

    key_package: KeyPackage


def verify_key_package(
    received: bytes | KeyPackage,
    suite_id: int,
    *,
    now_s: int | None,
    extensions: Sequence[Extension] = (),
    policy: Policy = ALLOW_ALL,
) -> VerifiedKeyPackage:
    """A key package fit for a group of that suite with those extensions (section 10.1).

    `received` is an MLSMessage or a parsed key package. `now_s` is the time in seconds since
    1970; None leaves the lifetime unchecked, which is allowed only for what others already sent.
    """
    suite = cipher_suite(suite_id)
    if isinstance(received, bytes):
        message = parse_message(received)
        if not isinstance(message, KeyPackage):
            raise RemoteError(Rule.VALUE_UNKNOWN)
        received = message
    check_key_package(suite, received, extensions, policy, now_s)
    return VerifiedKeyPackage(received)


def check_key_package(
    suite: CipherSuite,
    package: KeyPackage,
    extensions: Sequence[Extension],
    policy: Policy,
    now_s: int | None,
) -> None:
    """Section 10.1."""
    if package.cipher_suite != suite.id:
        raise RemoteError(Rule.KEY_PACKAGE_SUITE_WRONG)
    leaf = package.leaf_node
    check_leaf(suite, leaf, LeafNodeSource.KEY_PACKAGE, None, None)
    check_leaf_fits_group(leaf, extensions)
    check_lifetime(leaf, policy, now_s)
    if package.init_key == leaf.encryption_key:
        raise RemoteError(Rule.INIT_KEY_REUSED)
    suite.check_hpke_public(package.init_key)
    key = suite.verifying_key(leaf.signature_key)
    content = package.signed_content()
    suite.verify_with_label(
        key, b"KeyPackageTBS", content, package.signature, Rule.KEY_PACKAGE_SIGNATURE_INVALID
    )
    policy.judge_credential(PresentedCredential(leaf.credential, leaf.signature_key))


def check_leaf(
    suite: CipherSuite,
    leaf: LeafNode,
    source: LeafNodeSource | None,
    group_id: GroupId | None,
    index: LeafIndex | None,
) -> None:
    """What a leaf must be by itself (section 7.3); `source` None takes any, as in a received tree."""
    if source is not None and leaf.source is not source:
        raise RemoteError(Rule.LEAF_SOURCE_WRONG)
    if suite.id not in leaf.capabilities.cipher_suites or MLS10 not in leaf.capabilities.versions:
        raise RemoteError(Rule.LEAF_SUITE_UNLISTED)
    if leaf.credential.type not in leaf.capabilities.credentials:
        raise RemoteError(Rule.LEAF_CREDENTIAL_UNSUPPORTED)
    listed = leaf.capabilities.extensions
    for extension in leaf.extensions:
        if extension.type not in listed and extension.type not in DEFAULT_EXTENSIONS:
            raise RemoteError(Rule.LEAF_EXTENSION_UNLISTED)
    suite.check_hpke_public(leaf.encryption_key)
    if isinstance(leaf.credential, X509Credential):
        check_certificate_key(leaf.credential, leaf.signature_key)
    key = suite.verifying_key(leaf.signature_key)
    content = leaf.signed_content(group_id, index)
    suite.verify_with_label(key, b"LeafNodeTBS", content, leaf.signature, Rule.LEAF_SIGNATURE_INVALID)


def check_certificate_key(credential: X509Credential, signature_key: bytes) -> None:
    """The end entity's key is the leaf's (section 5.3). The chain is the application's to verify."""
    try:
        key = x509.load_der_x509_certificate(credential.certificates[0]).public_key()
        forms = ((Encoding.Raw, PublicFormat.Raw), (Encoding.X962, PublicFormat.UncompressedPoint))
        for encoding, form in forms:
            try:
                if key.public_bytes(encoding, form) == signature_key:
                    return
            except ValueError:
                continue
    except Exception:  # noqa: BLE001, S110 - a certificate from outside: whatever is wrong with it, it does not match
        pass
    raise RemoteError(Rule.X509_KEY_MISMATCH)


def check_leaf_fits_group(leaf: LeafNode, extensions: Sequence[Extension]) -> None:
    """What a group's extensions demand of each member (sections 7.3, 11.1, 13.4)."""
    required = RequiredCapabilities.of(extensions)
    if required is not None and not meets(leaf.capabilities, required):
        raise RemoteError(Rule.LEAF_REQUIREMENTS_UNMET)
    if not supports_extensions(leaf.capabilities, extensions):
        raise RemoteError(Rule.LEAF_GROUP_EXTENSION_UNSUPPORTED)


def meets(capabilities: Capabilities, required: RequiredCapabilities) -> bool:
    """Whether the required capabilities (section 11.1) are there; default types need no listing."""
    return (
        DEFAULT_EXTENSIONS.union(capabilities.extensions).issuperset(required.extensions)
        and DEFAULT_PROPOSALS.union(capabilities.proposals).issuperset(required.proposals)
        and set(capabilities.credentials).issuperset(required.credentials)
    )


def supports_extensions(capabilities: Capabilities, extensions: Sequence[Extension]) -> bool:
    """Whether every extension of a GroupContext is supported (section 13.4)."""
    return all(
        extension.type in DEFAULT_EXTENSIONS or extension.type in capabilities.extensions
        for extension in extensions
    )


def check_lifetime(leaf: LeafNode, policy: Policy, now_s: int | None) -> None:
    """Sections 7.2 and 7.3; `now_s` None checks only how long the lifetime is."""
    lifetime = leaf.lifetime
    if lifetime is None:
        return
    if lifetime.not_after - lifetime.not_before > policy.max_lifetime_s:
        raise RemoteError(Rule.LEAF_LIFETIME_TOO_LONG)
    if now_s is not None and not lifetime.not_before <= now_s <= lifetime.not_after:
        raise RemoteError(Rule.LEAF_LIFETIME_OVER)


def check_members(tree: RatchetTree) -> None:
    """What holds between a tree's members: unique keys, credential types that all support (section 7.3)."""
    leaves = [leaf for _, leaf in tree.leaves()]
    if len({leaf.signature_key for leaf in leaves}) != len(leaves):
        raise RemoteError(Rule.SIGNATURE_KEY_DUPLICATE)
    check_keys_unique(tree)
    in_use = {leaf.credential.type for leaf in leaves}
    for supported in {leaf.capabilities.credentials for leaf in leaves}:
        if not in_use.issubset(supported):
            raise RemoteError(Rule.LEAF_CREDENTIAL_UNSUPPORTED)


def require_time(now_s: int | None) -> int:
    """The time, where the protocol demands that a lifetime is checked (section 7.3)."""
    if now_s is None:
        raise LocalError(
            "time-missing", "Adding a member needs the current time, to check the key package's lifetime."
        )
    return now_s
