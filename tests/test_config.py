"""The configuration: strict, complete in its complaints, never a guess."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dms.config import Config, ConfigError, load
from dms.config.build import build
from dms.config.load import check
from dms.config.yaml_strict import parse_layer

ROOT = Path(__file__).resolve().parent.parent


def read(text: str | bytes) -> Config:
    data = text if isinstance(text, bytes) else text.encode()
    return build(Config, [parse_layer(data, "car.yaml")], [], check)


def errors(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return caught.value.errors


def test_the_shipped_default_file_says_the_same_as_the_code() -> None:
    assert load(ROOT / "configs/default.yaml") == Config() == load()


def test_the_default_profile_is_the_defaults_written_out() -> None:
    assert load(None, {"profile": "euro_ncap_2026"}) == Config()


def test_another_profile_changes_the_rules_and_the_file_wins_over_it(tmp_path: Path) -> None:
    path = tmp_path / "car.yaml"
    path.write_text("profile: eu_gsr\nalerts:\n  distraction:\n    level2_ms: 2500\n")
    config = load(path)
    assert config.alerts.distraction_slow.level2_ms == 6000
    assert config.alerts.distraction.level2_ms == 2500
    assert load(path, {"alerts.distraction.level2_ms": 2700}).alerts.distraction.level2_ms == 2700


def test_a_profile_beside_the_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/track.yaml").write_text("alerts:\n  activation_speed_kmh: 0\n")
    (tmp_path / "car.yaml").write_text("profile: track\n")
    assert load(tmp_path / "car.yaml").alerts.activation_speed_kmh == 0


def test_every_error_is_told_at_once_with_its_line() -> None:
    told = errors(
        "camera:\n  seet: left\nalerts:\n  end_ms: soon\n  gap_ms: 1\n  gap_ms: 2\nhelth:\n"
    )
    assert told == (
        "car.yaml:6: alerts.gap_ms: set twice, first on line 5",
        'car.yaml:2: camera.seet: unknown key; did you mean "seat"?',
        'car.yaml:4: alerts.end_ms: expected a whole number, got "soon"',
        'car.yaml:7: helth: unknown key; did you mean "health"?',
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("alerts:\n  end_ms: 012", "octal"),
        ("alerts:\n  end_ms: 12:30:45", "base-60"),
        ("alerts:\n  unknown_speed_is_driving: on", "write true or false"),
        ("alerts:\n  unknown_speed_is_driving: NO", "write true or false"),
        ('alerts:\n  end_ms: "1000"', "quoted"),
        ("alerts:\n  end_ms: 1e3", "whole number"),
        ("alerts:\n  end_ms:", "got nothing"),
        ("alerts:\n  end_ms: [1]", "lists are not used"),
        ("alerts:\n  end_ms: 50", "outside 100 to 10000"),
        ("alerts: 3", "expected a section"),
        ("alerts:\n  distraction: 3000", "expected a section"),
        ("alerts:\n  distraction:\n    level2_ms: 7000", "levels must take longer"),
        ("fusion:\n  phone_on: .nan", "expected a number"),
        ("fusion:\n  phone_on: 0.2", "must be below fusion.phone_on"),
        ("camera:\n  seat: lef", 'did you mean "left"'),
        ("can:\n  channel: 0", 'write "0"'),
        ("can:\n  interface: &a virtual\n  channel: *a", "aliases"),
        ("can:\n  channel: !!python/name:os.system x", "tags"),
        ("a: 1\n---\nb: 2", "second document"),
        ("[1, 2]", "expected a mapping"),
        ("a: [", "not YAML"),
        ('a: "\\UFFFFFFFF"', "not YAML"),
        (b"camera:\n  seat: \xff", "car.yaml:2: not UTF-8"),
        ("[" * 5000, "nested more than"),
        (b"#" * (1 << 21), "larger than"),
    ],
)
def test_a_mistake_is_explained(text: str | bytes, says: str) -> None:
    assert says in "\n".join(errors(text))


def test_a_number_in_scientific_notation_is_a_number() -> None:
    assert read("fusion:\n  phone_off: 1e-3\n").fusion.phone_off == 0.001


def test_bus_options_pass_through_with_the_types_they_are_written_in() -> None:
    config = read(
        'can:\n  bus_kwargs:\n    port: 43113\n    rtscts: true\n    name: "7"\n    x: a\n'
    )
    assert dict(config.can.bus_kwargs) == {"port": 43113, "rtscts": True, "name": "7", "x": "a"}
    assert "octal" in errors("can:\n  bus_kwargs:\n    port: 010\n")[0]
    assert read("can:\n  bus_kwargs: {}\n").can.bus_kwargs == ()


def test_a_missing_file_and_an_unknown_profile_are_config_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="there are: eu_gsr, euro_ncap_2026"):
        load(None, {"profile": "mars"})


def test_an_override_is_checked_like_the_file() -> None:
    with pytest.raises(ConfigError, match='did you mean "seat"'):
        load(None, {"camera.sseat": "left"})
    assert load(None, {"camera.hfov_deg": "60"}).camera.hfov_deg == 60.0
    assert load(None, {"alerts.phone.level1_ms": None}).alerts.phone.level1_ms is None


def test_a_dumped_config_loads_back_equal_and_has_the_same_digest(tmp_path: Path) -> None:
    config = load(None, {"camera.seat": "left", "alerts.end_ms": 1200, "can.channel": "x"})
    path = tmp_path / "dump.yaml"
    path.write_text(yaml.safe_dump(config.to_dict()))
    assert load(path) == config
    assert load(path).digest() == config.digest() != Config().digest()


def test_every_threshold_has_a_meaning_a_source_and_a_range() -> None:
    def walk(value: object, prefix: str) -> None:
        for f in fields(value):  # type: ignore[arg-type]
            item = getattr(value, f.name)
            if is_dataclass(item) and prefix == "":
                walk(item, f.name)
                continue
            assert f.metadata["doc"], f"{prefix}.{f.name}"
            assert f.metadata["source"], f"{prefix}.{f.name}"
            if isinstance(item, int | float) and not isinstance(item, bool):
                assert f.metadata["lo"] <= item <= f.metadata["hi"], f"{prefix}.{f.name}"

    walk(Config(), "")


@given(st.binary(max_size=300))
def test_any_bytes_give_a_config_or_a_config_error(data: bytes) -> None:
    try:
        assert isinstance(read(data), Config)
    except ConfigError as e:
        assert e.errors  # noqa: PT017 - either outcome is right


PLAIN = """camera alerts fusion can bus_kwargs seat distraction level1_ms end_ms profile
x 1 null true on 0x1 012 1:30 - { } [ ] : &a *a !!int | > % # << é 999999999999999999999"""
SPACED = ["\n", "\n  ", "\n    ", " ", ": ", "- ", '"', "'", "---\n", "...\n", "? ", "\t", "\x85"]
WORDS = st.sampled_from([*PLAIN.split(), *SPACED, "\\U00110000"])


@given(st.lists(WORDS, max_size=40).map("".join))
def test_any_yaml_like_text_gives_a_config_or_a_config_error(text: str) -> None:
    try:
        assert isinstance(read(text), Config)
    except ConfigError as e:
        assert e.errors  # noqa: PT017 - either outcome is right
