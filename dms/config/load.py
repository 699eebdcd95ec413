"""The whole configuration, and how it is read: defaults, profile, file, overrides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from dms.config.alerts import AlertConfig
from dms.config.alerts import mistakes as alert_mistakes
from dms.config.attention import AttentionConfig
from dms.config.build import build
from dms.config.diagnostics import DiagnosticsConfig
from dms.config.drowsiness import DrowsinessConfig
from dms.config.edges import CameraConfig, CanConfig, EngineConfig, HealthConfig
from dms.config.fusion import FusionConfig
from dms.config.param import param
from dms.config.yaml_strict import Layer, Scalar, override_layer, read_layer
from dms.config.zones import ZoneConfig, polygons


@dataclass(frozen=True, slots=True)
class Config:
    """Everything. Immutable; the same values have the same digest on every machine."""

    profile: str = param("euro_ncap_2026", "rule set in configs/profiles", "the product")
    camera: CameraConfig = param(CameraConfig(), "", "")
    engine: EngineConfig = param(EngineConfig(), "", "")
    fusion: FusionConfig = param(FusionConfig(), "", "")
    zones: ZoneConfig = param(ZoneConfig(), "", "")
    attention: AttentionConfig = param(AttentionConfig(), "", "")
    drowsiness: DrowsinessConfig = param(DrowsinessConfig(), "", "")
    alerts: AlertConfig = param(AlertConfig(), "", "")
    can: CanConfig = param(CanConfig(), "", "")
    health: HealthConfig = param(HealthConfig(), "", "")
    diagnostics: DiagnosticsConfig = param(DiagnosticsConfig(), "", "")

    def to_dict(self) -> dict[str, Any]:
        """Plain nested dicts and scalars; `load` of its YAML gives an equal Config."""
        return _plain(self)

    def digest(self) -> str:
        """SHA-256 of the values, hex."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for f in fields(value):
        item = getattr(value, f.name)
        if is_dataclass(item):
            item = _plain(item)
        elif isinstance(item, tuple):
            item = dict(item)
        out[f.name] = item
    return out


def load(path: str | Path | None = None, overrides: Mapping[str, Scalar] | None = None) -> Config:
    """Read a configuration.

    path: a YAML file; None: the defaults. overrides: dotted key -> value, strings as YAML would
    read them ("camera.seat": "left"). Errors: ConfigError with every mistake found.
    """
    layers = [override_layer(overrides or {})]
    if path is not None:
        layers.insert(0, read_layer(Path(path)))
    profile, errors = _profile_layer(path, layers)
    if profile is not None:
        layers.insert(0, profile)
    return build(Config, layers, errors, check)


def _profile_layer(path: str | Path | None, layers: list[Layer]) -> tuple[Layer | None, list[str]]:
    """The named profile's layer; none named: the defaults are the default profile."""
    named = [(name, where) for layer in layers for name, where in [layer.scalar("profile")] if name]
    if not named:
        return None, []
    name, where = named[-1]
    folders = profile_folders(path)
    known = sorted({p.stem for folder in folders for p in folder.glob("*.yaml")})
    if name not in known:
        listed = ", ".join(known) or "none found"
        return None, [f"{where}: profile: no profile {name!r}; there are: {listed}"]
    found = next(p for folder in folders if (p := folder / f"{name}.yaml").is_file())
    return read_layer(found), []


def profile_folders(path: str | Path | None) -> list[Path]:
    """Where profiles are looked for, in this order."""
    here = Path(__file__).resolve().parent.parent
    folders = [here.parent / "configs/profiles", here / "configs/profiles"]
    if path is not None:
        folders.insert(0, Path(path).resolve().parent / "profiles")
    return [folder for folder in folders if folder.is_dir()]


def check(config: Config) -> list[tuple[str, str]]:
    """What no single value can tell: (key path, what is wrong)."""
    f, a, c = config.fusion, config.alerts, config.can
    n, d = config.attention, config.drowsiness
    wrong: list[tuple[str, str]] = []
    pairs = [
        ("fusion.phone_off", f.phone_off, f.phone_on, "fusion.phone_on"),
        (
            "fusion.gaze_fade_start_deg",
            f.gaze_fade_start_deg,
            f.gaze_fade_end_deg,
            "fusion.gaze_fade_end_deg",
        ),
        ("fusion.microsleep_ms", f.microsleep_ms, f.sleep_ms, "fusion.sleep_ms"),
        ("fusion.wheel_off", f.wheel_off, f.wheel_on, "fusion.wheel_on"),
        ("fusion.jump_deg", f.jump_deg, f.jump_max_deg, "fusion.jump_max_deg"),
        ("fusion.drift_deg", f.drift_deg, f.jump_deg, "fusion.jump_deg"),
        ("attention.vats_away_ms", n.vats_away_ms, n.vats_window_ms, "attention.vats_window_ms"),
        ("drowsiness.alert_kss", d.alert_kss, d.drowsy_kss, "drowsiness.drowsy_kss"),
        (
            "drowsiness.perclos_low_pct",
            d.perclos_low_pct,
            d.perclos_high_pct,
            "drowsiness.perclos_high_pct",
        ),
        ("drowsiness.blink_low", d.blink_low, d.blink_high, "drowsiness.blink_high"),
        ("drowsiness.speed_high", d.speed_high, d.speed_low, "drowsiness.speed_low"),
        ("drowsiness.yawn_min_ms", d.yawn_min_ms, d.yawn_max_ms, "drowsiness.yawn_max_ms"),
    ]
    wrong += [(k, f"must be below {k2} ({v2:g})") for k, v, v2, k2 in pairs if v >= v2]
    wrong += _zone_mistakes(config.zones)
    if c.reopen_min_ms > c.reopen_max_ms:
        wrong.append(
            ("can.reopen_min_ms", f"must not be above can.reopen_max_ms ({c.reopen_max_ms})")
        )
    u = config.diagnostics
    if u.request_id is not None and u.answers_on in (u.request_id, u.functional_id):
        wrong.append(("diagnostics.response_id", "must differ from the identifiers of requests"))
    return wrong + alert_mistakes(a)


def _zone_mistakes(zones: ZoneConfig) -> list[tuple[str, str]]:
    wrong: list[tuple[str, str]] = []
    for f in fields(zones):
        try:
            polygons(getattr(zones, f.name))
        except ValueError as e:
            wrong.append((f"zones.{f.name}", str(e)))
    return wrong
