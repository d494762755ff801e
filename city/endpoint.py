"""/metrics, /healthz and /readyz of a long-running program, from a thread that only reads."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

log = logging.getLogger("city.endpoint")

#: Tells how the program stands; `ready` decides the status code of /readyz.
Standing = Callable[[], dict[str, Any]]


def serve(host: str, port: int, registry: CollectorRegistry, standing: Standing) -> int | None:
    """Answer on host:port, or on the next free of ten ports; returns the port, None where all are taken."""
    handler = _handler(registry, standing)
    for candidate in range(port, port + 10):
        try:
            server = ThreadingHTTPServer((host, candidate), handler)
        except OSError:
            continue
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="endpoint", daemon=True).start()
        return candidate
    log.warning("no free port for /metrics from %s to %s on %s; going on without", port, port + 9, host)
    return None


def _handler(registry: CollectorRegistry, standing: Standing) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "sdot", ""

        def do_GET(self) -> None:
            if self.path == "/metrics":
                standing()  # brings the gauges up to date
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
            elif self.path == "/healthz":
                self._answer(200, "application/json", b'{"alive": true}')
            elif self.path == "/readyz":
                state = standing()
                self._answer(200 if state["ready"] else 503, "application/json", json.dumps(state).encode())
            else:
                self._answer(404, "text/plain", b"/metrics, /healthz or /readyz\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Probes every few seconds are no news."""

    return Handler
