"""Timeless messages that the broker may send again: told by their digests, whatever its DUP flag says."""

from __future__ import annotations

import time
from collections import Counter, deque

from ingest.message import DIGEST_BYTES

#: PUBACKs go out with the commit; what was acknowledged longer ago is not sent again.
KEEP_S = 30.0


class Timeless:
    """Digests of one session's last timeless messages, at most an in-flight window of them."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._seen: deque[tuple[float, bytes]] = deque(maxlen=window)
        self._expected: Counter[bytes] = Counter()
        self._left = 0

    def load(self, digests: bytes) -> None:
        """Take over what the slot's last holder committed."""
        now = time.monotonic()
        for start in range(0, len(digests), DIGEST_BYTES):
            self._seen.append((now, digests[start : start + DIGEST_BYTES]))

    def resumed(self, open_since: float) -> None:
        """A session was resumed: until a window has passed, what was seen lately is expected again.

        `open_since`: since when the oldest message waits for its commit (monotonic seconds).
        """
        self._forget_before(open_since)
        self._left = self._window
        self._expected = Counter(digest for _, digest in self._seen)

    def passed(self) -> None:
        """A message of the session arrived, timeless or not."""
        if self._left:
            self._left -= 1
            if not self._left:
                self._expected.clear()

    def is_repeat(self, digest: bytes) -> bool:
        """Whether a timeless message was sent before; remembers it."""
        if self._left and self._expected[digest] > 0:
            self._expected[digest] -= 1
            return True
        self._seen.append((time.monotonic(), digest))
        return False

    def kept(self, since: float, later: int = 0) -> bytes:
        """What the transaction of a batch writes down that has been open `since` then (monotonic seconds).

        The last `later` are of messages that came already and are not in that batch.
        """
        self._forget_before(since)
        digests = [digest for _, digest in self._seen]
        return b"".join(digests[: max(len(digests) - later, 0)])

    def _forget_before(self, since: float) -> None:
        limit = since - KEEP_S
        while self._seen and self._seen[0][0] < limit:
            self._seen.popleft()
