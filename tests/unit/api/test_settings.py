from pathlib import Path

import pytest

from control_plane.domain.errors import InvalidInput, NotAvailableYet
from control_plane.settings import load


def test_defaults() -> None:
    settings = load({"HOME": "/somewhere"})
    assert (settings.host, settings.port, settings.port_named) == ("127.0.0.1", 8420, False)
    assert settings.home == Path.home() / ".caldera"
    assert settings.origins == ()


def test_the_command_line_goes_before_the_environment() -> None:
    settings = load({"CALDERA_PORT": "1", "CALDERA_HOME": "/a"}, port=9000, home="/b", host=None)
    assert (settings.port, settings.port_named, settings.home) == (9000, True, Path("/b"))


def test_everything_can_be_set(tmp_path: Path) -> None:
    settings = load(
        {
            "CALDERA_HOST": "localhost",
            "CALDERA_DATABASE_URL": "postgresql://u@h/d",
            "CALDERA_SAVE_INTERVAL": "2.5",
            "CALDERA_ORIGINS": "http://localhost:3000/, https://app.example",
            "CALDERA_HOSTS": "box.local",
            "ANVIL_BIN": str(tmp_path / "anvil"),
            "CALDERA_LOG_LEVEL": "debug",
        }
    )
    assert settings.host == "127.0.0.1"
    assert settings.database_url == "postgresql://u@h/d"
    assert settings.save_interval == 2.5
    assert settings.origins == ("http://localhost:3000", "https://app.example")
    assert settings.hosts == ("box.local",)
    assert settings.anvil == tmp_path / "anvil"
    assert settings.log_level == "DEBUG"


FAULTS = {
    "CALDERA_PORT": ["x", "-1", "65536", "8420.0", "٣"],
    "CALDERA_SAVE_INTERVAL": ["soon", "0.1", "nan", "inf"],
    "CALDERA_ORIGINS": ["*", "localhost:3000", "http://a/b", "http://a:b", "null"],
    "CALDERA_DATABASE_URL": ["mysql://root:hunter2@h/d", "somewhere"],
    "CALDERA_LOG_LEVEL": ["loud"],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in FAULTS.items() for v in vs])
def test_a_fault_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load({name: value})
    assert [problem.path for problem in caught.value.problems] == [name]
    assert "hunter2" not in str(caught.value)


def test_all_faults_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        load({name: values[0] for name, values in FAULTS.items()})
    assert {problem.path for problem in caught.value.problems} == set(FAULTS)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.org"])
def test_beyond_loopback_is_not_available(host: str) -> None:
    with pytest.raises(NotAvailableYet):
        load({"CALDERA_HOST": host})
