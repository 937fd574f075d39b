"""Every bound of the protocol, by name. Server, Python client and web client share them."""

from __future__ import annotations

from typing import Final

PROTOCOL_VERSION: Final = 1

MAX_FRAME_BYTES: Final = 1 << 20
"""The largest frame that either side takes."""

MAX_BODY_BYTES: Final = 900 * 1024
"""The largest body of one event."""

MAX_DRAFTS: Final = 8
"""The most drafts in one Submit."""

MAX_EVENTS_A_FRAME: Final = 256
"""The most events in one Events frame."""

MAX_EVENTS_FRAME_BYTES: Final = 256 * 1024
"""How much body one Events frame gathers before the next one is begun."""

MAX_SEATS: Final = 1000
"""The most seats that a room may ever have had."""

MAX_MAILBOXES: Final = 200
"""The most open invitations of a room."""

MAX_MAIL_BYTES: Final = 512 * 1024
"""The largest sealed mail: an answer may hold a Welcome and a tree."""

MAX_MAIL_STEPS: Final = 16
"""The most pieces of mail that one mailbox keeps."""

MAX_SENTENCE_CHARS: Final = 1000
"""The longest sentence of a refusal."""

EVENTS_A_SECOND: Final = 20
"""How many events a seat may submit in a second, on average."""

EVENTS_BURST: Final = 200
"""How many events a seat may submit at once after a rest."""

ATTACH_TIMEOUT_S: Final = 10
"""How long a connection may take to attach."""

PING_INTERVAL_S: Final = 25
"""How often both sides ping."""

SILENCE_TIMEOUT_S: Final = 60
"""After how much silence a connection counts as lost."""

SEND_QUEUE_BYTES: Final = 4 << 20
"""How much may wait for one connection before it is cut off as too slow."""

REQUESTS_A_MINUTE: Final = 120
"""How many unauthenticated requests one address may make in a minute (kept in memory only)."""

POLL_TIMEOUT_S: Final = 25
"""How long a long-poll waits for something to say."""

MAX_INVITATION_S: Final = 90 * 24 * 3600
"""The longest life of an invitation."""

CLOSED_CHAT_S: Final = 7 * 24 * 3600
"""How long after closing chat is kept for seats that have not fetched it."""

CLOSED_ROOM_S: Final = 30 * 24 * 3600
"""How long after closing a room is kept at all."""

MAX_TOKEN_ROOMS: Final = 1000
"""The most rooms that one room token may create."""

MAX_TOKEN_S: Final = 366 * 24 * 3600
"""The longest life of a room token."""

MAX_TOKENS: Final = 1000
"""The most room tokens that a server keeps."""

PADDING_CLASSES: Final = tuple(256 << step for step in range(13))
"""The sizes in bytes to which encrypted content is padded: 256 bytes to 1 MiB."""
