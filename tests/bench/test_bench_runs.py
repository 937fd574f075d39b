"""The benchmark runs, and its JSON holds what its dataclasses say. How fast anything is, is not asked."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from bench.bench_mls import MEMBERS, QUICK, QUICK_MEMBERS, Report, parse_members
from bench.measure import race
from bench.wheel import IMPORT_NAME

SCRIPT = Path(__file__).with_name("bench_mls.py")
TIMEOUT_S = 240


@cache
def quick_report() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)  # one JSON object and nothing else
    return report


def check(value: object, wanted: Any, where: str) -> None:
    """Fails unless `value`, out of JSON, is a `wanted`; numbers must be finite and not negative."""
    if is_dataclass(wanted):
        assert isinstance(value, dict), where
        hints = get_type_hints(wanted)
        assert list(value) == [field.name for field in fields(wanted)], where
        for name, one in value.items():
            check(one, hints[name], f"{where}.{name}")
    elif get_origin(wanted) is UnionType:
        if value is not None:
            [other] = (one for one in get_args(wanted) if one is not NoneType)
            check(value, other, where)
    elif get_origin(wanted) is dict:
        assert isinstance(value, dict), where
        assert value, where
        for name, one in value.items():
            check(one, get_args(wanted)[1], f"{where}[{name}]")
    elif get_origin(wanted) is tuple:
        assert isinstance(value, list), where
        for at, one in enumerate(value):
            check(one, get_args(wanted)[0], f"{where}[{at}]")
    elif wanted in (int, float):
        assert isinstance(value, (int, wanted)), where
        assert not isinstance(value, bool), where
        assert math.isfinite(value), where
        assert value >= 0 or where.endswith("_cost_us"), where  # a difference may be lost in the noise
    else:
        assert isinstance(value, wanted), where


def test_report_is_whole() -> None:
    check(quick_report(), Report, "report")


def test_everything_is_measured_in_both_suites() -> None:
    report = quick_report()
    assert list(report["messages"]) == [str(size) for size in QUICK.message_room_sizes]
    for figures in report["messages"].values():
        assert list(figures["suites"]) == ["1", "83"]
    for part in ("handshakes", "states"):
        assert {size: list(suites) for size, suites in report[part].items()} == {
            str(size): ["1", "83"] for size in QUICK_MEMBERS
        }
    assert list(report["storing"]) == ["2", str(max(QUICK_MEMBERS))]


def test_wheel_is_measured_where_it_is_installed() -> None:
    if find_spec(IMPORT_NAME) is None:
        pytest.skip("agentvault-mls-rs-uniffi has no wheel for this platform")
    for figures in quick_report()["messages"].values():
        assert figures["wheel"]["message_bytes"] > 1024


def test_sizes_are_those_of_the_suite() -> None:
    for by_suite in quick_report()["handshakes"].values():
        classical, hybrid = by_suite["1"], by_suite["83"]
        assert hybrid["ratchet_tree_bytes"] > classical["ratchet_tree_bytes"]
        for figures in (classical, hybrid):
            assert figures["add_with_path"]["commit_bytes"] > figures["add"]["commit_bytes"]
            assert figures["add_tree_in_welcome"]["welcome_bytes"] > figures["add"]["welcome_bytes"]
            assert figures["remove"]["welcome_bytes"] is None
            assert 0 < figures["parent_nodes_not_blank"] <= figures["parent_nodes"]


def test_room_sizes_are_parsed() -> None:
    assert parse_members("500,10,100,10") == MEMBERS
    with pytest.raises(Exception, match="at least"):
        parse_members("2")


def test_race_compares_within_rounds_and_drops_the_first() -> None:
    speed = iter([9.0, 1.0, 2.0, 4.0])
    now = next(speed)
    ran: list[str] = []

    def contestant(name: str, factor: float) -> float:
        nonlocal now
        ran.append(name)
        if len(ran) > 1 and len(ran) % 2:
            now = next(speed)
        return now * factor

    result = race(
        {"a": lambda count: count * contestant("a", 1.0), "b": lambda count: count * contestant("b", 3.0)},
        rounds=3,
        per_round=5,
    )
    assert result.seconds == {"a": [1.0, 2.0, 4.0], "b": [3.0, 6.0, 12.0]}
    assert result.ratio("b", "a") == 3.0
    assert result.median_us("a") == 2e6
    assert result.difference_us("b", "a") == 4e6
