"""key-schedule.json and psk_secret.json: RFC 9420 sections 8, 8.1, 8.4 and 8.5."""

from __future__ import annotations

import pytest

from backchannel_mls.crypto.suite import cipher_suite
from backchannel_mls.errors import RemoteError
from backchannel_mls.schedule.key_schedule import psk_secret
from backchannel_mls.wire.psk import ExternalPskId, PskId
from vectors.cases import Vector, cases, unhex
from vectors.checks import check_key_schedule


@pytest.mark.parametrize("case", cases("key-schedule"))
def test_every_epoch_has_the_given_secrets(case: Vector) -> None:
    check_key_schedule(case)


@pytest.mark.parametrize("case", cases("psk_secret"))
def test_psk_secret_is_as_given(case: Vector) -> None:
    suite = cipher_suite(case["cipher_suite"])
    known: dict[PskId, bytes] = {
        ExternalPskId(unhex(psk["psk_id"]), unhex(psk["psk_nonce"])): unhex(psk["psk"])
        for psk in case["psks"]
    }
    ids = list(known)
    assert len(ids) == len(case["psks"])
    assert psk_secret(suite, ids, known.get) == unhex(case["psk_secret"])


@pytest.mark.parametrize("case", cases("psk_secret"))
def test_psk_that_is_not_at_hand_is_never_invented(case: Vector) -> None:
    suite = cipher_suite(case["cipher_suite"])
    ids = [ExternalPskId(unhex(psk["psk_id"]), unhex(psk["psk_nonce"])) for psk in case["psks"]]
    known: dict[PskId, bytes] = dict.fromkeys(ids[:-1], b"psk")
    if not ids:
        assert psk_secret(suite, ids, known.get) == suite.zero_secret
        return
    with pytest.raises(RemoteError) as refused:
        psk_secret(suite, ids, known.get)
    assert refused.value.code == "psk-unknown"
