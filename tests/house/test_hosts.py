"""No file of the project names a package host or a place on the machine it was made on."""

from __future__ import annotations

import re

from house.tree import ROOT, project_files

# Spelled in parts, so that this file passes its own test.
HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("ghcr", "io"),
        ("docker", "io"),
    )
)
FOLDERS = ("work", "root", "home", "Users", "farm", "opt/" + "pypi", "opt/" + "wheels")
LOCAL = r"(?:^|[^A-Za-z0-9_.\-])/(?:" + "|".join(FOLDERS) + r")/"
FORBIDDEN = re.compile("|".join((*map(re.escape, HOSTS), LOCAL)), re.MULTILINE)


def test_no_file_names_a_package_host_or_a_local_path() -> None:
    found = []
    for path in project_files():
        text = path.read_bytes().decode("utf-8", "replace")
        for match in FORBIDDEN.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {match[0].strip()}")
    assert not found, "\n".join(found)


def test_the_pattern_finds_what_it_is_for() -> None:
    for host in HOSTS:
        assert FORBIDDEN.search(f"https://{host}/simple/")
    for folder in FOLDERS:
        assert FORBIDDEN.search(f'see "/{folder}/x"')
    assert not FORBIDDEN.search("tests/work/x and https://example.test/home/x")


def test_npm_lock_files_record_no_download_address() -> None:
    for path in project_files():
        if path.name == "package-lock.json":
            assert '"resolved"' not in path.read_text(encoding="utf-8"), path.relative_to(ROOT)
