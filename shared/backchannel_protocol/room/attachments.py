"""What a message says of a file that goes with it (PROTOCOL.md, section 12a).

Where the blob is, its key, and what it was called: all of that stands in the encrypted message alone.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from backchannel_protocol.limits import MAX_ATTACHMENTS, MAX_BLOB_BYTES
from backchannel_protocol.room.names import is_file_name
from backchannel_protocol.room.state import Id, Key

_TOKEN = "[a-z0-9][a-z0-9.+_-]{0,62}"  # noqa: S105 - RFC 6838's word for a half of a media type
MediaType = Annotated[str, Meta(pattern=rf"^{_TOKEN}/{_TOKEN}\Z")]
"""As RFC 6838 section 4.2 has them, small, without parameters: the author's word, by which nothing is run."""


class Attachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file. `size` is that of its content in bytes, before padding."""

    blob: Id
    key: Key
    size: Annotated[int, Meta(ge=0, le=MAX_BLOB_BYTES)]
    name: str
    type: MediaType

    def __post_init__(self) -> None:
        """What no pattern says; msgspec makes a ValidationError of it."""
        if not is_file_name(self.name):
            raise ValueError


Attachments = Annotated[tuple[Attachment, ...], Meta(min_length=1, max_length=MAX_ATTACHMENTS)]
"""Of a message that has some; of one that has none, the field is not there."""
