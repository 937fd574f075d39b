"""Settings: where they come from, and one line for each that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from backchannel_server.config import Settings, SettingsError, describe_settings, load_settings, parse_flags


def test_flags_before_environment_before_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("port = 1\nhost = '127.0.0.2'\nlog_level = 'error'\n")
    flags = parse_flags(["--data", str(tmp_path), "--port=3"])
    settings = load_settings(flags, {"BACKCHANNEL_PORT": "2", "BACKCHANNEL_HOST": "::1", "OTHER": "x"})
    assert (settings.port, settings.host, settings.log_level) == (3, "::1", "error")
    assert settings.url == "http://[::1]:3"


@pytest.mark.parametrize(
    ("words", "environment", "file", "sentence"),
    [
        (["--prot", "1"], {}, "", "there is no setting '--prot'"),
        (["--port"], {}, "", "--port needs a value"),
        (["--port", "x"], {}, "", "port is 'x' .flags.; it has to be a whole number"),
        (["--port", "70000"], {}, "", "between 0 and 65535"),
        ([], {"BACKCHANNEL_PROT": "1"}, "", "BACKCHANNEL_PORT is one"),
        ([], {"BACKCHANNEL_BEHIND_PROXY": "maybe"}, "", "true or false"),
        ([], {}, "prot = 1", "there is no setting 'prot'"),
        ([], {}, "port = [", "cannot be read"),
        ([], {}, "data = '/'", "data cannot be set"),
        (["--log-level", "loud"], {}, "", "one of debug"),
        (["--host", "0.0.0.0"], {}, "", "browsers switch their cryptography off"),
        (["--host", "example.org"], {}, "", "browsers switch their cryptography off"),
        (["--public-url", "http://example.org"], {}, "", "without TLS"),
        (["--public-url", "example.org"], {}, "", "not an http or https URL"),
        (["--public-url", "https://[::1"], {}, "", "not an http or https URL"),
        (["--public-url", "https://example.org:99999"], {}, "", "not an http or https URL"),
        (["--tls-cert", "/nowhere"], {}, "", "given together"),
        (["--tls-cert", "/nowhere", "--tls-key", "/nowhere"], {}, "", "there is no file"),
        (["--sweep-interval-s", "0"], {}, "", "at least 1"),
        (["--trusted-proxies", "proxy"], {}, "", "addresses or networks"),
        (["--trusted-proxies", "10.0.0.1/24"], {}, "", "addresses or networks"),
        ([], {"BACKCHANNEL_TRUSTED_PROXIES": "10.0.0.1, ::/0"}, "", "a network of all addresses"),
        (["--database", "mysql://h/d"], {}, "", "it has to be postgresql://USER@HOST/NAME"),
        (["--database", "sqlite:///x"], {}, "", "without it, SQLite"),
        (["--database", "postgresql+psycopg2://h/d"], {}, "", "it has to be postgresql://"),
        (["--database", "postgresql://u@h"], {}, "", "it has to be postgresql://"),
        (["--database", "postgresql://u@h:x/d"], {}, "", "it has to be postgresql://"),
        (["--database", "planted-password"], {}, "", "it has to be postgresql://"),
        (["--database", "postgresql://u:planted-password@h/d"], {}, "", "everybody on this machine can read"),
        (["--database", "postgresql://u@h/d?password=planted-password"], {}, "", "after the question mark"),
        ([], {"BACKCHANNEL_DATABASE": "postgresql://u:planted-password@h/d?ssl=off"}, "", "host, port, ssl"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(
    tmp_path: Path, words: list[str], environment: dict[str, str], file: str, sentence: str
) -> None:
    (tmp_path / "settings.toml").write_text(file)
    with pytest.raises(SettingsError, match=sentence) as error:
        load_settings(parse_flags(["--data", str(tmp_path), *words]), environment)
    assert "\n" not in str(error.value)
    assert "planted-password" not in str(error.value)


def test_a_proxy_or_an_onion_service_in_front_is_enough(tmp_path: Path) -> None:
    flags = parse_flags(["--data", str(tmp_path), "--host", "0.0.0.0", "--behind-proxy"])
    assert load_settings(flags, {}).behind_proxy
    onion = ["--data", str(tmp_path), "--public-url", "http://abc.onion/"]
    assert load_settings(parse_flags(onion), {}).url == "http://abc.onion"


def test_proxies_are_loopback_or_as_named(tmp_path: Path) -> None:
    for words, networks in (
        ([], ["127.0.0.0/8", "::1/128"]),
        (["--trusted-proxies", "10.0.0.2, fd00::/64,"], ["10.0.0.2/32", "fd00::/64"]),
        (["--trusted-proxies", ""], []),
    ):
        flags = parse_flags(["--data", str(tmp_path), *words])
        assert [str(one) for one in load_settings(flags, {}).trusted_proxies] == networks


def test_every_setting_is_documented() -> None:
    shown = describe_settings()
    for name in Settings.__dataclass_fields__:
        assert "--" + name.replace("_", "-") in shown


def test_a_database_s_password_comes_from_environment_or_file_and_is_not_shown(
    tmp_path: Path,
) -> None:
    url = "postgresql://u:planted-password@h/d?ssl=verify-full"
    (tmp_path / "settings.toml").write_text(f"database = '{url}'\n")
    flags = parse_flags(["--data", str(tmp_path)])
    for settings in (load_settings(flags, {}), load_settings(flags, {"BACKCHANNEL_DATABASE": url})):
        assert settings.database is not None
        assert settings.database.drivername == "postgresql+asyncpg"
        assert settings.database.password == "planted-password"
        assert "planted-password" not in repr(settings)
        assert "planted-password" not in str(settings.database)
    plain = load_settings(parse_flags(["--data", str(tmp_path), "--database", "postgresql://u@h/d"]), {})
    assert plain.database is not None
    assert plain.database.password is None
