"""A layout: how the rows of a CSV file become readings. Read from TOML; docs/import.md tells each key."""

from __future__ import annotations

import codecs
import difflib
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

from city.errors import TableError
from city.instants import check_format
from city.keys import Keys
from city.metrics import Catalogue
from city.reading import MAX_REVISION
from city.units import conversion

#: Names that mean one column; a file has one of them.
Names = tuple[str, ...]
#: A text of literal parts and of columns.
Template = tuple[str | Names, ...]

#: What stands in a cell for "not measured", unless a layout says otherwise.
MISSING = ("", "-", "NA", "N/A", "NaN", "nan", "null", "NULL")
#: Tried in order where a file is not plain ASCII and starts with no byte-order mark.
ENCODINGS = ("utf-8", "cp949")
#: Formats of time that a layout need not name; what stands in brackets may be missing.
FORMATS = (
    "%Y-%m-%dT%H:%M[:%S[.%f]][%z]",
    "%Y-%m-%d %H:%M[:%S[.%f]][%z]",
    "%Y-%m-%d_%H[:%M[:%S]]",
    "%Y/%m/%d %H:%M[:%S]",
    "%Y.%m.%d %H:%M[:%S]",
    "%Y%m%d%H%M[%S]",
)
#: In a template it stands for the code of the row's district.
DISTRICT = "district"
DESCRIPTION = ("district", "latitude", "longitude", "model", "kind")
_EVERYTHING = (float("-inf"), float("inf"))


@dataclass(frozen=True, slots=True)
class SerialRule:
    """Whose reading a row is."""

    template: Template
    #: digits alone are filled up with zeros to this length; 0: left as they are
    zero_pad: int = 0
    #: text of the file → serial
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TimeRule:
    """When a row was measured, or registered."""

    #: columns joined by a space
    columns: tuple[Names, ...]
    formats: tuple[str, ...]
    #: IANA name for texts without offset; None: the city's
    zone: str | None = None
    #: added to what stands there: −1 h where a file names the hour's end
    shift: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class RevisionRule:
    """Which of two rows of one sensor and instant holds: the higher rank, then the later time."""

    rank: Names | None
    #: texts of the column, the lowest rank first
    ranks: tuple[str, ...]
    time: TimeRule | None

    @property
    def span(self) -> int:
        """Revisions of one rank; a time's seconds since 2000 are divided by the number of ranks, so all fit."""
        return (MAX_REVISION + 1) // max(len(self.ranks), 1)


@dataclass(frozen=True, slots=True)
class MetricRule:
    """Where a metric's number stands, and what it is in the catalogue's unit."""

    key: str
    #: its column; of a long layout, the texts that name it
    column: Names
    factor: float
    offset: float
    #: as it stands in the file: outside is no measurement
    low: float
    high: float
    missing: frozenset[str]
    #: a file without it is of this layout all the same
    optional: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of one kind of file become readings."""

    name: str
    encodings: tuple[str, ...]
    delimiter: str
    #: decimal point
    decimal: str
    #: lines before the header
    skip: int
    #: names of the columns where the file has none
    header: tuple[str, ...]
    missing: frozenset[str]
    #: a cell of nothing but this character is missing, too
    filler: str
    serial: SerialRule
    time: TimeRule
    revision: RevisionRule | None
    #: district, latitude … → its column, or a text that holds for all rows
    about: Mapping[str, Names | str]
    #: columns of a long layout: the metric's name, and its number
    long: tuple[Names, Names] | None
    metrics: tuple[MetricRule, ...]

    @property
    def needed(self) -> tuple[Names, ...]:
        """Columns without which a file is of another layout."""
        needed = [self._column(part) for part in self.serial.template if not isinstance(part, str)]
        needed += self.time.columns
        if self.long:
            return (*needed, *self.long)
        return (*needed, *(metric.column for metric in self.metrics if not metric.optional))

    def _column(self, part: Names) -> Names:
        """The column that a part of the serial's template means."""
        district = self.about.get("district")
        return district if part == (DISTRICT,) and isinstance(district, tuple) else part

    @property
    def used(self) -> tuple[Names, ...]:
        """All columns that mean something."""
        about = [names for names in self.about.values() if not isinstance(names, str)]
        revision: list[Names] = []
        if self.revision is not None:
            revision += [self.revision.rank] if self.revision.rank else []
            revision += self.revision.time.columns if self.revision.time else ()
        metrics = () if self.long else tuple(metric.column for metric in self.metrics)
        return tuple(dict.fromkeys((*self.needed, *metrics, *about, *revision)))


