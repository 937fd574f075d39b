"""Every rule has a function and an attack, and the README's table says which."""

from __future__ import annotations

import ast

import pytest

from backchannel_mls import Rule
from house.rule_table import (
    ATTACKS,
    BEGIN,
    END,
    README,
    RuleRow,
    attacked,
    collect,
    declared,
    enforced,
    rows,
    table,
    written,
)

ROWS = rows()


def test_the_table_has_every_rule_as_the_package_knows_it() -> None:
    known = [(rule.name, rule.number, rule.section, rule.code) for rule in Rule]
    assert [(row.name, row.number, row.section, row.code) for row in ROWS] == known
    assert len({row.number for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_a_rule_is_enforced_and_attacked(row: RuleRow) -> None:
    assert row.functions, f"no function of backchannel_mls names Rule.{row.name}"
    assert row.tests, f'no test in tests/attack has @pytest.mark.rule("{row.name}")'


def test_no_attack_is_on_a_rule_that_is_not_there() -> None:
    assert not collect(ATTACKS, attacked).keys() - {rule.name for rule in Rule}


def test_the_readme_says_the_same() -> None:
    document = README.read_text(encoding="utf-8")
    hint = "run: python tests/house/rule_table.py --write"
    assert document == written(document, table(ROWS)), hint


# ---- the reading of sources
def test_a_rule_is_declared_by_name_number_and_section() -> None:
    source = 'class Rule(Enum):\n    A_B = ("X1", "1.2", "A sentence.")\n    number: str\n    C = "no"\n'
    assert list(declared(ast.parse(source))) == [("A_B", "X1", "1.2")]


def test_a_function_enforces_the_rules_that_it_names() -> None:
    source = "def f():\n    raise E(Rule.A)\nclass C:\n    def g(self):\n        h(Rule.B)\nX = Rule.C\n"
    assert list(enforced(ast.parse(source))) == [("A", "f"), ("B", "C.g")]


def test_a_test_attacks_the_rules_of_its_markers() -> None:
    source = (
        '@pytest.mark.rule("A")\n@pytest.mark.rule("B")\ndef test_x(): ...\n'
        '@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rule("C"))])\ndef test_y(): ...\n'
        '@pytest.mark.rule("D")\ndef helper(): ...\n'
    )
    found = list(attacked(ast.parse(source)))
    assert found == [("A", "test_x"), ("B", "test_x"), ("C", "test_y")]


def test_a_table_goes_between_its_markers_and_nowhere_else() -> None:
    assert written(f"a {BEGIN}old{END} b", "new\n") == f"a {BEGIN}\nnew\n{END} b"
    with pytest.raises(ValueError, match="rules:begin"):
        written("a", "new\n")
