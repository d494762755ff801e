"""`sdot import`: files of readings into the database, and an account of what became of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from city import db
from city.pack import CityPack, load_pack
from city.readings import Readings, Refused
from city.rows import RowReader
from city.settings import Settings, require
from city.tables import open_table
from ingest.fold import Outcome
from ingest.intake import Intake, Source, Taken, Terms
from ingest.tally import OUTCOMES
from sdot.files import File, known, state_of
from sdot.progress import Tell, progress

#: So many lines of a reason are named.
NAMED_LINES = 3


@dataclass
class Reason:
    """Why rows were refused."""

    count: int = 0
    #: the first (file, line) of them
    lines: list[tuple[str, int]] = field(default_factory=list)
    #: what the first of them was told
    sample: str = ""


@dataclass
class Account:
    """What became of all files."""

    rows: int = 0
    outcomes: list[int] = field(default_factory=lambda: [0] * OUTCOMES)
    flagged: int = 0
    registered: list[str] = field(default_factory=list)
    unmapped: int = 0
    #: code → why rows were refused
    reasons: dict[str, Reason] = field(default_factory=dict)
    #: time of the first and of the last reading
    span: tuple[datetime, datetime] | None = None
    #: file → its layout, encoding and columns that were not read
    files: list[tuple[str, str, str, tuple[str, ...]]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def readings(self) -> int:
        """Readings of all outcomes."""
        return sum(self.outcomes)

    def add(self, file: str, readings: Readings, taken: Taken) -> None:
        """Count a chunk."""
        self.rows += readings.rows
        self.unmapped += readings.unmapped
        self.outcomes = [a + b for a, b in zip(self.outcomes, taken.outcomes, strict=True)]
        self.flagged += taken.flagged
        self.registered += taken.registered
        for one in sorted(taken.refused, key=lambda one: one.line):
            self._add_reason(file, one)
        if len(readings):
            first, last = (_utc(one) for one in (readings.times.min(), readings.times.max()))
            self.span = (min(self.span[0], first), max(self.span[1], last)) if self.span else (first, last)

    def _add_reason(self, file: str, one: Refused) -> None:
        reason = self.reasons.setdefault(one.code, Reason(sample=one.text))
        reason.count += 1
        if len(reason.lines) < NAMED_LINES:
            reason.lines.append((file, one.line))


def _utc(time: Any) -> datetime:
    return datetime.fromtimestamp(time.astype("datetime64[us]").astype("int64") / 1e6, UTC)


def run(
    settings: Settings,
    paths: Sequence[Path],
    columns: Path | None = None,
    *,
    dry: bool = False,
    verified: bool = False,
) -> Account:
    """Import files, in the order given; TableError where one cannot be read at all."""
    pack = load_pack(settings.city)
    files = known(settings, pack, paths, columns)
    account, started = Account(), time.perf_counter()
    url = require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL")
    with db.connect(url, "sdot import", bounded=False) as conn, db.told("the import ended early"):
        intake = Intake(conn, pack, Terms(state_of(settings, verified=verified), settings.retention))
        with progress("Reading" if dry else "Importing") as tell:
            for number, file in enumerate(files):
                _one(intake, pack, file, account, _share(tell, number, len(files)), dry=dry)
        if not dry and account.outcomes[Outcome.STORED]:
            conn.execute(db.statement("analyze_readings"))
    account.seconds = time.perf_counter() - started
    return account


def _share(tell: Tell, number: int, files: int) -> Tell:
    return lambda part, rows: tell((number + part) / files, rows)


def _one(intake: Intake, pack: CityPack, file: File, account: Account, tell: Tell, *, dry: bool) -> None:
    name = file.path.name.encode(errors="replace").decode()
    source = Source(f"import/{name}", file.layout.name)
    with open_table(file.path, file.layout) as table:
        reader = RowReader(file.layout, table.header, pack)
        for readings in reader.all(table):
            taken = intake.look(readings) if dry else intake.take(readings, source)
            account.add(name, readings, taken)
            tell(table.done, account.rows)
        tell(1.0, account.rows)
        account.files.append((name, file.layout.name, table.encoding, reader.ignored))


def told(account: Account, pack_zone: Any, *, dry: bool = False) -> Iterator[str]:
    """The account in lines."""
    yield from map(_told_file, account.files)
    if account.span:
        first, last = (one.astimezone(pack_zone) for one in account.span)
        yield f"{account.rows:,} rows, from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} ({pack_zone})"
    else:
        yield f"{account.rows:,} rows"
    yield _told_outcomes(account, dry=dry)
    if account.registered:
        yield f"{len(account.registered):,} sensors {'would be new' if dry else 'are new'}: {_some(account.registered)}"
    if account.flagged:
        yield f"{account.flagged:,} values outside what is plausible: flagged, left out of every figure"
    if account.unmapped:
        yield f"{account.unmapped:,} rows of metrics that the map does not name were left out"
    yield from _told_reasons(account.reasons)
    rate = account.rows / account.seconds if account.seconds else 0
    yield f"{account.seconds:.1f} s, {rate:,.0f} rows/s"


def _told_file(file: tuple[str, str, str, tuple[str, ...]]) -> str:
    name, layout, encoding, ignored = file
    return f"{name}: {layout}, {encoding}" + (f"; not read: {', '.join(ignored)}" if ignored else "")


def _told_outcomes(account: Account, *, dry: bool) -> str:
    stored, revised, duplicate, quarantined, _ = account.outcomes
    if dry:
        return f"{stored:,} readings can be taken, {quarantined:,} would be quarantined; nothing was written"
    return f"{stored:,} stored, {revised:,} revised, {duplicate:,} duplicate, {quarantined:,} quarantined"


def _told_reasons(reasons: dict[str, Reason]) -> Iterator[str]:
    for code, reason in sorted(reasons.items(), key=lambda item: -item[1].count):
        places = ", ".join(f"{file} line {line:,}" for file, line in reason.lines)
        more = f" and {reason.count - len(reason.lines):,} more" if reason.count > len(reason.lines) else ""
        yield f"refused, {code}: {reason.count:,} ({places}{more}): {reason.sample}"


def _some(serials: Iterable[str]) -> str:
    names = list(serials)
    return ", ".join(names[:NAMED_LINES]) + (" …" if len(names) > NAMED_LINES else "")