def plain_column(name: str) -> str:
    """A column's name as it is compared: spaces, case and width do not matter."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split()).strip("\ufeff")


def place_of(names: Names, header: Sequence[str]) -> int | None:
    """Index of the column of any of these names, None where the header has none."""
    plain = [plain_column(name) for name in header]
    return next((plain.index(one) for one in map(plain_column, names) if one in plain), None)


def read_layout(path: Path, catalogue: Catalogue) -> Layout:
    """The layout in a TOML file; TableError says what is wrong with it."""
    try:
        return parse_layout(path.read_text(encoding="utf-8-sig"), path.stem, catalogue)
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TableError(f"{path.name} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise TableError(f"{path.name}: {error}; docs/import.md describes such a map") from None


def parse_layout(text: str, name: str, catalogue: Catalogue) -> Layout:
    """The layout of a TOML text; ValueError says what is wrong with it."""
    given = Keys("", tomllib.loads(text))
    missing, metrics = given.texts("missing", MISSING), given.table("metrics")
    layout = Layout(
        name=given.text("name", name),
        encodings=given.texts("encodings", ENCODINGS),
        delimiter=given.text("delimiter", ","),
        decimal=given.text("decimal", "."),
        skip=given.whole("skip", 0),
        header=given.texts("header", ()),
        missing=frozenset(missing),
        filler=given.text("filler", ""),
        serial=_serial(given.table("serial")),
        time=_time(given.table("time")),
        revision=_revision(given.table("revision")) if "revision" in given else None,
        about=_about(given.table("about")),
        long=_long(given.table("long")) if "long" in given else None,
        metrics=tuple(_metric(key, metrics.table(key), catalogue, missing) for key in metrics.names()),
    )
    given.done()
    _check(layout)
    return layout


def _check(layout: Layout) -> None:
    if not layout.metrics:
        raise ValueError("it maps no metric; write for example [metrics.pm25] and column = …")
    if (DISTRICT,) in layout.serial.template and not isinstance(layout.about.get("district"), tuple):
        raise ValueError("the serial's {district} needs [about] with district = (a column)")
    for key in ("delimiter", "decimal"):
        if len(getattr(layout, key)) != 1:
            raise ValueError(f"`{key}` is {getattr(layout, key)!r}; it is one character")
    for encoding in layout.encodings:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise ValueError(f"encoding {encoding!r} is unknown; write utf-8, cp949, latin-1 …") from None


def _serial(given: Keys) -> SerialRule:
    one = given.one_of("column", "template", "value")
    text = given.text(one, "") if one != "column" else ""
    names = given.table("names")
    return SerialRule(
        template=(given.texts("column", ()),)
        if one == "column"
        else _template(text)
        if one == "template"
        else (text,),
        zero_pad=given.whole("zero_pad", 0),
        names={name: names.text(name, "") for name in names.names()},
    )


def _template(text: str) -> Template:
    parts: list[str | Names] = []
    for literal, name, *_ in Formatter().parse(text):
        parts += [literal] if literal else []
        parts += [(name,)] if name is not None else []
    return tuple(parts)


def _time(given: Keys) -> TimeRule:
    one = given.one_of("column", "columns")
    texts = given.texts(one, ())
    rule = TimeRule(
        columns=(texts,) if one == "column" else tuple((text,) for text in texts),
        formats=given.texts("formats", FORMATS),
        zone=given.text("zone", "") or None,
        shift=given.span("shift"),
    )
    for text in rule.formats:
        check_format(text)
    if rule.zone:
        _check_zone(rule.zone)
    return rule


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"time zone {zone!r} is unknown; write an IANA name such as Europe/Madrid") from None


def _revision(given: Keys) -> RevisionRule:
    rank, ranks = given.texts("rank", ()), given.texts("ranks", ())
    if bool(rank) != bool(ranks):
        raise ValueError(
            "[revision] has `rank` (a column) and `ranks` (its texts, the lowest first) together"
        )
    return RevisionRule(rank or None, ranks, _time(given.table("time")) if "time" in given else None)


def _about(given: Keys) -> dict[str, Names | str]:
    about: dict[str, Names | str] = {}
    for key in DESCRIPTION:
        if isinstance(given.take(key, "", str, list, dict), dict):
            about[key] = given.table(key).text("value", "")
        elif names := given.texts(key, ()):
            about[key] = names
    return about


def _long(given: Keys) -> tuple[Names, Names]:
    pair = given.texts("metric", ()), given.texts("value", ())
    if not all(pair):
        raise ValueError(
            "[long] has `metric` (the column that names it) and `value` (the column of its number)"
        )
    return pair


def _metric(key: str, given: Keys, catalogue: Catalogue, missing: Sequence[str]) -> MetricRule:
    if key not in catalogue:
        near = difflib.get_close_matches(key, catalogue.keys, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(catalogue.keys)}"
        raise ValueError(f"[metrics.{key}] is no metric of this city; {hint}")
    column, unit = given.texts("column", ()), catalogue[key].unit
    slope, shift = conversion(given.text("unit", unit), unit, key)
    low, high = _range(given, key)
    if not column:
        raise ValueError(
            f"[metrics.{key}] has to have `column`: its name, or a list of the names it may have"
        )
    return MetricRule(
        key=key,
        column=column,
        factor=slope * given.number("factor", 1.0),
        offset=slope * given.number("offset", 0.0) + shift,
        low=low,
        high=high,
        missing=frozenset((*missing, *given.texts("missing", ()))),
        optional=bool(given.take("optional", False, bool)),
    )


def _range(given: Keys, key: str) -> tuple[float, float]:
    bounds = given.take("range", list(_EVERYTHING), list)
    if [type(bound) in (int, float) for bound in bounds] != [True, True] or bounds[0] > bounds[1]:
        raise ValueError(
            f"`range` of [metrics.{key}] is {bounds}; it is [lowest, highest] as they stand in the file"
        )
    return float(bounds[0]), float(bounds[1])
