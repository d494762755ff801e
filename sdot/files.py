"""Files of readings on the command line: what each is, found before anything is done, and its readings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from city.errors import TableError
from city.exchange import Level
from city.exchange_file import ExchangeFile, exported_level
from city.exported_readings import readings_of
from city.layout import Layout, read_layout
from city.pack import CityPack
from city.readings import Readings
from city.rows import RowReader
from city.settings import Settings
from city.tables import layout_of, open_table, pack_layouts
from ingest.registry import State
from ingest.writer import rules_of


@dataclass(frozen=True, slots=True)
class File:
    """A file and how it is read."""

    path: Path
    #: None: an export of ours
    layout: Layout | None
    #: of an export
    level: Level | None = None

    @property
    def name(self) -> str:
        """Name of the layout, as quarantine tells it."""
        return self.layout.name if self.layout else f"export-{self.level}"


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is being read."""

    readings: Iterator[Readings]
    #: how much of it is read, 0 to 1
    done: Callable[[], float]
    encoding: Callable[[], str]
    #: columns that are not read
    ignored: tuple[str, ...]


def known(
    settings: Settings, pack: CityPack, paths: Sequence[Path], columns: Path | None, *, exports: bool = False
) -> list[File]:
    """All files with their layouts; TableError at the first that has none, so that nothing is half done.

    Those that `sdot export` wrote are known as such where `exports` are wanted.
    """
    given = read_layout(columns, pack.catalogue) if columns else None
    layouts = () if given else pack_layouts(settings.city, pack.catalogue)
    found = []
    for path in paths:
        level = None if given else exported_level(path)
        if level is not None and not exports:
            raise TableError(f"{path.name} is an export of this product; `sdot import` takes it back")
        found.append(File(path, None if level else layout_of(path, layouts, given), level))
    return found


@contextmanager
def opened(file: File, pack: CityPack) -> Iterator[Opened]:
    """The readings of a file, chunk by chunk."""
    if file.layout is None:
        level = file.level or Level.RAW
        with ExchangeFile(file.path, level, pack.catalogue) as export:
            yield Opened(
                readings_of(export, pack.catalogue),
                lambda: export.done,
                lambda: export.encoding,
                export.ignored,
            )
        return
    with open_table(file.path, file.layout) as table:
        reader = RowReader(file.layout, table.header, pack)
        yield Opened(reader.all(table), lambda: table.done, lambda: table.encoding, reader.ignored)


def state_of(settings: Settings, *, verified: bool) -> State | None:
    """What an unknown serial of a file becomes, None where it is refused; `verified`: somebody vouches for the file."""
    return "verified" if verified else rules_of(settings).register
