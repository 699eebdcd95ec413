"""`dms doctor`: findings as data, and an exit code that follows from them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from dms.commands import doctor
from dms.commands.doctor import FAIL, OK, Check


def checks(*words: str) -> dict[str, Check]:
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    return {check.name: check for check in doctor.all_checks(parser.parse_args(list(words)))}


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    doctor.add_arguments(parser)
    return doctor.run(parser.parse_args(list(words)))


def test_this_machine_has_python_runtime_and_extension() -> None:
    found = checks("--set", "can.interface=virtual")
    for name in ("python", "extension", "runtime", "config", "can", "telemetry"):
        assert found[name].status == OK, found[name]


def test_every_mistake_in_the_config_is_a_finding_with_a_fix() -> None:
    found = checks("--set", "camera.seet=left")
    assert found["config"].status == FAIL
    assert "seat" in found["config"].found
    assert found["config"].fix
    assert found["python"].status == OK


def test_missing_networks_fail_with_their_folder_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run("--json", "--set", f"engine.models_dir={tmp_path}")
    found = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert code == 1
    assert found["models"]["status"] == FAIL
    assert str(tmp_path) in found["models"]["found"]


def test_a_bus_that_is_not_there_is_a_warning_not_a_failure() -> None:
    found = checks("--set", "can.channel=can99")
    assert found["can"].status == "warn"
    assert "can99" in found["can"].found
    assert found["can"].fix


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> Check:
        raise OSError("no such thing")

    assert doctor._safe("x", broken).status == FAIL
