"""Which layout a file has: those of the city pack, known by their columns, or the one a person gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from city.errors import TableError
from city.layout import Layout, Names, place_of, read_layout
from city.metrics import Catalogue
from city.pack import folder_of
from city.table import Table

#: Folder of a pack's layouts.
FOLDER = "tables"
#: So many columns of a file are named in an error.
_NAMED = 12


def pack_layouts(city: str | Path, catalogue: Catalogue) -> tuple[Layout, ...]:
    """The layouts of a city pack, by name."""
    return tuple(read_layout(path, catalogue) for path in sorted(folder_of(city).glob(f"{FOLDER}/*.toml")))


def open_table(path: Path, layout: Layout | None = None) -> Table:
    """A file as a layout reads it; without one as CSV with a comma and a header."""
    if layout is None:
        return Table(path)
    return Table(path, layout.encodings, layout.delimiter, layout.skip, layout.header)


def recognised(header: Sequence[str], layouts: Sequence[Layout]) -> Layout | None:
    """The layout all of whose needed columns are there, the one that reads most where several are."""
    fitting = [layout for layout in layouts if not _lacking(layout, header)]
    return max(fitting, key=lambda layout: _read(layout, header), default=None)


def layout_of(path: Path, layouts: Sequence[Layout], given: Layout | None = None) -> Layout:
    """The layout of a file; TableError names the nearest one and what differs."""
    with open_table(path, given) as table:
        header = table.header
    if given is not None:
        if lacking := _lacking(given, header):
            raise TableError(
                f"{path.name} has no column {_named(lacking)}, which {given.name} maps; it has {_shown(header)}"
            )
        return given
    found = recognised(header, layouts)
    if found is None:
        raise TableError(f"{path.name} is of no layout this city knows. {_nearest(header, layouts)}{_HELP}")
    return found


_HELP = "Describe its columns in a map and give it with --columns map.toml (docs/import.md)."


def _nearest(header: Sequence[str], layouts: Sequence[Layout]) -> str:
    shown = f"It has the columns {_shown(header)}. "
    near = max(layouts, key=lambda layout: _read(layout, header), default=None)
    if near is None or not _read(near, header):
        return shown
    return f"Nearest is {near.name}, of which it lacks {_named(_lacking(near, header))}. {shown}"


def _lacking(layout: Layout, header: Sequence[str]) -> list[Names]:
    return [names for names in layout.needed if place_of(names, header) is None]


def _read(layout: Layout, header: Sequence[str]) -> int:
    return sum(place_of(names, header) is not None for names in layout.used)


def _named(columns: Sequence[Names]) -> str:
    return ", ".join(" or ".join(names) for names in columns)


def _shown(header: Sequence[str]) -> str:
    more = len(header) - _NAMED
    return ", ".join(header[:_NAMED]) + (f" and {more} more" if more > 0 else "")
