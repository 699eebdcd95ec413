"""A second process on the bus, which knows only the shipped DBC, understands what is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import can
import pytest

from dms.messages import encode_vehicle_motion

ROOT = Path(__file__).parent.parent
GROUP = "239.74.163.2"
PORT = 43100 + os.getpid() % 800
"""A group of this run's own, so that parallel runs do not hear each other."""

RECEIVER = """
import json, sys
import can, cantools
from e2e.p11 import e2e_p11_check
dbc = cantools.database.load_file("configs/dms.dbc", strict=True)
ids = {m.frame_id: m for m in dbc.messages}
last, wrong, seen, lines = {}, [], 0, []
where = dict(channel=sys.argv[1], port=int(sys.argv[2]), hop_limit=0)
with can.Bus(interface="udp_multicast", **where) as bus:
    print("ready", flush=True)
    while True:
        m = bus.recv(30.0)
        if m is None:
            sys.exit("nothing heard for 30 s")
        if m.arbitration_id not in ids or ids[m.arbitration_id].senders != ["DMS"]:
            continue
        message = ids[m.arbitration_id]
        seen += 1
        data_id = message.dbc.attributes["E2EDataId"].value
        values = message.decode(bytes(m.data))
        counter = values["Counter"]
        good = e2e_p11_check(bytearray(m.data), data_id)
        step = (counter - last.get(message.name, counter - 1)) % 15
        last[message.name] = counter
        if not good or step != 1 or counter == 15:
            wrong.append([message.name, good, step, counter])
        lines.append((m.timestamp, message.name, {k: str(v) for k, v in values.items()}))
        if message.name == "DMS_Inputs" and any(v[2].get("Reason") == "Shutdown" for v in lines):
            break
json.dump({"seen": seen, "wrong": wrong, "lines": lines}, sys.stdout)
"""

SENDER = """
import dataclasses, signal, sys, time
from dms.canbus import parse_bus
from dms.cannode import CanNode
from dms.moment import Identity
from dms.types import *
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
config = parse_bus(f"udp_multicast:{sys.argv[1]},port={sys.argv[2]}")
node = CanNode(config, Identity("software", "models"))
node.start()
state = DriverState(0, Condition.DISTRACTED, 0.9, Availability.OK, Reason.NONE, 100, 0.5, 0.0, 0.5,
    0.0, False, 3_000_000_000, 1.0, 0, 1.0, "wheel", 0.9, 0, None)
t = 0
print("started", flush=True)
while not stop:
    time.sleep(0.01)
    t += 10_000_000
    speed = node.vehicle().speed_mps
    if speed is not None:
        print("speed", round(speed, 2), flush=True)
    alert = Alert(AlertKind.DISTRACTION, 2, "eyes off the road 3.00 s >= 3.00 s", 0, t)
    node.update(dataclasses.replace(state, speed_mps=speed), [alert] if speed else [])
node.stop()
health = node.health()
print("sent", health.sent, health.dropped, health.lost, flush=True)
"""


def start(code: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, GROUP, str(PORT)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(scope="module")
def heard() -> dict[str, Any]:
    """What the receiver heard of a run: start, a speed, an alert, SIGTERM."""
    for needed in ("msgpack", "cantools", "e2e"):
        pytest.importorskip(needed)
    receiver = start(RECEIVER)
    assert line(receiver) == "ready"
    sender = start(SENDER)
    try:
        assert line(sender) == "started"
        with can.Bus(interface="udp_multicast", channel=GROUP, port=PORT, hop_limit=0) as vehicle:
            for counter in range(3):
                can_id, data = encode_vehicle_motion(25.0, counter)
                vehicle.send(can.Message(arbitration_id=can_id, data=data, is_extended_id=False))
            speeds = [line(sender) for _ in range(30)]
            sender.send_signal(signal.SIGTERM)
        rest = sender.communicate(timeout=30)[0]
        output = receiver.communicate(timeout=60)[0]
    finally:
        for process in (sender, receiver):
            if process.poll() is None:
                process.kill()
    assert (sender.returncode, receiver.returncode) == (0, 0), rest
    return {**json.loads(output), "speeds": speeds, "sender": rest.split("sent")[-1].split()}


def of(heard: dict[str, Any], name: str) -> list[dict[str, str]]:
    return [values for _, message, values in heard["lines"] if message == name]


def test_every_crc_and_counter_is_right(heard: dict[str, Any]) -> None:
    assert heard["seen"] > 20
    assert heard["wrong"] == []
    assert heard["sender"] == [str(heard["seen"]), "0", "0"]


def test_the_vehicles_speed_arrives(heard: dict[str, Any]) -> None:
    assert set(heard["speeds"]) == {"speed 25.0"}


def test_the_alert_is_understood(heard: dict[str, Any]) -> None:
    kinds = [values["AlertKind"] for values in of(heard, "DMS_Alert")]
    assert "Distraction" in kinds
    alert = of(heard, "DMS_Alert")[kinds.index("Distraction")]
    assert (alert["AlertLevel"], alert["RequestAudible"]) == ("Warn", "Yes")
    state = of(heard, "DMS_DriverState")[-2]
    assert (state["Condition"], state["EyesOnRoad"]) == ("Distracted", "No")
    assert float(state["EyesOffRoadTime"]) == pytest.approx(3.0)


def test_sigterm_ends_with_unavailable_in_every_message(heard: dict[str, Any]) -> None:
    last = of(heard, "DMS_Status")[-1]
    assert (last["Availability"], last["Reason"]) == ("Unavailable", "Shutdown")
    for name in ("DMS_Alert", "DMS_DriverState", "DMS_Gaze"):
        values = {v for k, v in of(heard, name)[-1].items() if k not in ("Crc", "Counter")}
        assert values == {"NotAvailable"}, name
