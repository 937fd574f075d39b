"""Every bound of this package, by name. Both of Backchannel's implementations share them."""

from __future__ import annotations

from typing import Final

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""The largest MLSMessage or ratchet tree that is looked at; larger input is refused unread."""

MAX_LIST_ITEMS: Final = 1 << 16
"""The most items that are parsed of all lists of one message, so that small input stays small memory."""

MAX_TREE_ITEMS: Final = 1 << 20
"""The same for a ratchet tree, all of whose leaves have lists."""

MAX_TREE_LEAVES: Final = 1 << 16
"""The most leaves (blank ones included) that a ratchet tree may have."""

MAX_FORWARD_GENERATIONS: Final = 4096
"""How far ahead of the last one seen a generation may be; beyond it nothing is computed."""

MAX_SKIPPED_KEYS: Final = 4096
"""How many keys of skipped generations one ratchet keeps; the oldest go first."""

MAX_PAST_EPOCHS: Final = 4
"""For how many past epochs message keys are kept, for application messages that come late."""

MAX_RESUMPTION_EPOCHS: Final = 16
"""For how many epochs, the current one included, resumption_psk is kept (section 8.6)."""

MAX_PENDING_PROPOSALS: Final = 1024
"""How many proposals of one epoch are kept for commits that refer to them."""

MAX_LIFETIME_S: Final = 366 * 24 * 3600
"""The longest total lifetime of a leaf that is accepted, in seconds (section 7.2)."""

DEFAULT_LIFETIME_S: Final = 90 * 24 * 3600
"""The lifetime that new KeyPackages get, in seconds."""

LIFETIME_SKEW_S: Final = 3600
"""How far before its making a lifetime begins, for clocks that disagree, in seconds."""
