"""Security access: who holds the unit's secret may change its state."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from dms.config.diagnostics import DiagnosticsConfig
from dms.config.param import MS
from dms.uds.protocol import Nrc, Refused

SEED_BYTES = KEY_BYTES = 16
"""128 bits: guessing is hopeless even without the lock-out."""


@dataclass
class Access:
    """Security access: a seed is good for one key; wrong keys lock it for a while."""

    config: DiagnosticsConfig
    secret: bytes | None
    random: Callable[[int], bytes]
    unlocked: bool = False
    _seed: bytes | None = None
    _wrong: int = 0
    _locked_until_ns: int | None = None

    def relock(self) -> None:
        """A new session begins locked."""
        self.unlocked, self._seed = False, None

    def seed(self, now_ns: int) -> bytes:
        """A new seed; zeros when already unlocked."""
        self._check_delay(now_ns)
        if self.secret is None:
            raise Refused(Nrc.CONDITIONS_NOT_CORRECT)
        if self.unlocked:
            return bytes(SEED_BYTES)
        self._seed = self.random(SEED_BYTES)
        return self._seed

    def key(self, key: bytes, now_ns: int) -> None:
        """Unlock, or raise."""
        self._check_delay(now_ns)
        seed, self._seed = self._seed, None
        if seed is None or self.secret is None:
            raise Refused(Nrc.REQUEST_SEQUENCE_ERROR)
        if hmac.compare_digest(key, key_of(self.secret, seed)):
            self.unlocked, self._wrong = True, 0
            return
        self._wrong += 1
        if self._wrong < self.config.key_attempts:
            raise Refused(Nrc.INVALID_KEY)
        self._wrong -= 1  # after the delay there is one attempt
        self._locked_until_ns = now_ns + self.config.lockout_ms * MS
        raise Refused(Nrc.EXCEEDED_ATTEMPTS)

    def _check_delay(self, now_ns: int) -> None:
        if self._locked_until_ns is not None and now_ns < self._locked_until_ns:
            raise Refused(Nrc.REQUIRED_DELAY)
        self._locked_until_ns = None


def key_of(secret: bytes, seed: bytes) -> bytes:
    """The key that answers a seed: HMAC-SHA-256 of it, the first 16 bytes."""
    return hmac.new(secret, seed, sha256).digest()[:KEY_BYTES]
