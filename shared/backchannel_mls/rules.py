"""The rules of RFC 9420 that this package enforces on what comes from outside.

Each member of `Rule` is one rule: its number, the section that demands it, and a sentence for
people. The stable code is the member's name in lower case with hyphens. README.md lists, for
each, the function that enforces it and the test that forges its violation.
"""

from __future__ import annotations

from enum import Enum


class Rule(Enum):
    """Value: (number, section of RFC 9420, sentence)."""

    number: str
    section: str
    sentence: str

    def __init__(self, number: str, section: str, sentence: str) -> None:
        self.number = number
        self.section = section
        self.sentence = sentence

    @property
    def code(self) -> str:
        """The stable code for machines, such as `leaf-signature-invalid`."""
        return self.name.lower().replace("_", "-")

    # ---- encoding
    TRUNCATED = ("C1", "2.1", "The message ends before it is complete.")
    TRAILING_BYTES = ("C2", "2.1", "The message has bytes after its end.")
    VARINT_NOT_MINIMAL = ("C3", "2.1.2", "A length is not written in its shortest form.")
    VARINT_INVALID = ("C4", "2.1.2", "A length begins with the reserved bits 11.")
    TOO_LARGE = ("C5", "2.1.2", "The message is larger than this package accepts.")
    OPTIONAL_INVALID = ("C6", "2.1.1", "An optional value is marked with neither 0 nor 1.")
    VALUE_UNKNOWN = ("C7", "6", "A field holds a value that RFC 9420 does not define for it.")
    VERSION_UNSUPPORTED = ("C8", "6", "The message is of another version than MLS 1.0.")
    VECTOR_UNEVEN = ("C9", "2.1.2", "A list's length is not a multiple of its items' length.")
    KEY_MALFORMED = ("C10", "5.1.1", "A public key is not a valid key of the cipher suite.")

    # ---- framing
    CONTENT_SIGNATURE_INVALID = ("F1", "6.1", "The signature of the message is not its sender's.")
    SENDER_BLANK = ("F2", "6.3.2", "The message names a sender who is not in the group.")
    APPLICATION_NOT_PRIVATE = ("F3", "6", "Application data must be encrypted; this message is not.")
    MEMBERSHIP_TAG_INVALID = ("F4", "6.2", "The membership tag of the message is wrong.")
    CONFIRMATION_TAG_INVALID = ("F5", "6.1", "The confirmation tag is wrong: the members' views differ.")
    EXTERNAL_SENDER_UNKNOWN = ("F6", "6.1", "The group has no external sender of that index.")
    EXTERNAL_SENDER_CONTENT = ("F7", "6.1", "An external sender may send proposals only.")
    NEW_MEMBER_COMMIT_CONTENT = ("F8", "6.1", "A joining sender's message must be a commit.")
    NEW_MEMBER_PROPOSAL_CONTENT = ("F9", "6.1", "A new member's proposal must be an Add.")
    PADDING_NOT_ZERO = ("F10", "6.3.1", "The padding of the message is not all zero.")
    CONTENT_UNDECRYPTABLE = ("F11", "6.3.1", "The message could not be decrypted: it was altered or forged.")
    SENDER_DATA_UNDECRYPTABLE = ("F12", "6.3.2", "The sender of the message could not be decrypted.")
    SENDER_DATA_MALFORMED = ("F13", "6.3.2", "The sender data does not have its 12 bytes.")
    GENERATION_SPENT = ("F14", "9.2", "The message was read before, or is too old to be read.")
    GENERATION_TOO_FAR = ("F15", "9.2", "The message is too many messages ahead of those seen.")
    GROUP_WRONG = ("F16", "6", "The message belongs to another group.")
    EPOCH_WRONG = ("F17", "12.4.2", "The message is not of the group's current epoch.")
    EPOCH_GONE = ("F18", "9.2", "The keys of the message's epoch are not kept, or not there yet.")
    OWN_MESSAGE = ("F19", "6.3", "The message names this client as its sender; it cannot be received.")
    NOT_A_GROUP_MESSAGE = ("F20", "6", "A message of this kind is not for a group's members.")

    # ---- leaf nodes
    LEAF_SIGNATURE_INVALID = ("L1", "7.3", "The signature of a leaf is wrong.")
    LEAF_REQUIREMENTS_UNMET = ("L2", "7.3", "A member lacks a capability that the group requires.")
    LEAF_CREDENTIAL_UNSUPPORTED = ("L3", "7.3", "Not every member supports every credential type in use.")
    LEAF_LIFETIME_OVER = ("L4", "7.3", "The lifetime of a key package has not begun or is over.")
    LEAF_LIFETIME_TOO_LONG = ("L5", "7.2", "The lifetime of a key package is longer than is accepted.")
    LEAF_EXTENSION_UNLISTED = ("L6", "7.3", "A leaf has an extension that its capabilities do not list.")
    LEAF_SOURCE_WRONG = ("L7", "7.3", "A leaf was made for another use than the one it is put to.")
    UPDATE_KEY_REUSED = ("L8", "7.3", "An update keeps the old encryption key.")
    SIGNATURE_KEY_DUPLICATE = ("L9", "7.3", "Two members would have the same signature key.")
    ENCRYPTION_KEY_DUPLICATE = ("L10", "7.3", "Two members would have the same encryption key.")
    LEAF_SUITE_UNLISTED = ("L11", "7.2", "A member does not list the group's version or cipher suite.")
    LEAF_GROUP_EXTENSION_UNSUPPORTED = ("L12", "13.4", "A member does not support an extension of the group.")
    EXTENSION_DUPLICATE = ("L13", "13.4", "A list of extensions names one type twice.")
    X509_KEY_MISMATCH = ("L14", "5.3", "The certificate's key is not the leaf's signature key.")

    # ---- the ratchet tree
    TREE_MALFORMED = ("T1", "12.4.3.3", "The ratchet tree is empty, ends blank, or has a node out of place.")
    TREE_HASH_MISMATCH = ("T2", "12.4.3.1", "The ratchet tree is not the one that the group signed.")
    PARENT_HASH_INVALID = ("T3", "7.9.2", "A node of the tree was not put there by a member.")
    UNMERGED_LEAF_INVALID = ("T4", "12.4.3.1", "A node lists an unmerged leaf that is blank or not below it.")
    UNMERGED_LEAF_UNCHAINED = (
        "T5",
        "12.4.3.1",
        "A node lists an unmerged leaf that a node between does not.",
    )
    TREE_KEY_DUPLICATE = ("T6", "12.4.3.1", "Two nodes of the tree have the same encryption key.")
    PATH_LENGTH_WRONG = ("T7", "7.6", "The update path does not have one node for each on the sender's path.")
    PATH_CIPHERTEXTS_WRONG = ("T8", "7.6", "The update path is not encrypted to exactly those who need it.")
    PATH_KEY_MISMATCH = ("T9", "7.5", "A key of the update path is not the one that its secret gives.")
    PATH_UNDECRYPTABLE = ("T10", "7.5", "The update path could not be decrypted.")
    PATH_PARENT_HASH_WRONG = ("T11", "7.9.2", "The committer's leaf does not fit the path it sent.")

    # ---- key packages
    KEY_PACKAGE_SUITE_WRONG = ("K1", "10.1", "The key package is for another cipher suite.")
    KEY_PACKAGE_SIGNATURE_INVALID = ("K2", "10.1", "The signature of the key package is wrong.")
    INIT_KEY_REUSED = ("K3", "10.1", "The key package uses one key for two purposes.")

    # ---- successor groups
    REINIT_MISMATCH = ("Z1", "11.2", "The new group is not the one that was agreed on.")
    SUCCESSOR_EPOCH_WRONG = ("Z2", "11.2", "A new group that continues an old one must begin at epoch 1.")
    REINIT_MEMBERS_MISSING = ("Z3", "12.4.3.1", "The new group leaves out members of the old one.")
    REINIT_UNASKED = ("Z4", "11.2", "The old group did not agree to be continued.")
    BRANCH_MISMATCH = ("Z5", "11.3", "The subgroup has another version or cipher suite than its origin.")
    BRANCH_MEMBERS_FOREIGN = ("Z6", "11.3", "The subgroup has members that its origin does not have.")
    SUCCESSOR_UNLINKED = ("Z7", "11.2", "The new group does not prove that it continues the old one.")

    # ---- single proposals
    REMOVE_BLANK = ("P1", "12.1.3", "A removal names a member who is not in the group.")
    PSK_USAGE_RESERVED = ("P2", "12.1.4", "A key of a past epoch is used for a purpose that is reserved.")
    PSK_NONCE_LENGTH_WRONG = ("P3", "12.1.4", "The nonce of a pre-shared key has the wrong length.")
    REINIT_VERSION_LOWER = ("P4", "12.1.5", "The new group would have an older version.")
    PROPOSAL_TYPE_UNKNOWN = ("P5", "12.2", "The proposal is of a type that not every member supports.")
    GROUP_EXTENSION_UNSUPPORTED = ("P6", "12.1.7", "A member does not support what the group would require.")
    EXTERNAL_PROPOSAL_TYPE = ("P7", "12.1.8", "An outsider may not propose this.")
    PROPOSALS_TOO_MANY = ("P8", "12.1", "There are more pending proposals than this package keeps.")

    # ---- lists of proposals
    UPDATE_BY_COMMITTER = ("V1", "12.2", "A commit covers an update of its own sender.")
    REMOVE_OF_COMMITTER = ("V2", "12.2", "A commit removes its own sender.")
    LEAF_CHANGED_TWICE = ("V3", "12.2", "A commit updates or removes one member twice.")
    ADD_TWICE = ("V4", "12.2", "A commit adds one client twice.")
    ADD_OF_MEMBER = ("V5", "12.2", "A commit adds a client who is in the group already.")
    PSK_TWICE = ("V6", "12.2", "A commit names one pre-shared key twice.")
    GROUP_EXTENSIONS_TWICE = ("V7", "12.2", "A commit sets the group's extensions twice.")
    REINIT_NOT_ALONE = ("V8", "12.2", "A commit mixes the end of the group with other changes.")
    EXTERNAL_INIT_BY_MEMBER = ("V9", "12.2", "A member's commit holds what only a joiner's may.")
    EXTERNAL_INIT_COUNT = ("V10", "12.2", "An external commit must hold exactly one ExternalInit.")
    EXTERNAL_REMOVE_COUNT = ("V11", "12.2", "An external commit may remove at most one member.")
    EXTERNAL_PROPOSAL_LIST = ("V12", "12.2", "An external commit holds a proposal that it may not.")

    # ---- commits
    PATH_MISSING = ("M1", "12.4", "The commit lacks the update path that its changes need.")
    PROPOSAL_UNKNOWN = ("M2", "12.4", "The commit refers to a proposal that was not seen.")
    PATH_LEAF_KEY_REUSED = ("M3", "12.4.2", "The committer keeps its old encryption key.")
    PATH_KEY_IN_TREE = ("M4", "12.4.2", "A key of the update path stands in the tree already.")
    PSK_UNKNOWN = ("M5", "12.4.2", "A pre-shared key that the commit names is not at hand.")
    EXTERNAL_PATH_MISSING = ("M6", "12.4.3.2", "An external commit must hold an update path.")
    EXTERNAL_REFERENCE = ("M7", "12.4.3.2", "An external commit may not refer to proposals.")
    EXTERNAL_INIT_UNDECRYPTABLE = ("M8", "8.3", "The joiner's secret could not be decrypted.")
    EXTERNAL_REMOVE_UNFIT = ("M9", "12.2", "The joiner's new leaf keeps a key of the leaf it replaces.")

    # ---- joining
    WELCOME_NOT_FOR_US = ("W1", "12.4.3.1", "The Welcome is not for this key package.")
    WELCOME_SUITE_WRONG = ("W2", "12.4.3.1", "The Welcome is for another cipher suite.")
    WELCOME_UNDECRYPTABLE = ("W3", "12.4.3.1", "The Welcome could not be decrypted.")
    GROUP_INFO_SIGNATURE_INVALID = ("W4", "12.4.3.1", "The group's description is not signed by a member.")
    GROUP_INFO_SIGNER_BLANK = ("W5", "12.4.3.1", "The group's description is signed by nobody in the group.")
    OWN_LEAF_MISSING = ("W6", "12.4.3.1", "The group does not contain the key package that was to be added.")
    WELCOME_PSKS_CONFLICT = ("W7", "12.4.3.1", "The Welcome names more than one group that it continues.")
    GROUP_ID_KNOWN = ("W8", "12.4.3.1", "This client is in a group of that id already.")
    TREE_MISSING = ("W9", "12.4.3.3", "The ratchet tree was neither in the message nor given beside it.")
    EXTERNAL_PUB_MISSING = ("W10", "12.4.3.2", "The group's description does not allow external joins.")
    GROUP_INFO_SUITE_WRONG = ("W11", "12.4.3.1", "The group's description is of another cipher suite.")
    WELCOME_SIGNER_SELF = ("W12", "12.4.3.1", "The Welcome claims to come from its own recipient.")
