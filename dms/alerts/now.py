"""One frame as the rules see it, and the page on which they write what they did."""

from __future__ import annotations

from typing import NamedTuple

from dms.alerts.memory import NO_LOOK, ORDER, Pedals, Track
from dms.config import AlertConfig
from dms.types import AlertKind, Check, DriverState, Event, VehicleState, What

KMH = 3.6
"""km/h in a m/s."""
INATTENTION = (
    AlertKind.SLEEP,
    AlertKind.MICROSLEEP,
    AlertKind.DISTRACTION,
    AlertKind.LOW_GAZE,
    AlertKind.SHORT_DISTRACTION,
)
"""Kinds whose warning a driver answers by looking at the road."""
INDEX = {kind: i for i, kind in enumerate(ORDER)}


class Hold(NamedTuple):
    """Why a cause that is there must not alert now. `what` is SUPPRESSED or EXEMPTED."""

    what: What
    rule: str
    checks: tuple[Check, ...] = ()


class Now:
    """What holds at one frame. Made and dropped within one step; only `tracks` and `events` change
    in it, as one kind after another is dealt with."""

    __slots__ = ("config", "crawling", "driver", "dt_ns", "events", "look", "pedals", "slow",
                 "speed_kmh", "t_ns", "tracks", "vehicle")  # fmt: skip

    def __init__(
        self,
        driver: DriverState,
        vehicle: VehicleState,
        config: AlertConfig,
        dt_ns: int,
        tracks: tuple[Track, ...],
    ) -> None:
        self.t_ns = driver.t_ns
        self.dt_ns = dt_ns
        self.driver, self.vehicle, self.config = driver, vehicle, config
        self.speed_kmh = None if driver.speed_mps is None else driver.speed_mps * KMH
        self.tracks = list(tracks)
        self.look = NO_LOOK
        self.pedals = Pedals()
        self.slow: Hold | None = None
        """Below the activation speed, as most kinds have it."""
        self.crawling: Hold | None = None
        """Too slow for the eyes-on ladder."""
        self.events: list[Event] = []

    def below(self, limit_kmh: float) -> bool:
        """Known to drive slower."""
        return self.speed_kmh is not None and self.speed_kmh < limit_kmh

    def track(self, kind: AlertKind) -> Track:
        """As far as it is dealt with in this frame."""
        return self.tracks[INDEX[kind]]

    def put(self, kind: AlertKind, track: Track) -> None:
        """Dealt with."""
        self.tracks[INDEX[kind]] = track

    def warned_ns(self) -> int:
        """How long the driver stands warned of inattention."""
        since = [ns for kind in INATTENTION if (ns := self.track(kind).warned_ns)]
        return self.t_ns - min(since) if since else 0

    def note(
        self,
        what: What,
        kind: AlertKind,
        level: int,
        since_ns: int,
        rule: str,
        checks: tuple[Check, ...] = (),
        reason: str = "",
    ) -> None:
        """Write down what happened; a reason not given is made of the rule and its checks."""
        text = reason or ", ".join((rule, *(words(check) for check in checks)))
        self.events.append(Event(self.t_ns, what, kind, level, since_ns, rule, checks, text))

    def speed_check(self, limit_kmh: float, setting: str) -> tuple[Check, ...]:
        """The speed against a limit; nothing while it is unknown."""
        speed = self.speed_kmh
        if speed is None:
            return ()
        sign = ">=" if speed >= limit_kmh else "<"
        return (Check("speed", round(speed, 1), sign, limit_kmh, "km/h", f"alerts.{setting}"),)


def seconds(name: str, value_ns: int, limit_ms: float, setting: str, sign: str = ">=") -> Check:
    """A time against its limit."""
    return Check(name, round(value_ns / 1e9, 3), sign, limit_ms / 1e3, "s", setting)


def words(check: Check) -> str:
    """A check for people."""
    unit = f" {check.unit}" if check.unit else ""
    value, limit = f"{check.value:.2f}{unit}", f"{check.threshold:.2f}{unit}"
    return f"{check.name} {value} {check.sign} {limit}"
