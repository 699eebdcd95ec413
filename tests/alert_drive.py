"""Feeds driver states to the alert machine, as fusion would: durations count up while they last."""

from __future__ import annotations

from dataclasses import replace

from dms import alerts
from dms.config import AlertConfig
from dms.types import (
    Alert,
    AlertKind,
    Availability,
    Condition,
    DriverState,
    Event,
    Reason,
    VehicleState,
    What,
)

S = 1_000_000_000
STEP = S // 20
KMH = 1 / 3.6
FINE = DriverState(
    t_ns=0, condition=Condition.ATTENTIVE, confidence=0.9, availability=Availability.OK,
    reason=Reason.NONE, calibration_pct=100, head_yaw_rad=0.0, head_pitch_rad=0.0,
    gaze_yaw_rad=0.0, gaze_pitch_rad=0.0, eyes_on_road=True, eyes_off_road_ns=0, eye_open=1.0,
    eyes_closed_ns=0, perclos_pct=2.0, action="wheel", action_confidence=0.9, phone_ns=0,
    speed_mps=25.0, hands_seen=True,
)  # fmt: skip
AWAY = replace(FINE, eyes_on_road=False, eyes_off_road_ns=1)
"""A value of 1 ns: one that counts up."""
SHUT = replace(FINE, eyes_closed_ns=1, eye_open=0.05)
PHONE = replace(FINE, phone_ns=1, action="phone_ear")
BLIND = replace(
    FINE, eyes_on_road=None, eye_open=None, action=None, hands_seen=False,
    availability=Availability.UNKNOWN, reason=Reason.NO_FACE,
)  # fmt: skip
COUNTERS = (
    "eyes_off_road_ns",
    "eyes_closed_ns",
    "phone_ns",
    "phone_away_ns",
    "vats_away_ns",
    "area3_ns",
    "unresponsive_ns",
)
STILL = VehicleState(0, None)


class Drive:
    """Feeds states at 20 Hz."""

    def __init__(self, config: AlertConfig | None = None, step_ns: int = STEP) -> None:
        self.config = config or AlertConfig()
        self.state = alerts.start()
        self.step_ns = step_ns
        self.t_ns = 5 * S
        self.told: list[tuple[float, tuple[Alert, ...]]] = []
        self.events: list[Event] = []
        self.locked_out = False
        self.vehicle = STILL

    def go(self, seconds: float, what: DriverState = FINE, **changes: object) -> tuple[Alert, ...]:
        """So many seconds of one state; `changes` are values that do not count up."""
        began = self.t_ns
        active: tuple[Alert, ...] = ()
        for _ in range(round(seconds * S / self.step_ns)):
            self.t_ns += self.step_ns
            lasted = self.t_ns - began
            counted = {name: lasted if getattr(what, name) else 0 for name in COUNTERS}
            now = replace(what, t_ns=self.t_ns, **{**counted, **changes})  # type: ignore[arg-type]
            active = self.feed(now)
            self.told.append((lasted / S, active))
        return active

    def feed(self, now: DriverState) -> tuple[Alert, ...]:
        """One state as it is."""
        self.state, asked = alerts.step(self.state, now, self.vehicle, self.config)
        self.events += asked.events
        self.locked_out = asked.locked_out
        return asked.alerts

    def set(self, **vehicle: object) -> Drive:
        """What the vehicle says from now on."""
        self.vehicle = replace(self.vehicle, **vehicle)  # type: ignore[arg-type]
        return self

    def levels(self, kind: AlertKind) -> list[int]:
        """The levels shown in order, repeats left out; 0 is none."""
        out = [0]
        for _, active in self.told:
            level = next((a.level for a in active if a.kind == kind), 0)
            out += [level] if level != out[-1] else []
        return out[1:]

    def happened(self, *what: What) -> list[tuple[What, AlertKind, str]]:
        """The events of these sorts: what, kind, rule."""
        return [(e.what, e.kind, e.rule) for e in self.events if e.what in what]


def kinds(active: tuple[Alert, ...]) -> list[tuple[AlertKind, int]]:
    """What is active, most urgent first."""
    return [(a.kind, a.level) for a in active]
