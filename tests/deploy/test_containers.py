"""Dockerfile and compose.yaml, as far as they can be tried without Docker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

import hatch_build
import pytest
import yaml

from backchannel_server.config import Settings, load_settings
from deploy.context import DOCKERFILE, copied, is_seen, make_context, read_rules, statements
from deploy.proxies import CADDYFILE
from house.tree import ROOT

SMALL, LARGE = (ROOT / "deploy" / name for name in ("compose.small.yaml", "compose.yaml"))
SERVERS = {SMALL: ["server"], LARGE: ["server-1", "server-2"]}
"""Files, and their services that are ours."""

CAPABILITIES = {
    "proxy": ["NET_BIND_SERVICE"],
    "database": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"],
}
PASSWORD = "planted"
NAME = "rooms.example.org"
PACKAGES = ("backchannel", "backchannel_mls", "backchannel_protocol", "backchannel_server")


def tool(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A program of the test dependencies."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        pytest.skip(f"there is no {name} for this platform")
    return subprocess.run([path, *words], capture_output=True, text=True, check=False, timeout=120)


def test_hadolint_finds_nothing_wrong(tmp_path: Path) -> None:
    done = tool("hadolint", "--no-color", str(DOCKERFILE))
    assert (done.returncode, done.stdout) == (0, "")
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert "hadolint ignore" not in text
    worse = tmp_path / "Dockerfile"
    worse.write_text(text.replace("USER 10001:10001", "USER root"), encoding="utf-8")
    assert "DL3002" in tool("hadolint", "--no-color", str(worse)).stdout


@pytest.mark.parametrize("file", list(SERVERS), ids=lambda file: file.name)
def test_compose_files_are_of_composes_form(tmp_path: Path, file: Path) -> None:
    words = ("--builtin-schema", "vendor.compose-spec")
    done = tool("check-jsonschema", *words, str(file))
    assert done.returncode == 0, done.stdout
    worse = tmp_path / "compose.yaml"
    worse.write_text(file.read_text("utf-8").replace("cap_drop:", "cap_drops:"), encoding="utf-8")
    assert tool("check-jsonschema", *words, str(worse)).returncode != 0


def compose(file: Path) -> dict[str, Any]:
    """With the variables that a host gives."""
    text = re.sub(r"\$\{BACKCHANNEL_DOMAIN(:\?[^}]*)?\}", NAME, file.read_text(encoding="utf-8"))
    text = re.sub(r"\$\{BACKCHANNEL_DATABASE_PASSWORD(:\?[^}]*)?\}", PASSWORD, text)
    assert "${" not in text
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def image_environment() -> dict[str, str]:
    """The variables of the image that runs."""
    words = [rest for word, *rest in statements(DOCKERFILE.read_text("utf-8")) if word == "ENV"][-1]
    return dict(word.split("=", 1) for word in words)


def ours() -> Iterator[tuple[Path, str]]:
    return ((file, name) for file, names in SERVERS.items() for name in names)


@pytest.mark.parametrize(("file", "name"), list(ours()))
def test_the_server_is_told_what_there_is_to_tell(file: Path, name: str) -> None:
    found = compose(file)
    service = found["services"][name]
    settings = load_settings({}, image_environment() | service["environment"])
    assert settings.url == f"https://{NAME}"
    assert settings.behind_proxy
    assert settings.host == "0.0.0.0"
    assert settings.port == Settings().port
    (proxy,) = settings.trusted_proxies
    assert proxy.prefixlen == proxy.max_prefixlen
    assert str(proxy.network_address) == found["services"]["proxy"]["networks"]["inner"]["ipv4_address"]


def test_of_two_servers_each_knows_the_database_the_broker_and_the_key() -> None:
    services = compose(LARGE)["services"]
    image = image_environment()
    settings = [load_settings({}, image | services[name]["environment"]) for name in SERVERS[LARGE]]
    (database,) = {one.database for one in settings}
    assert database is not None
    assert (database.host, database.password) == ("database", PASSWORD)
    made = services["database"]["environment"]
    assert (made["POSTGRES_USER"], made["POSTGRES_DB"]) == (database.username, database.database)
    assert {one.hints_by for one in settings} == {"nats://broker"}
    assert "broker" in services
    assert len({one.data for one in settings}) == 1
    assert {word for name in SERVERS[LARGE] for word in services[name]["volumes"]} == {"data:/data"}


def test_the_image_alone_does_not_start_without_tls_or_a_proxy() -> None:
    with pytest.raises(Exception, match="browsers switch their cryptography off"):
        load_settings({}, image_environment())


@pytest.mark.parametrize("file", list(SERVERS), ids=lambda file: file.name)
def test_nobody_has_a_way_out_and_a_way_in_but_the_proxy(file: Path) -> None:
    found = compose(file)
    proxy = found["services"].pop("proxy")
    assert found["networks"]["inner"]["internal"] is True
    for service in found["services"].values():
        assert list(service["networks"]) == ["inner"]
        assert "ports" not in service
    assert {word.split(":")[0] for word in proxy["ports"]} == {"80", "443"}
    upstream = " ".join(f"{name}:{Settings().port}" for name in SERVERS[file])
    assert proxy["environment"]["BACKCHANNEL_UPSTREAM"] == upstream
    assert set(proxy["environment"]) <= set(re.findall(r"BACKCHANNEL_\w+", CADDYFILE.read_text("utf-8")))


@pytest.mark.parametrize("file", list(SERVERS), ids=lambda file: file.name)
def test_each_container_may_do_little(file: Path) -> None:
    for name, service in compose(file)["services"].items():
        assert service["cap_drop"] == ["ALL"]
        assert service.get("cap_add", []) == CAPABILITIES.get(name, [])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"] is True
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
        assert "privileged" not in service


@pytest.mark.parametrize("file", list(SERVERS), ids=lambda file: file.name)
def test_what_is_written_outlives_the_container(file: Path) -> None:
    found = compose(file)
    mounted = [word for service in found["services"].values() for word in service.get("volumes", [])]
    named = {word.split(":")[0] for word in mounted}
    assert {name for name in named if not name.startswith(".")} == set(found["volumes"])


def test_the_small_one_keeps_what_the_image_says() -> None:
    found = compose(SMALL)
    kept = {word.split(":")[1] for word in found["services"]["server"]["volumes"]}
    (named,) = [rest for word, *rest in statements(DOCKERFILE.read_text("utf-8")) if word == "VOLUME"]
    assert kept == set(re.findall(r"/\w+", " ".join(named)))
    assert image_environment()["BACKCHANNEL_DATA"] in kept


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("deploy/node.lock", True),
        ("server/backchannel_server/app.py", True),
        ("client/web/package-lock.json", True),
        ("pyproject.toml", True),
        (".git/config", False),
        (".venv/bin/python", False),
        ("deploy/.env", False),
        ("tests/conftest.py", False),
        ("client/web/node_modules/preact/package.json", False),
        ("shared/backchannel_mls/__pycache__/x.pyc", False),
        ("server/backchannel_server/webroot/index.html", False),
    ],
)
def test_the_image_is_built_of_sources_alone(path: str, seen: bool) -> None:
    assert is_seen(PurePosixPath(path), read_rules()) == seen


def test_the_files_that_are_copied_are_enough(tmp_path: Path) -> None:
    """The wheel of them holds all modules; the web client's sources are those that the build hook knows."""
    make_context(tmp_path / "src")
    assert hatch_build.source_stamp(tmp_path / "src/client/web") == hatch_build.source_stamp(
        ROOT / "client/web"
    )
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path / "dist")]
    words = [sys.executable, "-m", "pip", "wheel", *options, str(tmp_path / "src")]
    environment = {**os.environ, hatch_build.VARIABLE: "skip", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    inside = {name for name in ZipFile(wheel).namelist() if name.endswith(".py")}
    ours = {
        path.relative_to(folder.parent).as_posix()
        for package in PACKAGES
        for folder in ROOT.glob(f"*/{package}")
        for path in folder.rglob("*.py")
    }
    assert len(ours) > 100
    assert inside == ours


def test_what_is_copied_is_there() -> None:
    for source, _ in copied(DOCKERFILE.read_text(encoding="utf-8")):
        assert (ROOT / source).exists(), source


def test_nobody_is_root_in_the_image() -> None:
    said = statements(DOCKERFILE.read_text(encoding="utf-8"))
    last = max(at for at, words in enumerate(said) if words[0] == "FROM")
    (user,) = [words[1] for words in said[last:] if words[0] == "USER"]
    assert user == "10001:10001"
    assert any("--uid 10001" in " ".join(words) for words in said[last:])
