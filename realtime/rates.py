"""Two small gauges: how fast a socket may send, and how busy this node is."""

from dataclasses import dataclass


@dataclass
class Bucket:
    """A token bucket: `rate` frames a second on average, `burst` at once."""

    rate: float
    burst: float
    filled_at: float

    def __post_init__(self) -> None:
        self._tokens = self.burst

    def _fill(self, now: float) -> None:
        self._tokens = min(self.burst, self._tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now

    def take(self, now: float, frames: int = 1) -> bool:
        """Whether so many more frames are within the rate."""
        self._fill(now)
        if self._tokens < frames:
            return False
        self._tokens -= frames
        return True

    def rested(self, now: float) -> bool:
        """Whether the sender has slowed down: half of the burst is there again."""
        self._fill(now)
        return self._tokens >= self.burst / 2


@dataclass
class Load:
    """0 (idle) to 1 (full): the larger of sockets used and lateness of the event loop."""

    most_sockets: int
    full_lag_seconds: float = 0.25
    value: float = 0.0
    _lag: float = 0.0

    def measure(self, sockets: int, lag_seconds: float) -> None:
        """Take one look; lag is how late a timer came. Rises at once, falls slowly."""
        self._lag = max(lag_seconds, self._lag * 0.8)
        by_lag = self._lag / self.full_lag_seconds
        self.value = round(min(1.0, max(by_lag, sockets / self.most_sockets)), 2)
