"""Settings of the diagnostics: identifiers, times, security, fault memory."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config.param import param

UDS = "ISO 14229-2"
ISOTP = "ISO 15765-2"
CAN_ID_MAX = 0x1FFFFFFF


@dataclass(frozen=True, slots=True)
class DiagnosticsConfig:
    """The UDS server. It is off unless `request_id` is given; see docs/diagnostics.md."""

    request_id: int | None = param(
        None,
        "identifier of requests to this unit alone; above 0x7FF: 29 bits; null: no diagnostics",
        "the vehicle",
        lo=0,
        hi=CAN_ID_MAX,
    )
    response_id: int | None = param(
        None,
        "identifier of the responses; null: request_id + 8",
        "the vehicle",
        lo=0,
        hi=CAN_ID_MAX,
    )
    functional_id: int | None = param(
        0x7DF,
        "identifier of requests to all units; null: none",
        "ISO 15765-4",
        lo=0,
        hi=CAN_ID_MAX,
    )
    key_file: str | None = param(
        None,
        "file with the secret of security access, 16 bytes or more, readable by its owner only; "
        "null: nothing can be unlocked",
        "provisioning",
    )
    state_dir: str | None = param(
        None,
        "folder in which fault memory and written settings are kept; null: until the power goes",
        "the target",
    )
    p2_ms: int = param(50, "a response, or that it is pending, within this", UDS, lo=10, hi=1000)
    p2_star_ms: int = param(
        5000, "the same after a response was said to be pending", UDS, lo=100, hi=60000
    )
    s3_ms: int = param(
        5000, "back to the default session without a request for this long", UDS, lo=500, hi=60000
    )
    transport_timeout_ms: int = param(
        1000, "longest wait for the next frame of a message", f"{ISOTP} N_Bs, N_Cr", lo=50, hi=10000
    )
    block_size: int = param(
        8, "frames that a tester may send before it waits; 0: any number", ISOTP, lo=0, hi=255
    )
    separation_ms: int = param(
        1, "least pause between a tester's frames", "choice: alerts come first", lo=0, hi=127
    )
    max_request_bytes: int = param(
        512, "longer requests are refused", "choice: none of ours is longer", lo=8, hi=4095
    )
    requests_per_s: int = param(
        100,
        "requests beyond this are answered with busyRepeatRequest",
        "choice: a flood must not cost the monitor its time",
        lo=1,
        hi=10000,
    )
    key_attempts: int = param(
        3, "wrong keys before security access is locked out", "choice", lo=1, hi=100
    )
    lockout_ms: int = param(
        10000, "how long it is locked out then", "choice: as vehicles do", lo=0, hi=3600000
    )
    fault_ms: int = param(
        1000,
        "a fault must last this long to be stored",
        "choice: no passing shadow",
        lo=0,
        hi=60000,
    )
    heal_ms: int = param(
        2000, "and be gone this long to be healed", "choice: no flicker", lo=0, hi=600000
    )
    aging_cycles: int = param(
        40, "operation cycles without the fault until it is forgotten", "SAE J1978", lo=1, hi=255
    )

    aim_tolerance_deg: float = param(
        10.0,
        "camera aim check: the head of a driver who looks straight ahead is within this of the "
        "configured mount",
        "choice: what calibration learns without loss",
        lo=1,
        hi=45,
    )
    light_min_grey: float = param(
        20.0,
        "infrared light check: mean grey level of a lit picture in a dark cabin, at least",
        "choice: twice what counts as dark",
        lo=1,
        hi=200,
    )

    @property
    def answers_on(self) -> int:
        """Identifier of the responses; only with a request_id."""
        return self.response_id if self.response_id is not None else (self.request_id or 0) + 8
