"""The chain of one frame, the same for run, replay and scenarios; who calls it and when differs."""

from __future__ import annotations

from collections.abc import Callable

from dms import alerts, fusion, health
from dms.config import Config
from dms.types import Alert, DriverState, Observation, Step, VehicleState

Tell = Callable[[DriverState, tuple[Alert, ...], bool], object]
"""Takes each new result, and whether assistance is locked out, to where messages are made: a
TxPlan, directly or through a CanNode."""


class Pipeline:
    """Remembers the driver from frame to frame. Reads no clock: times come with the arguments."""

    def __init__(self, config: Config, tell: Tell, kept: fusion.Learned | None = None) -> None:
        """kept: what a pipeline before this one learned of the driver."""
        self.config = config
        self._tell = tell
        self._health = health.start()
        self._belief = fusion.resumed(kept, config) if kept else fusion.start(config)
        self._alerts = alerts.start()

    def learned(self) -> fusion.Learned | None:
        """What is known of the driver, once all of it is."""
        return fusion.learned(self._belief, self.config)

    def step(
        self,
        seen: Observation,
        vehicle: VehicleState | None,
        degc: float | None = None,
        now_ns: int | None = None,
    ) -> Step:
        """observation -> health -> driver state -> alerts -> messages. degc: of the processor;
        now_ns: when it was seen, on a clock of this machine (None: a recording)."""
        c = self.config
        self._health, fault = health.step(self._health, seen, c.health, degc, now_ns)
        self._belief, state = fusion.step(self._belief, seen, vehicle, fault, c)
        self._alerts, asked = alerts.step(self._alerts, state, vehicle, c.alerts)
        self._tell(state, asked.alerts, asked.locked_out)
        return Step(seen, state, asked.alerts, asked.events, asked.locked_out)
