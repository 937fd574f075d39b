"""Invitations: the link, what comes of its secret, sealed mail, and the words read aloud."""

from __future__ import annotations

import hashlib
import hmac
import traceback
from collections import Counter

import pytest

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import Time, b64u
from backchannel_protocol.invitation import Invitation, knock_commitment, mail_content, word_numbers
from backchannel_protocol.keys import fingerprint, public_key
from backchannel_protocol.refusals import Code
from protocol.errors import remote
from protocol.people import ANNA, BORIS, RECORD_PRIVATE, seed_of

SECRET = seed_of("an invitation's secret")
INVITER = fingerprint(public_key(ANNA.governance))
RECORD = fingerprint(public_key(RECORD_PRIVATE))
INVITATION = Invitation(SECRET, INVITER, RECORD)
OTHER = Invitation(seed_of("another secret"), INVITER, RECORD)
NONCE = bytes(range(12))
REVEAL = b"KeyPackage, keys and name"
CHALLENGE = seed_of("a challenge")


@pytest.mark.parametrize("url", ["https://room.example", "http://127.0.0.1:8080", "https://[::1]:443"])
def test_a_link_comes_back(url: str) -> None:
    assert Invitation.parse_link(INVITATION.link(url)) == (url, INVITATION)
    assert Invitation.parse_link(f"  {INVITATION.link(url + '/')}\n") == (url, INVITATION)


def test_the_secret_stands_behind_the_number_sign_only() -> None:
    before, _, behind = INVITATION.link("https://room.example").partition("#")
    assert before == "https://room.example/i"
    assert behind == b64u(b"\x01" + SECRET + INVITER + RECORD)


def test_the_secret_is_not_in_what_programs_print() -> None:
    for text in (repr(INVITATION), str(INVITATION), f"{INVITATION}"):
        assert b64u(SECRET) not in text
        assert SECRET.hex() not in text
        assert repr(SECRET) not in text


FRAGMENT = INVITATION.fragment()
BAD_FRAGMENTS = {
    "cut": FRAGMENT[:-1],
    "cut more": FRAGMENT[:40],
    "longer": FRAGMENT + "A",
    "much longer": FRAGMENT * 2,
    "padded": FRAGMENT + "==",
    "another alphabet": FRAGMENT[:30] + "+/" + FRAGMENT[32:],
    "a space": FRAGMENT[:30] + " " + FRAGMENT[30:],
    "empty": "",
    "beyond ASCII": FRAGMENT[:-1] + "é",
}
BAD_LINKS = {
    **{f"fragment {name}": f"https://room.example/i#{bad}" for name, bad in BAD_FRAGMENTS.items()},
    "no scheme": f"room.example/i#{FRAGMENT}",
    "another scheme": f"javascript:/i#{FRAGMENT}",
    "a file": f"file:///i#{FRAGMENT}",
    "no host": f"https:///i#{FRAGMENT}",
    "another path": f"https://room.example/j#{FRAGMENT}",
    "a host that seems another": f"https://room.example@evil.example/i#{FRAGMENT}",
    "the secret in the query": f"https://room.example/i?{FRAGMENT}",
    "brackets": f"https://[room.example/i#{FRAGMENT}",
}


