"""Identifiers and registered values of RFC 9420 (sections 6, 7.2, 12.1, 17)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NewType

LeafIndex = NewType("LeafIndex", int)
NodeIndex = NewType("NodeIndex", int)
EpochNumber = NewType("EpochNumber", int)
Generation = NewType("Generation", int)
GroupId = NewType("GroupId", bytes)
KeyPackageRef = NewType("KeyPackageRef", bytes)
ProposalRef = NewType("ProposalRef", bytes)

MLS10: Final = 1
"""ProtocolVersion mls10 (section 6), the only one there is."""


class WireFormat(IntEnum):
    """What an MLSMessage carries (section 17.2)."""

    PUBLIC_MESSAGE = 1
    PRIVATE_MESSAGE = 2
    WELCOME = 3
    GROUP_INFO = 4
    KEY_PACKAGE = 5


class ContentType(IntEnum):
    """What a FramedContent carries (section 6)."""

    APPLICATION = 1
    PROPOSAL = 2
    COMMIT = 3


class SenderType(IntEnum):
    """Who sent a FramedContent (section 6)."""

    MEMBER = 1
    EXTERNAL = 2
    NEW_MEMBER_PROPOSAL = 3
    NEW_MEMBER_COMMIT = 4


class ProposalType(IntEnum):
    """The default proposal types (section 17.4)."""

    ADD = 1
    UPDATE = 2
    REMOVE = 3
    PSK = 4
    REINIT = 5
    EXTERNAL_INIT = 6
    GROUP_CONTEXT_EXTENSIONS = 7


class ExtensionType(IntEnum):
    """The default extension types (section 17.3)."""

    APPLICATION_ID = 1
    RATCHET_TREE = 2
    REQUIRED_CAPABILITIES = 3
    EXTERNAL_PUB = 4
    EXTERNAL_SENDERS = 5


class CredentialType(IntEnum):
    """The credential types that this package can parse (section 17.5)."""

    BASIC = 1
    X509 = 2


class LeafNodeSource(IntEnum):
    """How a leaf came into the tree (section 7.2)."""

    KEY_PACKAGE = 1
    UPDATE = 2
    COMMIT = 3


class PskType(IntEnum):
    """Section 8.4."""

    EXTERNAL = 1
    RESUMPTION = 2


class ResumptionUsage(IntEnum):
    """Section 8.4."""

    APPLICATION = 1
    REINIT = 2
    BRANCH = 3


DEFAULT_PROPOSALS: Final = frozenset(int(value) for value in ProposalType)
"""Supported by every client and never listed in capabilities (section 7.2)."""

DEFAULT_EXTENSIONS: Final = frozenset(int(value) for value in ExtensionType)
"""Supported by every client and never listed in capabilities (section 7.2)."""

PATH_REQUIRED: Final = frozenset(
    {
        ProposalType.UPDATE,
        ProposalType.REMOVE,
        ProposalType.EXTERNAL_INIT,
        ProposalType.GROUP_CONTEXT_EXTENSIONS,
    }
)
"""A commit that covers one of these needs an UpdatePath (section 12.4)."""
