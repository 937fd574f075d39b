"""The web client travels built: in the wheel, and into the sdist, which then needs no Node."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import hatch_build
import pytest

from house.tree import ROOT

PAGE = "backchannel_server/webroot/index.html"


def build(kind: str, folder: Path, root: Path = ROOT) -> Path:
    """`hatchling build`, in the environment that runs the tests."""
    words = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.iterdir()
    return made


@pytest.mark.usefixtures("webroot")
def test_packages_carry_the_built_client(tmp_path: Path) -> None:
    with zipfile.ZipFile(build("wheel", tmp_path / "wheel")) as wheel:
        names = wheel.namelist()
    assert PAGE in names
    assert PAGE + ".br" in names
    assert not [name for name in names if "node_modules" in name or name.endswith(".ts")]

    sdist = build("sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}
    # as a program of its own: some Pythons want a filter= that others do not know
    words = [sys.executable, "-m", "tarfile", "--extract", str(sdist), str(tmp_path / "unpacked")]
    subprocess.run(words, check=True)
    assert {f"server/{PAGE}", "hatch_build.py", "client/web/package-lock.json"} <= inside
    assert not [name for name in inside if "node_modules" in name]
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert not hatch_build.is_stale(unpacked, {}), "installing the sdist would build it again"
    assert hatch_build.requirements(unpacked, {}) == []


def test_a_changed_source_makes_the_built_tree_stale(tmp_path: Path) -> None:
    web = tmp_path / "client" / "web"
    (web / "src").mkdir(parents=True)
    (web / "node_modules").mkdir()
    (web / "package.json").write_text("{}")
    (web / "src" / "main.ts").write_text("1")
    hatch_build.webroot(tmp_path).mkdir(parents=True)
    assert hatch_build.is_stale(tmp_path, {})
    (hatch_build.webroot(tmp_path) / hatch_build.STAMP).write_text(hatch_build.source_stamp(web))
    assert not hatch_build.is_stale(tmp_path, {})
    (web / "node_modules" / "other.js").write_text("1")
    assert not hatch_build.is_stale(tmp_path, {})
    assert hatch_build.is_stale(tmp_path, {hatch_build.VARIABLE: "force"})
    (web / "src" / "main.ts").write_text("2")
    assert hatch_build.is_stale(tmp_path, {})
    assert not hatch_build.is_stale(tmp_path, {hatch_build.VARIABLE: "skip"})


def test_a_build_that_fails_says_what_npm_said(tmp_path: Path) -> None:
    web = tmp_path / "client" / "web"
    web.mkdir(parents=True)
    (web / "package.json").write_text('{"name": "x", "dependencies": {"absent": "1"}}')
    (web / "package-lock.json").write_text("no lock file")
    with pytest.raises(hatch_build.WebBuildFailed, match=r"could not be built(.|\n)*BACKCHANNEL_WEB=skip"):
        hatch_build.build(tmp_path, {"PATH": ""})
    assert hatch_build.is_stale(tmp_path, {})
