"""A TCP proxy between two parts of the product that a test can pause, hold in one direction, and cut.

What is *held* is read and kept, so that a test sees that it was sent and that it has not arrived: a process killed while
its direction is held has sent in vain once the proxy is cut.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Literal, Self

#: `up` is from who connected to who listens; `down` the way back.
Direction = Literal["up", "down"]

#: Kept of a held direction before its sender feels back-pressure, bytes.
HELD_BYTES = 16 * 1024 * 1024


class _Pipe:
    """One direction of one connection, pumped by a thread of its own."""

    def __init__(self, direction: Direction, source: socket.socket, sink: socket.socket, held: bool) -> None:
        self.direction = direction
        self.source, self.sink = source, sink
        self.kept = bytearray()
        self.held = held
        self.ended = False
        self.closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"proxy {direction}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # reset by either end, or cut by us
            while data := self.source.recv(65536):
                if not self._keep(data):
                    self.sink.sendall(data)
        with self._changed:
            self.ended = True
            if not self.held:
                self._finish()

    def _keep(self, data: bytes) -> bool:
        with self._changed:
            if self.held:
                self.kept += data
                self._changed.wait_for(lambda: not self.held or self.closed or len(self.kept) < HELD_BYTES)
                return True
            return False

    def hold(self) -> None:
        with self._changed:
            self.held = True

    def release(self) -> None:
        with self._changed:
            with contextlib.suppress(OSError):
                self.sink.sendall(self.kept)
            self.kept.clear()
            self.held = False
            if self.ended:
                self._finish()
            self._changed.notify_all()

    def cut(self) -> None:
        with self._changed:
            self.kept.clear()
            self.closed = True
            for each in (self.source, self.sink):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
            self._changed.notify_all()

    def _finish(self) -> None:
        with contextlib.suppress(OSError):
            self.sink.shutdown(socket.SHUT_WR)

    def join(self) -> None:
        self._thread.join(10)
        self.source.close()


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on to `target`, a port of 127.0.0.1."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._held: set[Direction] = set()
        self._refusing = False
        self._pipes: list[_Pipe] = []
        self._thread = threading.Thread(target=self._accept, name=f"proxy {self.port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hold(self, *directions: Direction) -> None:
        """Keep what comes in these directions, of all connections, instead of passing it on."""
        with self._lock:
            self._held.update(directions)
            for pipe in self._pipes:
                if pipe.direction in directions:
                    pipe.hold()

    def release(self, *directions: Direction) -> None:
        """Pass on what was kept in these directions, and everything from now on."""
        with self._lock:
            self._held.difference_update(directions)
            for pipe in self._pipes:
                if pipe.direction in directions:
                    pipe.release()

    def pause(self) -> None:
        """Hold both directions: a network that hangs, where nothing is refused and nothing arrives."""
        self.hold("up", "down")

    def go_on(self) -> None:
        """End a pause."""
        self.release("up", "down")

    def cut(self) -> None:
        """Close every connection and throw away what was kept; new ones are accepted."""
        with self._lock:
            pipes, self._pipes = self._pipes, []
        for pipe in pipes:
            pipe.cut()
        for pipe in pipes:
            pipe.join()

    def strand(self) -> None:
        """Half-open: what is connected now stays so, and nothing of it ever arrives; new connections are served."""
        with self._lock:
            for pipe in self._pipes:
                pipe.hold()

    def refuse(self) -> None:
        """Cut, and hang up on whoever connects."""
        self._refusing = True
        self.cut()

    def serve(self) -> None:
        """End a refusal."""
        self._refusing = False

    def kept(self, direction: Direction) -> list[bytes]:
        """What is held back now in that direction, of each connection since the last cut, in the order they were made."""
        with self._lock:
            return [bytes(pipe.kept) for pipe in self._pipes if pipe.direction == direction]

    def close(self) -> None:
        """Stop listening and close all connections."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._thread.join(10)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                near, _ = self._listener.accept()
                self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        if self._refusing:
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            near.close()  # as the server itself would refuse
            return
        for each in (near, far):
            each.settimeout(None)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            pair = [
                _Pipe("up", near, far, "up" in self._held),
                _Pipe("down", far, near, "down" in self._held),
            ]
            self._pipes += pair
        for pipe in pair:
            pipe.start()
