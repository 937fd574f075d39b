"""What the web client says twice is what the Python packages say."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

import toolchain
from backchannel_protocol import connection, limits
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.refusals import FoldCode
from house.tree import ROOT

WEB = ROOT / "client" / "web"


def exported(module: str) -> dict[str, Any]:
    """The plain values that a module of the web client exports."""
    script = f"import * as all from './src/{module}.ts'; console.log(JSON.stringify(all))"
    words = [toolchain.node(), "--experimental-strip-types", "--disable-warning=ExperimentalWarning"]
    done = subprocess.run(
        [*map(str, words), "--input-type=module", "--eval", script],
        cwd=WEB,
        env=toolchain.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def test_limits() -> None:
    known = exported("protocol/limits")
    assert known.pop("MAX_MAIL_LETTERS") >= limits.MAX_MAIL_STEPS
    assert known["PADDING_CLASSES"] == list(limits.PADDING_CLASSES)
    for name, value in known.items():
        if name != "PADDING_CLASSES":
            assert value == getattr(limits, name), name


def test_refusals() -> None:
    assert exported("protocol/refusals")["CODES"] == [code.value for code in Code]
    assert exported("protocol/room/refusals")["FOLD_CODES"] == [code.value for code in FoldCode]


@pytest.mark.usefixtures("installed")  # the table's module needs the hashes of node_modules
def test_the_connection_table() -> None:
    own = {
        (state, symbol): following
        for state, pairs in exported("protocol/connection")["TABLE"].items()
        for symbol, following in pairs.items()
    }
    assert own == {
        (state.value, " ".join(symbol.value)): following.value
        for (state, symbol), following in connection.TABLE.items()
    }
