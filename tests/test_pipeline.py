"""The chain behind the engine: one step is observation -> state -> alerts -> messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scripted import ScriptedEngine

from dms import alerts
from dms.config import load
from dms.messages import ALERT
from dms.moment import Identity
from dms.pipeline import Pipeline
from dms.signals import decode
from dms.transmit import TxFrame, TxPlan
from dms.types import Alert, AlertKind, Condition, DriverState, Frame, Step, VehicleState

IMAGE = np.zeros((48, 64), np.uint8)
FAST = 100 / 3.6


def drive(seconds: float, speed_mps: float | None = FAST, hz: int = 20) -> list[Step]:
    told: list[tuple[DriverState, tuple[Alert, ...]]] = []
    pipeline = Pipeline(load(), lambda state, alerts, _: told.append((state, alerts)))
    engine = ScriptedEngine()
    steps = []
    for i in range(round(seconds * hz)):
        t_ns = i * 1_000_000_000 // hz
        seen = engine.step(Frame(i, t_ns, IMAGE))
        steps.append(pipeline.step(seen, VehicleState(t_ns, speed_mps)))
    assert told == [(step.state, step.alerts) for step in steps]
    return steps


def alert_times(steps: list[Step], kind: AlertKind) -> list[float]:
    return [s.state.t_ns / 1e9 for s in steps if any(a.kind == kind for a in s.alerts)]


def test_a_long_look_away_becomes_a_distraction_alert_and_ends() -> None:
    steps = drive(10)
    times = alert_times(steps, AlertKind.DISTRACTION)
    assert 4.9 <= times[0] <= 5.6
    assert 7.0 <= times[-1] <= 9.0
    assert Condition.DISTRACTED in {s.state.condition for s in steps}


def test_the_same_look_away_at_a_standstill_stays_silent() -> None:
    assert not any(step.alerts for step in drive(10, speed_mps=0.0))


def test_the_same_frames_give_the_same_steps() -> None:
    first, second = drive(6), drive(6)
    assert [(s.state, s.alerts) for s in first] == [(s.state, s.alerts) for s in second]


def test_a_new_alert_is_on_the_bus_with_its_frame() -> None:
    plan = TxPlan(Identity("test", ""), 0)
    frames: list[TxFrame] = []
    pipeline = Pipeline(
        load(),
        lambda state, alerts, locked: frames.extend(
            plan.advance(state, alerts, state.t_ns, locked)
        ),
    )
    engine = ScriptedEngine()
    raised_ns = None
    for i in range(120):
        t_ns = i * 50_000_000
        step = pipeline.step(engine.step(Frame(i, t_ns, IMAGE)), VehicleState(t_ns, FAST))
        if step.alerts and raised_ns is None:
            raised_ns = t_ns
            assert frames[-1].t_ns == t_ns
            assert any(f.t_ns == t_ns and f.message.name == "DMS_Alert" for f in frames)
    assert raised_ns is not None


def test_a_lockout_of_assistance_is_on_the_bus_with_its_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = alerts.step

    def locking(*args: Any) -> Any:
        memory, asked = judged(*args)
        return memory, replace(asked, locked_out=True)

    monkeypatch.setattr(alerts, "step", locking)
    plan, frames = TxPlan(Identity("test", ""), 0), list[TxFrame]()
    pipeline = Pipeline(
        load(),
        lambda state, alerts, locked: frames.extend(
            plan.advance(state, alerts, state.t_ns, locked)
        ),
    )
    step = pipeline.step(ScriptedEngine().step(Frame(0, 0, IMAGE)), VehicleState(0, FAST))
    assert step.locked_out
    said = [decode(ALERT, f.data)["AssistanceLockout"] for f in frames if f.message is ALERT]
    assert said[-1] == 1.0
