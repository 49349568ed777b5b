"""Imports run downward only, and each outside library stays in its rooms (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

from tests.house.source_tree import PACKAGES, ROOT, Module, imports, modules

# Rooms and their floors; the longest matching prefix names the room of a module.
FLOORS = {
    "geo": 0,
    "geo.errors": 0,
    "geo.predicates": 0,
    "geo.model": 1,
    "geo.crs": 1,
    "geo.settings": 1,
    "geo.authority": 1,
    "geo.topology": 2,
    "geo.formats": 2,
    "geo.store": 2,
    "geo.solve": 2,
    "geo.locate": 3,
    "geo.address": 3,
    "geo.reach": 4,
    "geo.planning": 5,
    "geo.assign": 5,
    "geo.services": 6,
    "geo.bootstrap": 7,
    "maps": 8,
    "api": 9,
}
MAPS_KNOW = {"geo", "geo.errors", "geo.model", "geo.crs", "geo.settings"}

# Library -> the modules (prefixes) that may import it.
LIBRARY_ROOMS = {
    "sqlalchemy": ("geo.store",),
    "psycopg2": ("geo.store.postgis",),
    "sqlite3": ("geo.store.gpkg",),
    "pyproj": ("geo.crs",),
    "highspy": ("geo.solve",),
    "pyogrio": ("geo.formats",),
    "openpyxl": ("geo.formats",),
    "xlrd": ("geo.formats",),
    "ezdxf": ("geo.formats",),
    "folium": ("maps",),
    "branca": ("maps",),
    "matplotlib": ("maps",),
    "fontTools": ("maps",),
    "xlsxwriter": ("maps",),
    "fastapi": ("api",),
    "starlette": ("api",),
    "uvicorn": ("api",),
    "typer": ("api",),
    "dask": ("geo.assign",),
    "distributed": ("geo.assign",),
    "numba": ("geo.locate",),
}
# Import name -> distribution, where they differ.
DISTRIBUTIONS = {
    "psycopg2": "psycopg2-binary",
    "fontTools": "fonttools",
    "distributed": "dask",
    "branca": "folium",
    "pydantic_settings": "pydantic-settings",
    "matplotlib_scalebar": "matplotlib-scalebar",
}
BROUGHT = {
    "starlette": "fastapi",
    "anyio": "fastapi",
    "pydantic": "pydantic-settings",
    "click": "typer",
    "rich": "typer",
    "PIL": "matplotlib",
}


def room_of(name: str) -> str:
    """Return the room a module lies in."""
    fitting = [room for room in FLOORS if name == room or (name.startswith(room + ".") and room != "geo")]
    assert fitting, f"{name} lies in no room of the architecture"
    return max(fitting, key=len)


def inside(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == p or name.startswith((p + ".", p + "_")) for p in prefixes)


def own(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in PACKAGES


def test_every_import_runs_downward() -> None:
    faults = []
    for module in modules():
        here = room_of(module.name)
        for target in filter(own, imports(module)):
            there = room_of(target)
            if there == here:
                continue
            if FLOORS[there] >= FLOORS[here] and there != "geo":
                faults.append(f"{module.name} ({here}) imports {target} ({there})")
            if here == "maps" and there not in MAPS_KNOW:
                faults.append(f"{module.name} imports {target}: maps are handed plain values")
    assert not faults, "\n".join(faults)


def test_no_circle_between_modules() -> None:
    graph = {m.name: [t for t in imports(m) if own(t) and t != m.name] for m in modules()}
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "circle: " + " -> ".join((*trail[trail.index(name) :], name))
        if name in done:
            return
        for target in graph.get(name, []):
            walk(target, (*trail, name))
        done.add(name)

    for name in graph:
        walk(name, ())


def test_libraries_stay_in_their_rooms() -> None:
    faults = []
    for module in modules():
        for target in imports(module):
            library = target.split(".")[0]
            rooms = LIBRARY_ROOMS.get(library)
            if rooms and not inside(module.name, rooms):
                faults.append(f"{module.name} imports {library}, which belongs to {', '.join(rooms)}")
    assert not faults, "\n".join(faults)


def test_the_architecture_page_names_the_same_rooms() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    missing = [
        f"library {name}" for name in LIBRARY_ROOMS if name not in page and name not in {"branca", "distributed"}
    ]
    missing += [f"room {room}" for room in FLOORS if room not in page]
    assert not missing, missing


def test_the_domain_is_the_standard_library() -> None:
    for module in modules():
        if module.name in {"geo", "geo.errors", "geo.model", "geo.authority"}:
            heads = {t.split(".")[0] for t in imports(module)}
            assert heads <= set(sys.stdlib_module_names) | {"geo"}, f"{module.name}: {heads}"


def test_every_library_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [d for group in project["optional-dependencies"].values() for d in group]
    declared = {re.split(r"[\[><=;~! ]", d)[0].lower() for d in project["dependencies"] + extras}
    undeclared = set()
    for module in modules():
        for target in imports(module):
            head = target.split(".")[0]
            if head in sys.stdlib_module_names or own(target):
                continue
            name = BROUGHT.get(head) or DISTRIBUTIONS.get(head) or head
            if name.lower() not in declared:
                undeclared.add(f"{module.name}: {head}")
    assert not undeclared, sorted(undeclared)


def test_no_star_imports() -> None:
    def stars(module: Module) -> bool:
        nodes = (n for n in ast.walk(module.tree) if isinstance(n, ast.ImportFrom))
        return any(alias.name == "*" for node in nodes for alias in node.names)

    assert not [m.name for m in modules() if stars(m)]
