"""Node-RED (npm, Apache-2.0): mqtt in, JSON, and a function that inserts with `pg`.

The node for PostgreSQL that npm has (node-red-contrib-re-postgres 0.1.10) brings pg 6, too old for today's node; so a function
with the module `pg` inserts.
"""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path

from benchmarks.load import METRICS
from benchmarks.peers.peer import TABLE, TOPIC, Peer, Where, node_with

PACKAGES = ("node-red@4.1.15", "pg@8.23.1")
CLIENT_ID = "peer-node-red"
#: Connections of its pool: as many statements are on their way at once.
POOL = 10
INSERT = (
    f"INSERT INTO {TABLE} (serial, at, {', '.join(METRICS)})"
    f" VALUES ({', '.join(f'${number + 1}' for number in range(len(METRICS) + 2))})"
)
START = f"context.set('pool', new pg.Pool({{connectionString: env.get('DSN'), max: {POOL}}}));"
STORE = f"""
const one = msg.payload;
const values = [one.serial, one.time, {", ".join(f"one.{name}" for name in METRICS)}];
await context.get('pool').query({{name: 'store', text: '{INSERT}', values}});
"""


def flow(port: int) -> list[dict]:
    """mqtt in (QoS 1, a session that is kept) to the function."""
    return [
        {"id": "tab", "type": "tab", "label": "bench"},
        {
            "id": "broker",
            "type": "mqtt-broker",
            "broker": "127.0.0.1",
            "port": str(port),
            "clientid": CLIENT_ID,
            "autoConnect": True,
            "cleansession": False,
            "protocolVersion": "4",
            "keepalive": "60",
        },
        {
            "id": "in",
            "type": "mqtt in",
            "z": "tab",
            "topic": TOPIC,
            "qos": "1",
            "datatype": "json",
            "broker": "broker",
            "inputs": 0,
            "wires": [["store"]],
        },
        {
            "id": "store",
            "type": "function",
            "z": "tab",
            "func": STORE,
            "initialize": START,
            "libs": [{"var": "pg", "module": "pg"}],
            "outputs": 0,
            "wires": [],
        },
    ]


def _settings(where: Where) -> str:
    return f"""module.exports = {{
  uiHost: "127.0.0.1", uiPort: 0, httpAdminRoot: false, httpNodeRoot: false, flowFile: "flow.json",
  credentialSecret: "{secrets.token_hex(8)}", functionExternalModules: true,
  externalModules: {{autoInstall: false, modules: {{allowInstall: false}}}},
  logging: {{console: {{level: "warn", metrics: false, audit: false}}}},
}};
process.env.DSN = {json.dumps(where.dsn)};
"""


def _command(installed: Path, where: Where) -> list[str]:
    (where.folder / "flow.json").write_text(json.dumps(flow(where.port)))
    (where.folder / "settings.js").write_text(_settings(where))
    (where.folder / "package.json").write_text(json.dumps({"name": "bench", "dependencies": {"pg": "*"}}))
    modules = where.folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(installed / "node_modules")
    program = installed / "node_modules" / "node-red" / "red.js"
    return [shutil.which("node") or "node", str(program), "--userDir", str(where.folder), "--settings",
            str(where.folder / "settings.js")]  # fmt: skip


PEER = Peer(
    f"Node-RED {PACKAGES[0].partition('@')[2]}, an INSERT a message",
    CLIENT_ID,
    lambda folder: node_with(PACKAGES, folder / "node-red"),
    _command,
)
