"""What `docker build` takes of the project: the files that .dockerignore leaves, and are copied.

Of .dockerignore's rules, those are known that the file uses: names, `*`, `**/`, and `!` for what is kept
nevertheless. The last rule that fits a path, or a folder that it is in, decides.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from house.tree import ROOT, project_files

DOCKERFILE = ROOT / "deploy" / "Dockerfile"


def read_rules() -> list[tuple[re.Pattern[str], bool]]:
    """Each rule of .dockerignore with whether it keeps."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    return [(_pattern(rule.removeprefix("!")), rule.startswith("!")) for rule in rules]


def _pattern(rule: str) -> re.Pattern[str]:
    inner = re.escape(rule).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.compile(f"{inner}(?:/.*)?")


def is_seen(path: PurePosixPath, rules: list[tuple[re.Pattern[str], bool]]) -> bool:
    """Whether a path of the project is in the build's context."""
    decided = [keeps for pattern, keeps in rules if pattern.fullmatch(path.as_posix())]
    return decided[-1] if decided else True


def statements(dockerfile: str) -> list[list[str]]:
    """A Dockerfile's statements as words, without comments, with their lines joined."""
    whole = "".join(line for line in dockerfile.splitlines(keepends=True) if not line.startswith("#"))
    return [line.split() for line in whole.replace("\\\n", " ").splitlines() if line.strip()]


def copied(dockerfile: str) -> Iterator[tuple[str, str]]:
    """What is copied from the project, and to where."""
    for word, *rest in statements(dockerfile):
        if word == "COPY" and not rest[0].startswith("--from"):
            for source in rest[:-1]:
                yield source, rest[-1]


def make_context(folder: Path) -> None:
    """The folder /src of the stage that builds."""
    rules = read_rules()
    sources = dict(copied(DOCKERFILE.read_text(encoding="utf-8")))
    for path in project_files():
        name = PurePosixPath(path.relative_to(ROOT).as_posix())
        taken = [
            source for source in sources if name == PurePosixPath(source) or source in map(str, name.parents)
        ]
        if taken and is_seen(name, rules):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
