"""CI may skip nothing: a skip of any kind is a failure there, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
CONFTEST = Path(__file__).resolve().parent.parent / "conftest.py"
SKIPS = {
    "called": "import pytest\ndef test(): pytest.skip('why')",
    "marked": "import pytest\n@pytest.mark.skip(reason='why')\ndef test(): pass",
    "fixture": "import pytest\n@pytest.fixture\ndef gone(): pytest.skip('why')\ndef test(gone): pass",
    "import": "import pytest\npytest.importorskip('no_such_module')\ndef test(): pass",
    "module": "import pytest\npytest.skip('why', allow_module_level=True)",
    "vectors": "from official import official_vectors\nCASES = official_vectors('no-such-vectors')",
}
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test(): assert False"


def outcomes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str, require: str
) -> dict[str, int]:
    monkeypatch.setenv("BACKCHANNEL_TEST_REQUIRE", require)
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makepyfile(source)
    monkeypatch.setenv("PYTHONPATH", str(CONFTEST.parent))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    return result.parseoutcomes()


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS)
def test_skip_fails_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    found = outcomes(pytester, monkeypatch, source, "all")
    assert "skipped" not in found
    assert found.get("failed", 0) + found.get("errors", 0) + found.get("error", 0) == 1


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS)
def test_skip_is_a_skip_elsewhere(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    assert outcomes(pytester, monkeypatch, source, "") == {"skipped": 1}


def test_expected_failure_is_not_a_skip(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcomes(pytester, monkeypatch, EXPECTED_FAILURE, "all") == {"xfailed": 1}


def test_failing_test_prints_its_seed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CONFTEST.parent))
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makepyfile("def test(seed): assert seed != 11")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist", "--seed", "11")
    result.stdout.fnmatch_lines(["repeat with: python3 run.py test --seed 11"])
