"""The table of rules: which function enforces each, and which tests forge its violation.

Read from the source, without importing it, so that the table says what stands there. Run
`python tests/house/rule_table.py --write` to put it into shared/backchannel_mls/README.md.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "shared" / "backchannel_mls"
ATTACKS = ROOT / "tests" / "attack"
README = PACKAGE / "README.md"
BEGIN = "<!-- rules:begin -->"
END = "<!-- rules:end -->"


@dataclass(frozen=True)
class RuleRow:
    """One rule: what rules.py says of it, who enforces it and who attacks it."""

    name: str
    number: str
    section: str
    functions: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def code(self) -> str:
        """The stable code, as `Rule.code` makes it."""
        return self.name.lower().replace("_", "-")

    def line(self) -> str:
        """A row of the table."""
        functions = "<br>".join(f"`{one}`" for one in self.functions)
        tests = "<br>".join(f"`{one}`" for one in self.tests)
        return f"| {self.number} | `{self.code}` | {self.section} | {functions} | {tests} |"


def rows() -> list[RuleRow]:
    """All rules, in the order of rules.py."""
    functions = collect(PACKAGE, enforced)
    tests = collect(ATTACKS, attacked)
    found: list[RuleRow] = []
    for name, number, section in declared(ast.parse((PACKAGE / "rules.py").read_text(encoding="utf-8"))):
        row = RuleRow(name, number, section, tuple(functions.get(name, ())), tuple(tests.get(name, ())))
        found.append(row)
    return found


def declared(module: ast.Module) -> Iterator[tuple[str, str, str]]:
    """(name, number, section) of each member of the enum."""
    for node in ast.walk(module):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Tuple(elts=[ast.Constant(value=str(number)), ast.Constant(value=str(section)), _]),
            ):
                yield name, number, section


def collect(
    folder: Path, of_module: Callable[[ast.Module], Iterator[tuple[str, str]]]
) -> dict[str, list[str]]:
    """What `of_module` finds in the modules of a folder, by rule, in the order of files and lines."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        if path == PACKAGE / "rules.py":
            continue
        module = ".".join(path.relative_to(folder).with_suffix("").parts)
        for rule, function in of_module(ast.parse(path.read_text(encoding="utf-8"))):
            name = f"{module}.{function}"
            if name not in found.setdefault(rule, []):
                found[rule].append(name)
    return found


def enforced(module: ast.Module) -> Iterator[tuple[str, str]]:
    """(rule, function or Class.method) for each function that names a rule."""
    for qualified, function in functions_of(module):
        for node in ast.walk(function):
            match node:
                case ast.Attribute(value=ast.Name(id="Rule"), attr=name) if name.isupper():
                    yield name, qualified


def functions_of(module: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module and the methods of its classes, those inside others not apart."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def attacked(module: ast.Module) -> Iterator[tuple[str, str]]:
    """(rule, test) for each marker `pytest.mark.rule("NAME")` of a test."""
    for name, function in functions_of(module):
        if not name.startswith("test_"):
            continue
        for decorator in function.decorator_list:
            for node in ast.walk(decorator):
                match node:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Attribute(attr="mark"), attr="rule"),
                        args=[ast.Constant(value=str(rule))],
                    ):
                        yield rule, name


def table(found: list[RuleRow]) -> str:
    """The table in Markdown."""
    head = "| no. | code | RFC 9420 | enforced by | attacked by |\n| --- | --- | --- | --- | --- |\n"
    return head + "".join(row.line() + "\n" for row in found)


def written(document: str, inside: str) -> str:
    """A document with something put between its markers. Raises ValueError where they are missing."""
    before, found, rest = document.partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not found or not found_end:
        raise ValueError(f"no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{inside}{END}{after}"


def main(arguments: list[str]) -> int:
    """Shows the table, or with --write puts it into the README."""
    text = table(rows())
    if arguments == ["--write"]:
        README.write_text(written(README.read_text(encoding="utf-8"), text), encoding="utf-8")
        return 0
    sys.stdout.write(text)
    return 0 if not arguments else 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
