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

MAX_ATTACHMENTS: Final = 4
"""The most attachments of one message."""

MAX_BLOB_BYTES: Final = 25 << 20
"""The largest content of one attachment, before it is padded and encrypted."""

BLOB_CHUNK_BYTES: Final = 64 * 1024
"""How much padded content one chunk of a blob holds; the last one holds the rest."""

BLOB_TAG_BYTES: Final = 16
"""By how much a chunk grows when it is encrypted."""

BLOB_PART_CHUNKS: Final = 4
"""How many chunks travel together: a part is 256 KiB of padded content."""

MAX_PART_BYTES: Final = BLOB_PART_CHUNKS * (BLOB_CHUNK_BYTES + BLOB_TAG_BYTES)
"""The largest part of a blob, as it travels and stands at the server."""

MAX_BLOB_PARTS: Final = 100
"""The most parts of one blob."""

MAX_SEALED_BLOB_BYTES: Final = MAX_BLOB_PARTS * MAX_PART_BYTES
"""The largest blob as the server has it: MAX_BLOB_BYTES is a padded size, and a whole number of parts."""

MIN_BLOB_BYTES: Final = 4 * 1024
"""The smallest padded content of a blob."""

MAX_ROOM_BLOB_BYTES: Final = 512 << 20
"""How much all blobs of a room may take at the server, as they are encrypted, begun ones among them."""

MAX_SEAT_UPLOADS: Final = 8
"""How many blobs of one seat may be begun and not whole."""

UPLOAD_S: Final = 24 * 3600
"""How long a blob may take to become whole; then what stands of it goes."""

AFTER_READING_BLOB_S: Final = 24 * 3600
"""How long a whole blob stands in a room whose messages go after reading: to read one is not to fetch it."""

PADDING_CLASSES: Final = tuple(256 << step for step in range(13))
"""The sizes in bytes to which encrypted content is padded: 256 bytes to 1 MiB."""
