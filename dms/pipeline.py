"""The chain of one frame, the same for run, replay and eval; who calls it and when differs."""

from __future__ import annotations

from dataclasses import dataclass

from dms import alerts, fusion, health
from dms.config import Config
from dms.transmit import TxFrame, TxPlan
from dms.types import Observation, Step, VehicleState


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one frame led to, and the CAN frames that became due with it."""

    step: Step
    frames: list[TxFrame]


class Pipeline:
    """Remembers the driver from frame to frame. Reads no clock: times come with the arguments."""

    def __init__(self, config: Config, plan: TxPlan) -> None:
        self.config = config
        self.plan = plan
        self._health = health.start()
        self._belief = fusion.start(config)
        self._alerts = alerts.start()

    def step(self, seen: Observation, vehicle: VehicleState | None, at_ns: int) -> Outcome:
        """observation -> health -> driver state -> alerts -> CAN frames.

        `at_ns` is the moment on the plan's clock, which may be another than the frames'.
        """
        c = self.config
        self._health, fault = health.step(self._health, seen, c.health)
        self._belief, state = fusion.step(self._belief, seen, vehicle, fault, c)
        self._alerts, active = alerts.step(self._alerts, state, c.alerts)
        frames = self.plan.advance(state, active, at_ns)
        return Outcome(Step(seen, state, active), frames)
