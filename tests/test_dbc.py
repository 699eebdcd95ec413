"""The shipped DBC and manual: what the code gives, and complete."""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from types import ModuleType

import cantools
import pytest

from dms.messages import ALERT, FRAMES, MESSAGES
from dms.signals import BusFrame, Message, NoValue, encode

ROOT = Path(__file__).parent.parent


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_dbc", ROOT / "tools/make_dbc.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_dbc = tool()
from tools.can_manual import EXAMPLE, EXAMPLE_COUNTER  # noqa: E402, the tool knows where


def load() -> cantools.database.Database:
    database = cantools.database.load_file(ROOT / "configs/dms.dbc", strict=True)
    assert isinstance(database, cantools.database.Database)
    return database


DBC = load()


def test_dbc_and_manual_are_what_the_code_gives() -> None:
    assert make_dbc.main(["--check"]) == 0


def test_the_check_notices_a_changed_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("configs", "docs"):
        (tmp_path / part).mkdir()
    car = tmp_path / "configs/car/default.yaml"
    page = (ROOT / "docs/can.md").read_text("utf-8")
    (tmp_path / "docs/can.md").write_text(page, "utf-8")
    (tmp_path / "configs/dms.dbc").write_text(make_dbc.dbc().replace("0.05", "0.5"), "utf-8")
    monkeypatch.setattr(make_dbc, "ROOT", tmp_path)
    assert make_dbc.main(["--check"]) == 1
    assert "configs/dms.dbc" in capsys.readouterr().out
    assert make_dbc.main([]) == 0
    assert make_dbc.main(["--check"]) == 0
    car.write_text(car.read_text().replace("0x120", "0x121"))
    assert make_dbc.main(["--check"]) == 1
    assert "configs/car/default.yaml" in capsys.readouterr().out


def test_the_dbc_opens_in_strict_mode_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        database = load()
    assert not caplog.records
    assert [m.name for m in database.messages] == [m.name for m in FRAMES]


@pytest.mark.parametrize("ours", FRAMES, ids=lambda m: m.name)
def test_every_message_and_signal_is_described(ours: BusFrame) -> None:
    theirs = DBC.get_message_by_name(ours.name)
    assert theirs.comment == ours.comment
    assert (theirs.frame_id, theirs.cycle_time) == (ours.can_id, ours.period_ms)
    assert theirs.send_type == make_dbc.SEND_TYPES[ours.min_gap_ms > 0]
    assert theirs.dbc is not None
    assert (theirs.length, theirs.is_fd) == (ours.length, ours.length > 8)
    for section in ours.sections:
        crc = theirs.get_signal_by_name(make_dbc.header_name(ours, section, "Crc"))
        assert crc.dbc is not None
        assert crc.dbc.attributes["E2ESectionDataId"].value == section.data_id
    if isinstance(ours, Message):
        assert theirs.dbc.attributes["E2EDataId"].value == ours.data_id
    for signal in ours.signals:
        found = theirs.get_signal_by_name(signal.name)
        assert found.comment == signal.comment
        assert found.unit == (signal.unit or None)
        assert (found.minimum, found.maximum) == (signal.minimum, signal.maximum)
        assert found.raw_initial == signal.not_available
        assert found.choices is not None
        assert {k: str(v) for k, v in found.choices.items()} == signal.names()
        assert {v.value for v in NoValue} & {str(v) for v in found.choices.values()}


def test_identifiers_are_unique() -> None:
    assert len({m.can_id for m in FRAMES}) == len(FRAMES)
    assert len({m.data_id for m in MESSAGES}) == len(MESSAGES)


def test_the_manuals_example_is_a_frame_that_a_receiver_would_accept() -> None:
    page = (ROOT / "docs/can.md").read_text("utf-8")
    found = re.search(r"Frame 0x320, bytes `([0-9A-F ]+)`", page)
    assert found is not None
    data = bytes.fromhex(found[1])
    assert data == encode(ALERT, EXAMPLE, EXAMPLE_COUNTER).data
    values = load().decode_message("DMS_Alert", data)
    assert isinstance(values, dict)
    assert str(values["AlertKind"]) == "Distraction"
    assert str(values["AlertLevel"]) == "Warn"
    assert values["AlertAge"] == pytest.approx(1.5)
    assert values["Counter"] == EXAMPLE_COUNTER
