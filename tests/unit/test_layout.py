"""The shape of the code: small functions, one noun a module, and who may import or read what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import sql

ROOT = Path(__file__).parents[2]
PACKAGES = ("city", "dashboard", "ingest", "maintain", "sdot", "simulator", "sql")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

#: Bounds on lines of a function (half, nine in ten, all) and of a module.
MEDIAN, P90, LONGEST, MODULE = 10, 32, 40, 400

#: Library → modules (or folders) that may import it.
IMPORTERS = {
    "paho": (
        "ingest/subscriber.py",
        "ingest/wire.py",  # its client, made cheap
        "simulator/publisher.py",
        "sdot/probe.py",  # whether a broker answers
        "sdot/sender.py",  # `sdot publish`, the client of who has none
    ),
    "psycopg": (
        "city/db.py",
        "sql/runner.py",
        "ingest/",
        "maintain/",
        "dashboard/postgres.py",
        "dashboard/pool.py",
    ),
    "psycopg_pool": ("dashboard/pool.py",),
    "dash": ("dashboard/",),
    "plotly": ("dashboard/",),
    "iotcore": ("sdot/rumqttd.py",),
}
#: Of those, where it may not be all the same.
EXCEPT = {"dash": ("dashboard/figures", "dashboard/store", "dashboard/postgres")}
ENVIRONMENT = "city/settings.py"
#: Where the first city's name may stand: the default of SDOT_CITY, and examples for who writes a pack.
NAMING = {"city/settings.py", "city/check.py"}
SHAPELESS = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "misc",
    "tools",
    "lib",
    "core",
    "base",
    "manager",
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions() -> Iterator[tuple[int, str]]:
    for path in MODULES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield node.end_lineno - node.lineno + 1, f"{_name(path)}:{node.name}"


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_functions_are_small() -> None:
    sizes = sorted(_functions())
    lengths = [lines for lines, _ in sizes]
    assert [where for where in sizes if where[0] > LONGEST] == []
    assert lengths[len(lengths) // 2] <= MEDIAN
    assert lengths[len(lengths) * 9 // 10] <= P90


def test_modules_are_short() -> None:
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE} == {}


def test_modules_are_named_for_what_they_are() -> None:
    assert [_name(path) for path in MODULES if {path.stem, path.parent.name} & SHAPELESS] == []


def test_every_module_says_what_it_is() -> None:
    assert [_name(path) for path in MODULES if not ast.get_docstring(_tree(path))] == []


@pytest.mark.parametrize("library", IMPORTERS)
def test_libraries_stay_in_their_rooms(library: str) -> None:
    importers = [_name(path) for path in MODULES if library in _imports(path)]
    assert [name for name in importers if not name.startswith(IMPORTERS[library])] == []
    assert [name for name in importers if name.startswith(EXCEPT.get(library, ("-",)))] == []


def test_the_environment_is_read_in_one_module() -> None:
    readers = {_name(path) for path in MODULES if any(map(_reads_environment, ast.walk(_tree(path))))}
    assert readers == {ENVIRONMENT}


def _reads_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom) and node.module == "os":
        return any(alias.name in ("environ", "environb", "getenv") for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")


def test_no_code_knows_the_first_city() -> None:
    knowing = {_name(path) for path in MODULES if _names_seoul(path)}
    assert {name for name in knowing if not name.startswith("city/packs/")} <= NAMING


def _names_seoul(path: Path) -> bool:
    docstrings = {id(node.body[0].value) for node in ast.walk(_tree(path)) if _has_docstring(node)}  # type: ignore[attr-defined]
    texts = [
        node
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    code = [node.value.lower() for node in texts if id(node) not in docstrings]
    return any(word in text for text in code for word in ("seoul", "서울", "seúl"))


def _has_docstring(node: ast.AST) -> bool:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, kinds) and ast.get_docstring(node) is not None


def _strings() -> Iterator[str]:
    for path in MODULES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _named_queries() -> Iterator[tuple[str, str]]:
    """(module, name) of each query that the code asks for by a literal name."""
    for path in MODULES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and node.args and _callee(node) == "statement":
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield _name(path), first.value


def _callee(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_every_query_is_used() -> None:
    assert sql.query_names() - set(_strings()) == set()


def test_every_query_that_is_used_exists() -> None:
    assert [(where, name) for where, name in _named_queries() if name not in sql.query_names()] == []


@pytest.mark.parametrize("name", sorted(sql.query_names()))
def test_every_query_says_what_it_is_for(name: str) -> None:
    assert sql.query(name).startswith("-- ")
