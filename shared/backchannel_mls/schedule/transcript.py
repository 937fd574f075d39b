"""The transcript hashes (RFC 9420 section 8.2)."""

from __future__ import annotations

from backchannel_mls.codec import u16, vector
from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.types import WireFormat


def confirmed_transcript_hash(
    suite: CipherSuite, interim: bytes, wire_format: WireFormat, content: bytes, signature: bytes
) -> bytes:
    """The hash over all commits up to this one's signature; `content` is its encoded FramedContent."""
    return suite.hash(interim + u16(wire_format) + content + vector(signature))


def interim_transcript_hash(suite: CipherSuite, confirmed: bytes, confirmation_tag: bytes) -> bytes:
    """The hash over all commits, the last one's confirmation tag included."""
    return suite.hash(confirmed + vector(confirmation_tag))
