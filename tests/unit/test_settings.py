"""Settings: from file and environment, every one known, every value usable or told why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.settings import Settings, SettingsError, load_settings


def write(folder: Path, text: str) -> dict[str, str]:
    """The environment that names a settings file with this text."""
    file = folder / "packhouse.toml"
    file.write_text(text)
    return {"PACKHOUSE_CONFIG": str(file)}


def test_defaults() -> None:
    """A server without any setting could listen to the world, or share its folder."""
    settings = load_settings({})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.base_url, settings.secure) == ("127.0.0.1", 8080, "http://127.0.0.1:8080", False)
    assert settings.processes >= 1 and settings.data_path.is_absolute()


def test_environment_wins(tmp_path: Path) -> None:
    """A variable could be ignored because the file says something else."""
    environment = write(tmp_path, 'listen = "127.0.0.1:1"\nworkers = 3\nguest_reads = true\n[max_file_size]\ngeneric = 5\n')
    settings = load_settings(environment)
    assert (settings.port, settings.workers, settings.guest_reads, settings.max_file_size) == (1, 3, True, {"generic": 5})
    settings = load_settings(
        {**environment, "PACKHOUSE_LISTEN": "[::1]:2", "PACKHOUSE_GUEST_READS": "false", "PACKHOUSE_MAX_FILE_SIZE": "npm=7, generic=8"}
    )
    assert (settings.host, settings.port, settings.guest_reads, settings.max_file_size) == ("::1", 2, False, {"npm": 7, "generic": 8})


def test_empty_variable_is_none() -> None:
    """An empty variable, as compose files leave it, could stand for an empty value."""
    assert load_settings({"PACKHOUSE_LISTEN": "", "PACKHOUSE_WORKERS": " "}) == Settings()


@pytest.mark.parametrize(("name", "text", "value"), [
    ("workers", "4", 4), ("packages", "0", False), ("packages", "true", True), ("access_log", "False", False),
    ("external_url", " https://x.example/ ", "https://x.example/"),
])  # fmt: skip
def test_values_as_text(name: str, text: str, value: object) -> None:
    """A number or a switch could be unsettable by a variable, as these are text."""
    assert getattr(load_settings({f"PACKHOUSE_{name.upper()}": text}), name) == value


def test_external_url() -> None:
    """Links in documents could have two slashes, or sessions on https be sent in the clear."""
    settings = load_settings({"PACKHOUSE_EXTERNAL_URL": "https://packages.example/registry/"})
    assert settings.base_url == "https://packages.example/registry" and settings.secure


@pytest.mark.parametrize(("environment", "said"), [
    ({"PACKHOUSE_WORKERS": "many"}, "workers"), ({"PACKHOUSE_WORKERS": "-1"}, "workers"), ({"PACKHOUSE_WORKERS": "999"}, "workers"),
    ({"PACKHOUSE_LISTEN": "host:port"}, "listen"), ({"PACKHOUSE_LISTEN": "h:70000"}, "listen"),
    ({"PACKHOUSE_PACKAGES": "perhaps"}, "packages"), ({"PACKHOUSE_MAX_FILE_SIZE": "generic"}, "max_file_size"),
    ({"PACKHOUSE_METRICS_ALLOW": "10.0.0.0/33"}, "metrics_allow"), ({"PACKHOUSE_METRICS_ALLOW": "localhost"}, "metrics_allow"),
    ({"PACKHOUSE_TRUSTED_PROXIES": "10.0.0.1/99"}, "trusted_proxies"),
    ({"PACKHOUSE_MAX_FILE_SIZE": "generic=big"}, "max_file_size"), ({"PACKHOUSE_CONFIG": "/nowhere/at/all.toml"}, "/nowhere/at/all.toml"),
])  # fmt: skip
def test_unusable_values(environment: dict[str, str], said: str) -> None:
    """A server could start with another value than it was given, or end with a traceback."""
    with pytest.raises(SettingsError) as error:
        load_settings(environment)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("text", "said"), [
    ("lisen = 1\n", "lisen"), ("listen = \n", "TOML"), ('workers = "x"\n', "workers"), ("[data]\nx = 1\n", "data"), ("data = 1\n", "data"),
])  # fmt: skip
def test_unusable_files(tmp_path: Path, text: str, said: str) -> None:
    """A misspelled setting could be passed over in silence."""
    with pytest.raises(SettingsError) as error:
        load_settings(write(tmp_path, text))
    assert said in str(error.value)


def test_frozen() -> None:
    """A setting could change while the server runs."""
    with pytest.raises(AttributeError):
        Settings().data = "elsewhere"  # type: ignore[misc]
