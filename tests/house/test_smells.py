"""What a reviewer refuses at sight, refused by machine."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tests.house.source_tree import ROOT, Module, modules

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b", re.IGNORECASE | re.DOTALL)
# Where the real clock, chance and identities are made and handed down; everywhere else they are parameters.
ENTRANCES = ("geo.bootstrap", "api")
DRAWN = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
    ("os", "urandom"),
}


def calls(module: Module) -> Iterator[tuple[ast.Call, list[str]]]:
    """Yield each call with the dotted parts of what is called."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield node, re.split(r"\.", ast.unparse(node.func))


def place(module: Module, node: ast.AST) -> str:
    return f"{module.path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def python_files() -> list[tuple[str, ast.Module, int]]:
    """The packages plus the two programmes beside them."""
    paths = [m.path for m in modules()] + sorted((ROOT / "data").rglob("*.py")) + [ROOT / "run.py"]
    texts = [(str(p.relative_to(ROOT)), p.read_text(encoding="utf-8")) for p in paths]
    return [(name, ast.parse(text), text.count("\n")) for name, text in texts]


def test_modules_are_of_readable_length() -> None:
    assert not [f"{name}: {lines} lines" for name, _, lines in python_files() if lines > LONGEST_MODULE]


def test_functions_are_of_readable_length() -> None:
    faults = []
    for name, tree, _ in python_files():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno
                if length > LONGEST_FUNCTION:
                    faults.append(f"{name}:{node.lineno} {node.name}: {length} lines")
    assert not faults, "\n".join(faults)


def test_no_bare_or_silent_except() -> None:
    faults = []
    for module in modules():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            silent = all(isinstance(s, ast.Pass) for s in node.body)
            if node.type is None or (broad and silent):
                faults.append(place(module, node))
    assert not faults, faults


def test_nothing_prints() -> None:
    assert not [place(m, c) for m in modules() for c, name in calls(m) if name == ["print"]]


def test_chance_and_clock_are_parameters() -> None:
    faults = []
    for module in modules():
        for call, name in calls(module):
            global_numpy = name[:2] in (["np", "random"], ["numpy", "random"]) and name[-1] not in {
                "Generator",
                "PCG64",
                "SeedSequence",
                "default_rng",
            }
            unseeded = name[-1] == "default_rng" and not call.args and not call.keywords
            drawn = tuple(name[-2:]) in DRAWN and not module.name.startswith(ENTRANCES)
            if global_numpy or unseeded or drawn or name[0] == "random":
                faults.append(f"{place(module, call)} {'.'.join(name)}")
    assert not faults, "\n".join(faults)


def built_text(node: ast.AST) -> str:
    """The fixed part of a text that is put together at run time, empty for anything else."""
    if isinstance(node, ast.JoinedStr):
        return " ? ".join(str(v.value) for v in node.values if isinstance(v, ast.Constant))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
        return str(node.left.value)
    return ""


def test_no_sql_is_built_from_pieces() -> None:
    """Values travel as parameters. Only names made of constants may be written into a statement."""
    faults = []
    for module in modules():
        faults += [place(module, n) for n in ast.walk(module.tree) if SQL.search(built_text(n))]
    assert not faults, faults


def test_no_grid_of_a_coverage_is_mended_alone() -> None:
    faults = []
    for module in modules():
        if not module.name.startswith(("geo.topology", "geo.services", "geo.planning", "geo.store")):
            continue
        for call, name in calls(module):
            zero_buffer = name[-1] == "buffer" and any(isinstance(a, ast.Constant) and a.value == 0 for a in call.args)
            if name[-1] in {"make_valid", "simplify"} or zero_buffer:
                faults.append(f"{place(module, call)} {'.'.join(name)}")
    assert not faults, "\n".join(faults)


def test_permissions_are_filters_not_route_code() -> None:
    """A route never asks what an actor may do: services and stores do."""
    faults = []
    for module in modules():
        if module.name.startswith("api.routes"):
            faults += [place(module, c) for c, name in calls(module) if name[-1] in {"may", "sees", "require"}]
    assert not faults, faults


def test_routes_are_short() -> None:
    faults = []
    for module in modules():
        if not module.name.startswith("api.routes"):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
                length = (node.end_lineno or 0) - node.lineno
                if length > 25:
                    faults.append(f"{place(module, node)} {node.name}: {length} lines")
    assert not faults, "\n".join(faults)
