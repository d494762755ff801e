"""The product where another user can run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers.missing import Missing
from tests.servers.process import ROOT

NOBODY = 65534


def readable_python(source: Path) -> tuple[str, str]:
    """An interpreter of this version that every user can run, and its PYTHONPATH with what is installed here.

    The checkout may lie where nobody else gets in: its packages are copied to `source`.
    """
    for package in ("city", "dashboard", "ingest", "maintain", "sdot", "simulator", "sql"):
        shutil.copytree(ROOT / package, source / package)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    here = os.pathsep.join(entry for entry in sys.path if "site-packages" in entry)
    path = os.pathsep.join([str(source), here])
    for program in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}", "/usr/bin/python3"):
        probe = [program, "-c", "import psycopg, dash"]
        try:
            done = subprocess.run(
                probe, user=NOBODY, env={"PYTHONPATH": path}, cwd="/", capture_output=True, check=False
            )
        except OSError:
            continue
        if done.returncode == 0:
            return program, path
    raise Missing(f"no {name} that another user can run with the packages installed here")
