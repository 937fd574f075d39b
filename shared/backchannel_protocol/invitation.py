"""Invitations: the link, what is derived from its secret, and the sealed mail (PROTOCOL.md, section 10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backchannel_mls.codec import u8, u64, vector
from backchannel_protocol.canonical import digest, label
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import MailboxId, Time, b64u, parse_b64u
from backchannel_protocol.keys import FINGERPRINT_SIZE, public_key
from backchannel_protocol.refusals import Code

SECRET_SIZE = 32
_VERSION = b"\x01"
_NONCE_SIZE = 12
_LINK_PATH = "/i"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a link's fragment carries. The secret never leaves the two clients."""

    secret: bytes = field(repr=False)
    inviter_fingerprint: bytes
    record_key_fingerprint: bytes

    def fragment(self) -> str:
        """The part after the #."""
        content = self.secret + self.inviter_fingerprint + self.record_key_fingerprint
        return b64u(_VERSION + content)

    def link(self, server_url: str) -> str:
        """The whole link; the fragment is not sent to the server by any client."""
        return f"{server_url.rstrip('/')}{_LINK_PATH}#{self.fragment()}"

    @classmethod
    def parse_fragment(cls, fragment: str) -> Invitation:
        """Raises `malformed`, with a sentence that does not repeat the fragment."""
        sentence = "This is not a whole invitation. Copy the link again, to its last character."
        try:
            data = parse_b64u(fragment, 1 + SECRET_SIZE + 2 * FINGERPRINT_SIZE)
        except RemoteProtocolError:
            raise RemoteProtocolError(Code.MALFORMED, sentence) from None
        if data[:1] != _VERSION:
            raise RemoteProtocolError(
                Code.VERSION, "The invitation is of a newer version. Update this program."
            )
        secret = data[1 : 1 + SECRET_SIZE]
        rest = data[1 + SECRET_SIZE :]
        return cls(secret, rest[:FINGERPRINT_SIZE], rest[FINGERPRINT_SIZE:])

    @classmethod
    def parse_link(cls, link: str) -> tuple[str, Invitation]:
        """(server URL, invitation). Raises `malformed`."""
        try:
            parts = urlsplit(link.strip())
        except ValueError:
            parts = urlsplit("")
        known = parts.scheme in ("http", "https") and parts.path == _LINK_PATH
        if not known or not parts.hostname or "@" in parts.netloc:  # "https://known.example@other.example/i"
            raise RemoteProtocolError(Code.MALFORMED, "This is not an invitation's link.")
        return f"{parts.scheme}://{parts.netloc}", cls.parse_fragment(parts.fragment)

    # ---- what is derived
    def derive(self, name: str, size: int) -> bytes:
        """`size` bytes of HKDF-SHA-256 for one purpose."""
        info = label("invitation") + vector(name.encode())
        return HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(self.secret)

    @property
    def mailbox(self) -> MailboxId:
        """The mailbox's id, which the server knows."""
        return MailboxId(self.derive("mailbox", 16))

    @property
    def auth_private(self) -> bytes:
        """The Ed25519 key that signs the claim; the server holds its public half."""
        return self.derive("auth", 32)

    @property
    def auth_key(self) -> bytes:
        """The public half of `auth_private`."""
        return public_key(self.auth_private)

    def seal(self, step: int, content: bytes, nonce: bytes) -> bytes:
        """A piece of mail as the server keeps it; `nonce` is 12 random bytes, never used before."""
        aad = self.mailbox + u8(step)
        return nonce + AESGCM(self.derive("seal", 32)).encrypt(nonce, content, aad)

    def open(self, step: int, sealed: bytes) -> bytes:
        """The content of a piece of mail. Raises `malformed` where it is not from a holder of the link."""
        nonce, ciphertext = sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:]
        try:
            return AESGCM(self.derive("seal", 32)).decrypt(nonce, ciphertext, self.mailbox + u8(step))
        except (InvalidTag, ValueError):
            sentence = "The server sent something that the inviting person did not write."
            raise RemoteProtocolError(Code.MALFORMED, sentence) from None


def mail_content(
    mailbox: bytes, step: int, time: Time, claim_key: bytes | None, sealed: bytes | None
) -> bytes:
    """What an invitee signs, under the label `mail`, with the auth key (step 1) or the claim key.

    The claim key is in it, so that nobody on the way takes the mailbox with a key of their own.
    """
    return mailbox + u8(step) + u64(time) + vector(claim_key or b"") + vector(sealed or b"")


def knock_commitment(reveal: bytes) -> bytes:
    """The hash that the invitee leaves before the challenge exists, 32 bytes."""
    return digest(label("knock") + vector(reveal))


def word_numbers(reveal: bytes, challenge: bytes, invitation: Invitation) -> tuple[int, int, int]:
    """Three numbers below 2,048, each a word that both sides read aloud (33 bits)."""
    hashed = digest(
        label("words")
        + vector(reveal)
        + vector(challenge)
        + invitation.inviter_fingerprint
        + invitation.record_key_fingerprint
    )
    bits = int.from_bytes(hashed[:5], "big") >> 7
    return bits >> 22, bits >> 11 & 0x7FF, bits & 0x7FF
