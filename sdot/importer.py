"""`sdot import`: files of readings into the database, and an account of what became of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from city import db
from city.errors import TableError
from city.exchange import ROLLED, Level
from city.exchange_file import ExchangeFile
from city.pack import CityPack, load_pack
from city.readings import Readings, Refused
from city.settings import Settings, require
from ingest.fold import Outcome
from ingest.intake import Intake, Source, Taken, Terms
from ingest.tally import OUTCOMES
from maintain.imported import Counts
from sdot.files import File, known, opened, state_of
from sdot.older import WHY, Older
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
    #: readings older than is kept, of which hours and days were made; and rows of hours and days themselves
    below: int = 0
    rollup_rows: int = 0
    #: level → what became of its rows
    levels: dict[str, Counts] = field(default_factory=dict)
    #: why rows of hours and days were left out → how many
    left_out: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def taken(self) -> bool:
        """Whether anything was: a reading, or an hour or day."""
        rolled = any(one.stored + one.revised + one.same + one.computed for one in self.levels.values())
        return rolled or self.below > 0 or self.outcomes[Outcome.QUARANTINED] != self.readings

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
        self.below += len(taken.below) if taken.below is not None else 0
        self.registered += taken.registered
        for one in sorted(taken.refused, key=lambda one: one.line):
            self._add_reason(file, one)
        if len(readings):
            first, last = (_utc(one) for one in (readings.times.min(), readings.times.max()))
            self.span = (min(self.span[0], first), max(self.span[1], last)) if self.span else (first, last)

    def close(self, intake: Intake, older: Older) -> None:
        """Count what became of hours and days."""
        self.registered += intake.registered
        self.levels, self.left_out = dict(older.counts), older.refused

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
    rollups: bool = False,
) -> Account:
    """Import files, in the order given; TableError where one cannot be read at all.

    With `rollups`, what is older than raw readings are kept comes in as hours and days.
    """
    pack = load_pack(settings.city)
    files = known(settings, pack, paths, columns, exports=True)
    for file in files:
        _check(file, pack, rollups=rollups)
    account, started = Account(), time.perf_counter()
    url = require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL")
    with db.connect(url, "sdot import", bounded=False) as conn, db.told("the import ended early"):
        intake = Intake(conn, pack, Terms(state_of(settings, verified=verified), settings.retention, rollups))
        with closing(Older(url, pack, intake)) as older:
            _Import(intake, pack, older, account, dry=dry).all(files)
            account.close(intake, older)
        if not dry and account.outcomes[Outcome.STORED]:
            conn.execute(db.statement("analyze_readings"))
    account.seconds = time.perf_counter() - started
    return account


def _check(file: File, pack: CityPack, *, rollups: bool) -> None:
    """TableError where an export cannot be taken at all."""
    if file.level is None:
        return
    told = ExchangeFile(file.path, file.level, pack.catalogue).told
    if told is not None and told.city not in ("", pack.name):
        raise TableError(
            f"{file.path.name} is of the city {told.city!r}, and this database's is {pack.name!r}"
        )
    if file.level is Level.RAW:
        return
    if file.level not in ROLLED:
        raise TableError(
            f"{file.path.name} holds {file.level}, which is computed from readings only; "
            f"export --level raw, or one of {', '.join(ROLLED)}"
        )
    if not rollups:
        raise TableError(
            f"{file.path.name} holds {file.level}: figures are computed from readings here, and below the horizon, from "
            "which raw readings are kept, nothing can be computed again; `sdot import --rollups` takes them there, "
            "marked as imported"
        )


class _Import:
    """The files of one import."""

    def __init__(self, intake: Intake, pack: CityPack, older: Older, account: Account, *, dry: bool) -> None:
        self._intake, self._pack, self._older, self._account = intake, pack, older, account
        self._dry = dry

    def all(self, files: Sequence[File]) -> None:
        """One after another, then what was too old to be stored."""
        with progress("Reading" if self._dry else "Importing") as tell:
            for number, file in enumerate(files):
                one = self._rollup if file.level in ROLLED else self._one
                one(file, _share(tell, number, len(files)))
        if self._account.below and not self._dry:
            with progress("Rolling up") as tell:
                self._older.roll(tell)

    def _one(self, file: File, tell: Tell) -> None:
        name = file.path.name.encode(errors="replace").decode()
        source = Source(f"import/{name}", file.name)
        with opened(file, self._pack) as table:
            for readings in table.readings:
                taken = self._intake.look(readings) if self._dry else self._intake.take(readings, source)
                if taken.below is not None and not self._dry:
                    self._older.stage(taken.below)
                self._account.add(name, readings, taken)
                tell(table.done(), self._account.rows)
            tell(1.0, self._account.rows)
            self._account.files.append((name, file.name, table.encoding(), table.ignored))

    def _rollup(self, file: File, tell: Tell) -> None:
        assert file.level is not None  # which led here
        with ExchangeFile(file.path, file.level, self._pack.catalogue) as table:
            rows = 0 if self._dry else self._older.take(table, tell)
            self._account.rollup_rows += rows
            self._account.files.append((file.path.name, file.name, table.encoding, table.ignored))


def _share(tell: Tell, number: int, files: int) -> Tell:
    return lambda part, rows: tell((number + part) / files, rows)


def told(account: Account, pack_zone: Any, *, dry: bool = False) -> Iterator[str]:
    """The account in lines."""
    yield from map(_told_file, account.files)
    if account.span:
        first, last = (one.astimezone(pack_zone) for one in account.span)
        yield f"{account.rows:,} rows, from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} ({pack_zone})"
    elif account.rows or not account.rollup_rows:
        yield f"{account.rows:,} rows"
    if account.rows or not account.rollup_rows:
        yield _told_outcomes(account, dry=dry)
    yield from _told_older(account, dry=dry)
    if account.registered:
        yield f"{len(account.registered):,} sensors {'would be new' if dry else 'are new'}: {_some(account.registered)}"
    if account.flagged:
        yield f"{account.flagged:,} values outside what is plausible: flagged, left out of every figure"
    if account.unmapped:
        yield f"{account.unmapped:,} rows of metrics that the map does not name were left out"
    yield from _told_reasons(account.reasons)
    rate = (account.rows + account.rollup_rows) / account.seconds if account.seconds else 0
    yield f"{account.seconds:.1f} s, {rate:,.0f} rows/s"


def _told_file(file: tuple[str, str, str, tuple[str, ...]]) -> str:
    name, layout, encoding, ignored = file
    return f"{name}: {layout}, {encoding}" + (f"; not read: {', '.join(ignored)}" if ignored else "")


def _told_outcomes(account: Account, *, dry: bool) -> str:
    stored, revised, duplicate, quarantined, _ = account.outcomes
    if dry:
        return f"{stored:,} readings can be taken, {quarantined:,} would be quarantined; nothing was written"
    return f"{stored:,} stored, {revised:,} revised, {duplicate:,} duplicate, {quarantined:,} quarantined"


def _told_older(account: Account, *, dry: bool) -> Iterator[str]:
    if account.below:
        done = "would count" if dry else "count"
        yield f"{account.below:,} readings are older than raw readings are kept: they {done} in hours and days only"
    for level, one in account.levels.items():
        parts = [
            (one.stored, "imported"), (one.revised, "replaced what was imported before"), (one.same, "there already"),
            (one.computed, "left out: computed here from readings"),
            (one.misplaced, "left out: not below what raw readings are kept, or no bucket of this city's clock"),
        ]  # fmt: skip
        if told := ", ".join(f"{number:,} {what}" for number, what in parts if number):
            yield f"{level}: {told}"
    for code, number in account.left_out.items():
        yield f"{number:,} rows left out: {WHY[code]}"


def _told_reasons(reasons: dict[str, Reason]) -> Iterator[str]:
    for code, reason in sorted(reasons.items(), key=lambda item: -item[1].count):
        places = ", ".join(f"{file} line {line:,}" for file, line in reason.lines)
        more = f" and {reason.count - len(reason.lines):,} more" if reason.count > len(reason.lines) else ""
        yield f"refused, {code}: {reason.count:,} ({places}{more}): {reason.sample}"


def _some(serials: Iterable[str]) -> str:
    names = list(serials)
    return ", ".join(names[:NAMED_LINES]) + (" …" if len(names) > NAMED_LINES else "")