@pytest.mark.parametrize("link", BAD_LINKS.values(), ids=BAD_LINKS)
def test_what_is_not_a_link_is_refused_without_repeating_it(link: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Invitation.parse_link(link)
    assert caught.value.code is Code.MALFORMED
    said = (
        "".join(traceback.format_exception_only(caught.value))
        + repr(caught.value)
        + repr(caught.value.__cause__)
    )
    for at in range(0, len(FRAGMENT) - 8, 4):
        assert FRAGMENT[at : at + 8] not in said


def test_an_invitation_of_another_version_asks_for_an_update() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Invitation.parse_fragment(b64u(b"\x02" + SECRET + INVITER + RECORD))
    assert caught.value.code is Code.VERSION
    assert b64u(SECRET)[:12] not in str(caught.value)


def test_derivations_are_hkdf_with_the_label() -> None:
    pseudorandom = hmac.digest(bytes(32), SECRET, "sha256")
    info = b"\x19backchannel v1 invitation" + b"\x07mailbox"
    assert INVITATION.mailbox == hmac.digest(pseudorandom, info + b"\x01", "sha256")[:16]


def test_derivations_differ_by_label_and_secret() -> None:
    derived = [
        one.derive(label, 32) for one in (INVITATION, OTHER) for label in ("mailbox", "auth", "seal", "")
    ]
    assert len(set(derived)) == len(derived)
    assert SECRET not in derived
    assert INVITATION.auth_key == public_key(INVITATION.auth_private)
    assert INVITATION.auth_private == INVITATION.derive("auth", 32)


def test_fingerprints_do_not_change_what_is_derived() -> None:
    assert Invitation(SECRET, RECORD, INVITER).mailbox == INVITATION.mailbox


@pytest.mark.parametrize("content", [b"", b"reveal", bytes(100_000)])
@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_mail_comes_back(step: int, content: bytes) -> None:
    sealed = INVITATION.seal(step, content, NONCE)
    assert sealed[:12] == NONCE
    assert len(sealed) == 12 + len(content) + 16
    assert INVITATION.open(step, sealed) == content


def test_mail_of_another_step_mailbox_or_nonce_is_refused() -> None:
    sealed = INVITATION.seal(2, b"challenge", NONCE)
    for invitation, step, data in (
        (INVITATION, 3, sealed),
        (OTHER, 2, sealed),
        (INVITATION, 2, bytes(12) + sealed[12:]),
    ):
        with remote():
            invitation.open(step, data)


def test_mail_that_was_changed_or_cut_is_refused() -> None:
    sealed = INVITATION.seal(2, b"challenge", NONCE)
    for length in range(len(sealed)):
        with remote():
            INVITATION.open(2, sealed[:length])
    for at in range(len(sealed)):
        with remote():
            INVITATION.open(2, sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :])


def test_a_mailbox_of_another_invitation_is_bound() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    moved = NONCE + AESGCM(INVITATION.derive("seal", 32)).encrypt(NONCE, b"x", OTHER.mailbox + b"\x02")
    with remote():
        INVITATION.open(2, moved)


def test_a_letters_signature_covers_all_of_it() -> None:
    seven = (7).to_bytes(8, "big")
    claimed = mail_content(INVITATION.mailbox, 1, Time(7), SECRET, b"sealed")
    assert claimed == INVITATION.mailbox + b"\x01" + seven + b"\x20" + SECRET + b"\x06sealed"
    look = mail_content(INVITATION.mailbox, 0, Time(7), None, None)
    assert look == INVITATION.mailbox + b"\x00" + seven + b"\x00\x00"


def test_words_are_33_bits_of_the_hash() -> None:
    hashed = hashlib.sha256(
        b"\x14backchannel v1 words" + b"\x19" + REVEAL + b"\x20" + CHALLENGE + INVITER + RECORD
    ).digest()
    bits = f"{int.from_bytes(hashed, 'big'):0256b}"[:33]
    assert word_numbers(REVEAL, CHALLENGE, INVITATION) == (
        int(bits[:11], 2),
        int(bits[11:22], 2),
        int(bits[22:], 2),
    )


def test_words_depend_on_all_that_they_vouch_for() -> None:
    words = word_numbers(REVEAL, CHALLENGE, INVITATION)
    boris = fingerprint(public_key(BORIS.governance))
    for reveal, challenge, invitation in (
        (REVEAL + b"!", CHALLENGE, INVITATION),
        (REVEAL, seed_of("another challenge"), INVITATION),
        (REVEAL, CHALLENGE, Invitation(SECRET, boris, RECORD)),
        (REVEAL, CHALLENGE, Invitation(SECRET, INVITER, boris)),
        (REVEAL + CHALLENGE[:1], CHALLENGE[1:], INVITATION),
    ):
        assert word_numbers(reveal, challenge, invitation) != words


def test_words_do_not_depend_on_the_secret() -> None:
    assert word_numbers(REVEAL, CHALLENGE, OTHER) == word_numbers(REVEAL, CHALLENGE, INVITATION)


def test_words_are_spread_evenly() -> None:
    seen: Counter[int] = Counter()
    triples = set()
    for number in range(4_000):
        words = word_numbers(REVEAL, number.to_bytes(32, "big"), INVITATION)
        assert all(0 <= word < 2_048 for word in words)
        triples.add(words)
        seen.update(words)
    assert len(triples) == 4_000
    assert len(seen) > 2_000  # 12,000 draws of 2,048 words: 6 words are missing on average
    assert max(seen.values()) < 25  # 6 on average


def test_the_commitment_binds_the_reveal() -> None:
    assert knock_commitment(REVEAL) == hashlib.sha256(b"\x14backchannel v1 knock\x19" + REVEAL).digest()
    assert knock_commitment(REVEAL + b"\0") != knock_commitment(REVEAL)
    assert knock_commitment(b"") != knock_commitment(b"\0")
