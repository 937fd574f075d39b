"""What every test may use, and what holds for all of them.

* `--long` (or BACKCHANNEL_LONG=1) runs the slow suites in their long form: see the fixture `long_form`.
* `--seed N` repeats a random test: see the fixture `seed`.
* BACKCHANNEL_TEST_REQUIRE=all turns every skip into a failure: CI may skip nothing.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Generator
from typing import Any

import pytest
from hypothesis import settings

from official import official_vectors as load_official_vectors

LONG_TIMEOUT_S = 6 * 3600
REQUIRE = "BACKCHANNEL_TEST_REQUIRE"

# No deadline: speed belongs in benchmarks. The blob repeats a failure on another machine.
settings.register_profile("backchannel", deadline=None, print_blob=True)
settings.load_profile("backchannel")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("backchannel")
    group.addoption("--long", action="store_true", help="run the slow suites in their long form (hours)")
    group.addoption("--seed", type=int, metavar="N", help="the seed of random tests (default: random)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if is_long(config):
        for item in items:
            item.add_marker(pytest.mark.timeout(LONG_TIMEOUT_S), append=False)


def is_long(config: pytest.Config) -> bool:
    return bool(config.getoption("--long")) or os.environ.get("BACKCHANNEL_LONG", "") not in ("", "0")


@pytest.fixture(scope="session")
def long_form(pytestconfig: pytest.Config) -> bool:
    """True where a slow suite should run in its long form (2,000 commits rather than 200, and so on)."""
    return is_long(pytestconfig)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The test's seed: --seed N, else a random one, printed where the test fails."""
    given = request.config.getoption("--seed")
    value: int = secrets.randbits(32) if given is None else given
    request.node.add_report_section("setup", "seed", f"repeat with: python3 run.py test --seed {value}")
    return value


@pytest.fixture(scope="session")
def official_vectors() -> Callable[[str], Any]:
    """`official.official_vectors`, for tests that would rather take it as an argument."""
    return load_official_vectors


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Fails a skipped report where nothing may be skipped (an expected failure is not a skip)."""
    if not report.skipped or hasattr(report, "wasxfail") or os.environ.get(REQUIRE) != "all":
        return
    if isinstance(report.longrepr, tuple):
        where, line, reason = report.longrepr
        said = f"{where}:{line}: {reason}"
    else:
        said = str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{said}\n({REQUIRE}=all: nothing may be skipped)"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report
