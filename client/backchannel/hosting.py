"""Servers on which this profile may make rooms: a host link, or a room token that a host gave away."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from backchannel.errors import BackchannelError
from backchannel_mls.codec import vector
from backchannel_protocol.canonical import digest, label
from backchannel_protocol.ids import ID_SIZE

HOST: Final = b"host "
"""How what is kept of a host link begins, in the profile's table of rooms."""

_LINK_PATH: Final = "/host"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43,256}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


class HostLink(msgspec.Struct, array_like=True, frozen=True):
    """A server's address and a token of it, under a short name of one's choice."""

    name: str
    url: str
    token: str

    def __repr__(self) -> str:
        """Without the token."""
        return f"HostLink({self.name!r}, {self.url!r})"

    @classmethod
    def parse(cls, name: str, link: str) -> HostLink:
        """`https://server/host#token`. Raises BackchannelError, which does not repeat the link."""
        if not _NAME.fullmatch(name):
            sentence = "A host's short name is of letters, digits, dots and dashes, at most 32."
            raise BackchannelError("host-name", sentence)
        try:
            parts = urlsplit(link.strip())
        except ValueError:
            parts = urlsplit("")
        known = parts.scheme in ("http", "https") and parts.path == _LINK_PATH and not parts.query
        if not known or not parts.hostname or "@" in parts.netloc or not _TOKEN.fullmatch(parts.fragment):
            sentence = "This is not a whole host link. Copy it again, from http to its last character."
            raise BackchannelError("host-link", sentence)
        return cls(name, f"{parts.scheme}://{parts.netloc}", parts.fragment)

    def link(self) -> str:
        """The whole link: a secret."""
        return f"{self.url}{_LINK_PATH}#{self.token}"

    def place(self) -> bytes:
        """Where it stands in the profile's table of rooms."""
        return digest(label("host link") + vector(self.name.encode()))[:ID_SIZE]

    def encode(self) -> bytes:
        """For storage: holds the token in clear."""
        return HOST + msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> HostLink:
        """What `encode` wrote."""
        return msgspec.msgpack.decode(data.removeprefix(HOST), type=cls)
