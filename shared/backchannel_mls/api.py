"""What the package offers, in one place; `backchannel_mls` itself hands it on when it is asked for."""

from __future__ import annotations

from backchannel_mls.crypto.suite import (
    P256_AES128GCM_SHA256_P256,
    P384_AES256GCM_SHA384_P384,
    P521_AES256GCM_SHA512_P521,
    SUITES,
    X25519_AES128GCM_SHA256_ED25519,
    X25519_CHACHA20POLY1305_SHA256_ED25519,
    XWING_AES256GCM_SHA512_ED25519,
    CipherSuite,
    cipher_suite,
)
from backchannel_mls.errors import LocalError, MlsError, PolicyError, RemoteError
from backchannel_mls.group.commit_create import PendingCommit, create_commit
from backchannel_mls.group.create import create_group
from backchannel_mls.group.external import (
    PendingJoin,
    join_by_external_commit,
    propose_from_outside,
    propose_join,
)
from backchannel_mls.group.identity import Identity, KeyPackageBundle, create_key_package
from backchannel_mls.group.join import join_group
from backchannel_mls.group.leaf_rules import VerifiedKeyPackage, verify_key_package
from backchannel_mls.group.messages import (
    ApplicationReceived,
    ProposalReceived,
    Received,
    Sent,
    SentProposal,
    encrypt,
    forget_proposals,
    propose,
    propose_update,
    receive,
)
from backchannel_mls.group.policy import (
    AddedMember,
    CommitEffect,
    Policy,
    PresentedCredential,
    RemovedMember,
    UpdatedMember,
)
from backchannel_mls.group.state import GroupState, GroupStatus, Member, Settings
from backchannel_mls.group.succession import branch_group, continue_group
from backchannel_mls.group.transition import EpochTransition, StagedCommit, merge_commit
from backchannel_mls.group.welcome import create_group_info
from backchannel_mls.rules import Rule
from backchannel_mls.store import (
    Change,
    changes,
    decode_state,
    decode_transition,
    encode_state,
    encode_transition,
    load_state,
    records,
)
from backchannel_mls.types import (
    ContentType,
    CredentialType,
    EpochNumber,
    ExtensionType,
    Generation,
    GroupId,
    KeyPackageRef,
    LeafIndex,
    LeafNodeSource,
    NodeIndex,
    ProposalRef,
    ProposalType,
    PskType,
    ResumptionUsage,
    SenderType,
    WireFormat,
)
from backchannel_mls.wire.credential import BasicCredential, Credential, X509Credential
from backchannel_mls.wire.extension import Extension, ExternalSender, RequiredCapabilities
from backchannel_mls.wire.framing import PrivateMessage, PublicMessage, Sender
from backchannel_mls.wire.group_context import GroupContext
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.leaf_node import Capabilities, LeafNode, Lifetime
from backchannel_mls.wire.message import MlsMessage, encode_message, parse_message
from backchannel_mls.wire.proposal import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    Update,
)
from backchannel_mls.wire.psk import ExternalPskId, PskId, ResumptionPskId
from backchannel_mls.wire.welcome import GroupInfo, Welcome

__all__ = [
    "P256_AES128GCM_SHA256_P256",
    "P384_AES256GCM_SHA384_P384",
    "P521_AES256GCM_SHA512_P521",
    "SUITES",
    "X25519_AES128GCM_SHA256_ED25519",
    "X25519_CHACHA20POLY1305_SHA256_ED25519",
    "XWING_AES256GCM_SHA512_ED25519",
    "Add",
    "AddedMember",
    "ApplicationReceived",
    "BasicCredential",
    "Capabilities",
    "Change",
    "CipherSuite",
    "CommitEffect",
    "ContentType",
    "Credential",
    "CredentialType",
    "EpochNumber",
    "EpochTransition",
    "Extension",
    "ExtensionType",
    "ExternalInit",
    "ExternalPskId",
    "ExternalSender",
    "Generation",
    "GroupContext",
    "GroupContextExtensions",
    "GroupId",
    "GroupInfo",
    "GroupState",
    "GroupStatus",
    "Identity",
    "KeyPackage",
    "KeyPackageBundle",
    "KeyPackageRef",
    "LeafIndex",
    "LeafNode",
    "LeafNodeSource",
    "Lifetime",
    "LocalError",
    "Member",
    "MlsError",
    "MlsMessage",
    "NodeIndex",
    "PendingCommit",
    "PendingJoin",
    "Policy",
    "PolicyError",
    "PreSharedKey",
    "PresentedCredential",
    "PrivateMessage",
    "Proposal",
    "ProposalReceived",
    "ProposalRef",
    "ProposalType",
    "PskId",
    "PskType",
    "PublicMessage",
    "ReInit",
    "Received",
    "RemoteError",
    "Remove",
    "RemovedMember",
    "RequiredCapabilities",
    "ResumptionPskId",
    "ResumptionUsage",
    "Rule",
    "Sender",
    "SenderType",
    "Sent",
    "SentProposal",
    "Settings",
    "StagedCommit",
    "Update",
    "UpdatedMember",
    "VerifiedKeyPackage",
    "Welcome",
    "WireFormat",
    "X509Credential",
    "branch_group",
    "changes",
    "cipher_suite",
    "continue_group",
    "create_commit",
    "create_group",
    "create_group_info",
    "create_key_package",
    "decode_state",
    "decode_transition",
    "encode_message",
    "encode_state",
    "encode_transition",
    "encrypt",
    "forget_proposals",
    "join_by_external_commit",
    "join_group",
    "load_state",
    "merge_commit",
    "parse_message",
    "propose",
    "propose_from_outside",
    "propose_join",
    "propose_update",
    "receive",
    "records",
    "verify_key_package",
]
