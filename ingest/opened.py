"""The open batch: messages that arrived and are not committed, and the acknowledgements that wait for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ingest.message import Delivery, Message

#: A message weighs as many readings as it has times these bytes (about what one takes in memory).
READING_BYTES = 2048


@dataclass(slots=True)
class Open:
    """The open batch."""

    messages: list[Message] = field(default_factory=list)
    #: to be acknowledged after the commit, in the order in which they came
    deliveries: list[Delivery] = field(default_factory=list)
    #: readings, or more where a message is large: what fills a batch
    weight: int = 0
    since: float = 0.0

    def add(self, message: Message) -> None:
        """Take a message in."""
        if not self.messages:
            self.since = time.monotonic()
        self._hold(message)
        self.deliveries.append(message.delivery)

    def _hold(self, message: Message) -> None:
        self.messages.append(message)
        self.weight += max(len(message), 1, len(message.payload) // READING_BYTES)

    def without(self, link: int | None) -> Open:
        """The same without one session's messages, which that session's next holder gets again."""
        return self._of(
            [message for message in self.messages if message.delivery.link != link],
            [delivery for delivery in self.deliveries if delivery.link != link],
        )

    def split(self, count: int) -> tuple[Open, Open]:
        """The first `count` messages and the rest."""
        first, rest = self.messages[:count], self.messages[count:]
        if not rest:
            return self, Open()
        border = next(i for i, delivery in enumerate(self.deliveries) if delivery is rest[0].delivery)
        return self._of(first, self.deliveries[:border]), self._of(rest, self.deliveries[border:])

    def _of(self, messages: list[Message], deliveries: list[Delivery]) -> Open:
        part = Open(deliveries=deliveries, since=self.since)
        for message in messages:
            part._hold(message)
        return part

    def timeless(self, link: int) -> int:
        """How many digests of a session's messages are remembered because of these."""
        mine = (message for message in self.messages if message.delivery.link == link)
        return sum(message.digest is not None and not message.repeated for message in mine)

    @property
    def links(self) -> set[int]:
        """Numbers of the sessions that wait for this batch."""
        return {message.delivery.link for message in self.messages}
