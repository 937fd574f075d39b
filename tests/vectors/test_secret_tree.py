"""secret-tree.json: keys and nonces of all senders, and of sender data (RFC 9420 sections 6.3.2 and 9)."""

from __future__ import annotations

import pytest

from vectors.cases import Vector, cases
from vectors.checks import RATCHETS, check_received_keys, check_sender_data_key, check_sent_keys


@pytest.mark.parametrize("case", cases("secret-tree"))
def test_sender_data_key_is_as_given(case: Vector) -> None:
    check_sender_data_key(case)


@pytest.mark.parametrize(("kind", "handshake"), RATCHETS)
@pytest.mark.parametrize("case", cases("secret-tree"))
def test_receiver_finds_the_given_keys_in_and_out_of_order(case: Vector, kind: str, handshake: bool) -> None:
    check_received_keys(case, kind, handshake)


@pytest.mark.parametrize(("kind", "handshake"), RATCHETS)
@pytest.mark.parametrize("case", cases("secret-tree"))
def test_sender_takes_the_given_keys(case: Vector, kind: str, handshake: bool) -> None:
    check_sent_keys(case, kind, handshake)
