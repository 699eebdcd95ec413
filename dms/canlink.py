"""A bus that may go away and come back: what is sent when there is room, and the way back.

Time is an argument; nothing here waits longer than one send or receive of the port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from dms.canbus import BusError, Busy, Controller, Lost, Port, Received
from dms.config.param import MS
from dms.signals import BusFrame
from dms.transmit import SECOND, TxFrame

BLOCKED_NS = SECOND
"""No room for this long although frames are waiting: an adapter that hangs; open it anew."""
MAX_BAD_IN_A_ROW = 100
"""So many bad receptions without one good frame either way: the port itself is broken."""


BLIND_LONGEST_NS = 1500 * MS
"""Longest pause where nothing tells that a device has come back: frames resume within 2 s."""


@dataclass(frozen=True, slots=True)
class BusHealth:
    """Counters since the start. `up`: the bus is open."""

    up: bool = True
    controller: Controller = Controller.ACTIVE
    """As the last error frame said; a bus opened anew counts as active."""
    sent: int = 0
    busy: int = 0
    """Sends refused because there was no room."""
    dropped: int = 0
    """Frames never sent: no room, or no bus."""
    received: int = 0
    bad_received: int = 0
    error_frames: int = 0
    passive: int = 0
    """Times the controller became error-passive."""
    bus_off: int = 0
    lost: int = 0
    """Times the bus went away."""
    reopen_failed: int = 0
    last_error: str = ""


class Backoff:
    """When to try to open a lost bus again: after pauses that double, and at once when its device
    has come back.

    presence: see canbus.presence; without one the pauses stay below BLIND_LONGEST_NS.
    """

    def __init__(self, first_ns: int, longest_ns: int, presence: Callable[[], object] | None):
        self._presence = presence
        self._first_ns = first_ns
        self._longest_ns = longest_ns if presence else min(longest_ns, BLIND_LONGEST_NS)
        self._pause_ns = first_ns
        self._retry_ns = self._look_ns = 0
        self._seen: object = None

    def failed(self, now_ns: int) -> None:
        """The bus was lost, or could not be opened."""
        self._retry_ns, self._look_ns = now_ns + self._pause_ns, now_ns + self._first_ns
        self._pause_ns = min(2 * self._pause_ns, self._longest_ns)
        self._seen = self._presence() if self._presence else None

    def worked(self) -> None:
        """A frame got through."""
        self._pause_ns = self._first_ns

    def due(self, now_ns: int) -> bool:
        """Whether to try now."""
        if now_ns >= self._retry_ns:
            return True
        if self._presence is None or now_ns < self._look_ns:
            return False
        self._look_ns = now_ns + self._first_ns
        if self._presence() == self._seen:
            return False
        self._pause_ns = self._first_ns  # it may take a moment until it can be opened
        return True


class Link:
    """Sends over a port and opens it anew, with growing pauses, for as long as it takes.

    open_port: opens the bus, raising BusError. first: an already open port. Pauses start at
    `first_wait_ns` and double up to `longest_wait_ns`; a frame that gets through ends them, and so
    does what `presence` tells (see Backoff).
    """

    def __init__(
        self,
        open_port: Callable[[], Port],
        first: Port,
        first_wait_ns: int = 100 * MS,
        longest_wait_ns: int = 5 * SECOND,
        presence: Callable[[], object] | None = None,
    ) -> None:
        self.health = BusHealth()
        self.on_sent: Callable[[TxFrame], object] | None = None
        """Told of every frame that the bus took; must not wait."""
        self._open = open_port
        self._port: Port | None = first
        self._backoff = Backoff(first_wait_ns, longest_wait_ns, presence)
        self._waiting: dict[BusFrame, TxFrame] = {}
        self._bad_in_a_row = 0
        self._trouble_ns: int | None = None
        self._blocked_ns: int | None = None

    def send(self, frames: Iterable[TxFrame], now_ns: int) -> None:
        """Send these and what is still waiting. Of each message only the newest waits."""
        self._mend(now_ns)
        for frame in frames:
            if self._waiting.pop(frame.message, None) is not None:
                self._count(dropped=1)
            self._waiting[frame.message] = frame
        self._flush(now_ns)

    def _flush(self, now_ns: int) -> None:
        for frame in sorted(self._waiting.values(), key=_urgency):
            if self._port is None:
                break
            try:
                self._port.send(frame.message.can_id, frame.data)
            except Busy as error:
                self._no_room(str(error), now_ns)
                break
            except Lost as error:
                self._lose(str(error), now_ns)
                break
            del self._waiting[frame.message]
            self._count(sent=1)
            if self.on_sent:
                self.on_sent(frame)
            self._bad_in_a_row, self._blocked_ns = 0, None
            self._backoff.worked()
        if self._port is None:  # what waits for a bus would be old when it comes
            self._count(dropped=len(self._waiting))
            self._waiting.clear()

    def _no_room(self, why: str, now_ns: int) -> None:
        """Make room: drop the oldest frame that is not safety relevant, keep the rest waiting."""
        self._count(busy=1, last_error=why)
        self._trouble_ns = now_ns
        plain = [f for m, f in self._waiting.items() if not m.safety]
        if plain:
            del self._waiting[min(plain, key=lambda f: f.t_ns).message]
            self._count(dropped=1)
        if self._blocked_ns is None:
            self._blocked_ns = now_ns
        elif now_ns - self._blocked_ns >= BLOCKED_NS:
            self._lose(why, now_ns)

    def receive(self, timeout_s: float, now_ns: int) -> Received | None:
        """The next frame, None when none came in time or there is no bus."""
        if self._port is None:
            return None
        try:
            frame = self._port.receive(timeout_s)
        except Busy as error:
            self._bad(str(error), now_ns)
            return None
        except Lost as error:
            self._lose(str(error), now_ns)
            return None
        if frame is None:
            return None
        if frame.error:
            self._error_frame(frame, now_ns)
            return None
        self._bad_in_a_row = 0
        self._count(received=1)
        return frame

    def _bad(self, why: str, now_ns: int) -> None:
        self._count(bad_received=1)
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= MAX_BAD_IN_A_ROW:
            self._lose(why, now_ns)

    def _error_frame(self, frame: Received, now_ns: int) -> None:
        state, before = frame.controller or self.health.controller, self.health.controller
        became = {state} - {before}
        self._count(
            controller=state, error_frames=1,
            passive=Controller.PASSIVE in became, bus_off=Controller.BUS_OFF in became,
        )  # fmt: skip
        if state is Controller.BUS_OFF:
            self._lose("bus-off", now_ns)

    def _lose(self, why: str, now_ns: int) -> None:
        self._count(lost=1, up=False, last_error=why)
        self.close()
        self._trouble_ns = now_ns
        self._backoff.failed(now_ns)
        self._bad_in_a_row, self._blocked_ns = 0, None

    def _mend(self, now_ns: int) -> None:
        if self._port is not None or not self._backoff.due(now_ns):
            return
        try:
            self._port = self._open()
        except BusError as error:
            self._count(reopen_failed=1, last_error=error.line())
            self._backoff.failed(now_ns)
            self._trouble_ns = now_ns
        else:
            self._count(up=True, controller=Controller.ACTIVE)

    @property
    def waits(self) -> bool:
        """Whether a frame waits for room."""
        return bool(self._waiting)

    def troubled(self, now_ns: int) -> bool:
        """Whether frames could not be sent now or in the last second."""
        recent = self._trouble_ns is not None and now_ns - self._trouble_ns <= SECOND
        return self._port is None or recent

    def offer(self, can_id: int, data: bytes, extended: bool, now_ns: int) -> bool:
        """Send one frame that is not of the plan, now or not at all; whether the bus took it."""
        if self._port is None or self._waiting:
            return False
        try:
            self._port.send(can_id, data, extended)
        except Busy as error:
            self._count(busy=1, last_error=str(error))
            return False
        except Lost as error:
            self._lose(str(error), now_ns)
            return False
        self._count(sent=1)
        self._backoff.worked()
        return True

    def fileno(self) -> int:
        """To wait on for frames; -1 when there is none."""
        return -1 if self._port is None else self._port.fileno()

    @property
    def is_open(self) -> bool:
        """Whether there is a bus now."""
        return self._port is not None

    def close(self) -> None:
        """Close the bus, if it is open."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def _count(
        self,
        up: bool | None = None,
        controller: Controller | None = None,
        last_error: str = "",
        **more: int,
    ) -> None:
        h = self.health
        changes = {name: getattr(h, name) + n for name, n in more.items()}
        self.health = replace(
            h,
            up=h.up if up is None else up,
            controller=controller or h.controller,
            last_error=last_error or h.last_error,
            **changes,
        )


def _urgency(frame: TxFrame) -> tuple[bool, int]:
    return not frame.message.safety, frame.t_ns
