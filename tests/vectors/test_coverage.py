"""Which official vectors are run: all of the supported suites, and none of the others by accident."""

from __future__ import annotations

import pytest

from backchannel_mls.crypto.suite import cipher_suite
from backchannel_mls.errors import LocalError
from official import VECTORS, official_vectors
from vectors.cases import COUNTS, SUPPORTED, UNSUPPORTED, is_supported

RANDOM = "passive-client-random"
"""mls-implementations has this file too; it is too large for ../shared."""


def test_every_official_file_has_its_tests() -> None:
    official_vectors("tree-math")  # skips where there are no vectors
    found = {path.name.removesuffix(".json.gz") for path in VECTORS.glob("*.json.gz")}
    assert found - {RANDOM} == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_file_has_as_many_vectors_of_supported_suites_as_are_run(name: str) -> None:
    vectors = official_vectors(name)
    assert sum(map(is_supported, vectors)) == COUNTS[name]
    left_out = {vector["cipher_suite"] for vector in vectors if not is_supported(vector)}
    assert left_out <= set(UNSUPPORTED)


@pytest.mark.parametrize("suite_id", UNSUPPORTED)
def test_suite_without_x448_hpke_is_refused_by_name(suite_id: int) -> None:
    with pytest.raises(LocalError, match="X448") as refused:
        cipher_suite(suite_id)
    assert refused.value.code == "suite-unsupported"


def test_supported_suites_are_supported() -> None:
    assert [cipher_suite(suite_id).id for suite_id in SUPPORTED] == list(SUPPORTED)
