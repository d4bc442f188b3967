"""Settings: each documented, each from the environment, a file or an option."""

from dataclasses import fields
from pathlib import Path

import pytest

from registry.evolution.levels import LEVELS
from registry.settings import DOCS, WORDS, InvalidSetting, Settings, documentation, load


def test_every_setting_is_documented() -> None:
    assert list(DOCS) == [each.name for each in fields(Settings)]
    assert len(documentation()) == len(DOCS)


def test_the_levels_are_those_of_the_registry() -> None:
    assert {word.upper() for word in WORDS["compatibility_level"]} == set(LEVELS)


def test_options_win_over_the_environment_and_files_hold_secrets(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://u:p@h/d\n")
    environment = {"TENOR_PORT": "9001", "TENOR_DATABASE_URL_FILE": str(secret), "TENOR_MODE_MUTABLE": "False"}
    settings = load(environment, port="9002", workers=None)
    assert settings.port == 9002
    assert settings.database_url == "postgresql://u:p@h/d"
    assert settings.mode_mutable is False


def test_the_readme_lists_every_setting_with_its_default() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    for name, default, doc in documentation():
        assert f"| `{name}` | {f'`{default}`' if default else ''} | {doc} |" in readme


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"TENOR_PORT": "many"}, "TENOR_PORT must be a int, not 'many'"),
        ({"TENOR_MODE_MUTABLE": "maybe"}, "TENOR_MODE_MUTABLE"),
        ({"TENOR_WORKERS": "2"}, "takes exactly one process that writes"),
        ({"TENOR_WORKERS": "0", "TENOR_DATABASE_URL": "postgresql://h/d"}, "at least 1"),
        ({"TENOR_INCOMPATIBLE_CODE": "410"}, "409 or 40901"),
        (
            {"TENOR_COMPATIBILITY_LEVEL": "sideways"},
            "TENOR_COMPATIBILITY_LEVEL is none, backward, .* or full_transitive",
        ),
        ({"TENOR_LOG_LEVEL": "loud"}, "TENOR_LOG_LEVEL is debug, info, warning or error"),
        ({"TENOR_PACT_SOUNDNESS": "maybe"}, "TENOR_PACT_SOUNDNESS is sound or reference"),
        ({"TENOR_PORT": "70000"}, "TENOR_PORT is a number from 0 to 65535"),
        ({"TENOR_BODY_LIMIT": "0"}, "TENOR_BODY_LIMIT is a number from 1"),
        ({"TENOR_HOT_CACHE": "-1"}, "TENOR_HOT_CACHE is a number from 0"),
        ({"TENOR_REQUEST_TIMEOUT": "nan"}, "TENOR_REQUEST_TIMEOUT is a number"),
        ({"TENOR_DATABASE_URL_FILE": "/nowhere/at/all"}, "TENOR_DATABASE_URL_FILE"),
    ],
)
def test_what_cannot_work_is_refused_by_name(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidSetting, match=sentence):
        load(environment)
