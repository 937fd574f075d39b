"""shared/THREATS.md promises nothing that no test attacks, and names no test that is not there."""

from __future__ import annotations

import re

from house.tree import ROOT

THREATS = ROOT / "shared" / "THREATS.md"
ROOMS = ROOT / "tests" / "attack" / "rooms"
NAMED = re.compile(r"`(test_\w+|tests/[\w/]+\.py): ([\w, ]+)`")


def promises() -> list[str]:
    """The list items that begin with "Promised:", each as one line."""
    items = re.split(r"\n(?=\* |\n|#)", THREATS.read_text(encoding="utf-8"))
    return [" ".join(item.split()) for item in items if item.lstrip("* ").startswith("Promised:")]


def test_each_promise_names_what_attacks_it() -> None:
    assert len(promises()) >= 15
    assert [promise for promise in promises() if not NAMED.search(promise)] == []


def test_each_name_is_a_tests() -> None:
    for promise in promises():
        for module, names in NAMED.findall(promise):
            path = ROOT / module if "/" in module else ROOMS / f"{module}.py"
            source = path.read_text(encoding="utf-8")
            for name in names.split(", "):
                assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), f"{module}: {name}"
