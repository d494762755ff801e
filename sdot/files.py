"""Files of readings on the command line: their layouts found before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from city.layout import Layout, read_layout
from city.pack import CityPack
from city.settings import Settings
from city.tables import layout_of, pack_layouts
from ingest.registry import State
from ingest.writer import rules_of


@dataclass(frozen=True, slots=True)
class File:
    """A file and how it is read."""

    path: Path
    layout: Layout


def known(settings: Settings, pack: CityPack, paths: Sequence[Path], columns: Path | None) -> list[File]:
    """All files with their layouts; TableError at the first that has none, so that nothing is half done."""
    given = read_layout(columns, pack.catalogue) if columns else None
    layouts = () if given else pack_layouts(settings.city, pack.catalogue)
    return [File(path, layout_of(path, layouts, given)) for path in paths]


def state_of(settings: Settings, *, verified: bool) -> State | None:
    """What an unknown serial of a file becomes, None where it is refused; `verified`: somebody vouches for the file."""
    return "verified" if verified else rules_of(settings).register
