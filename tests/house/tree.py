"""The files of the project, for the house tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Git is not asked which files are tracked: the tests also run where there is none, and on new files.
UNTRACKED_FOLDERS = frozenset({"node_modules", "__pycache__", "htmlcov"})
UNTRACKED_AT_THE_TOP = frozenset({"build", "dist"})
TRACKED_DOT_FOLDERS = frozenset({".ci"})


def project_files() -> Iterator[Path]:
    """Every file that is, or would be, tracked."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(
            name
            for name in folders
            if name not in UNTRACKED_FOLDERS
            and not (Path(folder) == ROOT and name in UNTRACKED_AT_THE_TOP)
            and (not name.startswith(".") or name in TRACKED_DOT_FOLDERS)
        )
        yield from (
            Path(folder) / name
            for name in sorted(files)
            # in a second work tree .git is a file, which says where the first one lies
            if name != ".git" and (Path(folder) / name).is_file()
        )
