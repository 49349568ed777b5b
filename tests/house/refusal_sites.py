"""Where the packages refuse, read from their source: code, sentence and remedy of every raise, values as `{}`.

What is put together at run time is followed as far as a reader would: constants of the module, names set in the same
function, conditions, and texts handed to a small function of the same module. What stays unknown is None.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from itertools import product

from geo import errors
from tests.house.source_tree import ROOT, Module, modules

CLASSES = {n: k for n, k in vars(errors).items() if isinstance(k, type) and issubclass(k, errors.WanggeError)}
DEEPEST = 4
HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Site:
    """One place that refuses: every code, sentence and remedy it may have, None where the source does not tell."""

    place: str
    kind: str
    codes: tuple[str | None, ...]
    says: tuple[str | None, ...]
    remedies: tuple[str | None, ...]


class Source:
    """The texts that expressions of one module may have."""

    def __init__(self, module: Module) -> None:
        self.tree = module.tree
        self.above: dict[ast.AST, ast.AST] = {}
        for node in ast.walk(module.tree):
            for child in ast.iter_child_nodes(node):
                self.above[child] = node

    def texts(self, node: ast.AST | None, deep: int = 0) -> list[str | None]:
        """Every text an expression may have."""
        if node is None:
            return [""]
        readers = {
            ast.Constant: self._constant,
            ast.IfExp: lambda n, d: self.texts(n.body, d) + self.texts(n.orelse, d),
            ast.JoinedStr: lambda n, d: joined([self._part(v, d) for v in n.values]),
            ast.BinOp: lambda n, d: joined([[t or "{}" for t in self.texts(side, d)] for side in (n.left, n.right)]),
            ast.Call: self._called,
            ast.Name: self._named,
        }
        reader = readers.get(type(node))
        return reader(node, deep) if reader is not None and deep <= DEEPEST else [None]

    def _constant(self, node: ast.Constant, _: int) -> list[str | None]:
        return [node.value] if isinstance(node.value, str) else [None]

    def _named(self, node: ast.Name, deep: int) -> list[str | None]:
        return [t for value in self._values(node) for t in self.texts(value, deep + 1)] or [None]

    def _called(self, call: ast.Call, deep: int) -> list[str | None]:
        """The texts of both languages where both are given, else what a function of the module returns."""
        name = ast.unparse(call.func)
        if name == "words":
            return [t for argument in call.args for t in self.texts(argument, deep)]
        found = []
        for function in self.tree.body:
            if isinstance(function, ast.FunctionDef) and function.name == name:
                given = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
                found += [t for value in given for t in self.texts(value, deep + 1) if t != ""]
        return found or [None]

    def _part(self, node: ast.AST, deep: int) -> list[str]:
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        assert isinstance(node, ast.FormattedValue)
        told = self.texts(node.value, deep)
        if None in told:
            told = ["{}"]
        return [f"'{t}'" if node.conversion == ord("r") else str(t) for t in told]

    def _function(self, node: ast.AST) -> ast.AST | None:
        while node in self.above:
            node = self.above[node]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                return node
        return None

    def _values(self, name: ast.Name) -> list[ast.AST]:
        """The expressions a name may stand for: set here, set in the module, or handed in by a caller."""
        function = self._function(name)
        if function is not None:
            own = assigned(function, name.id)
            if own:
                return own
            names = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
            if name.id in names:
                return self._handed(function, name.id, [n for n in names if n not in {"self", "cls"}])
        return assigned(self.tree, name.id)

    def _handed(self, function: ast.AST, parameter: str, names: list[str]) -> list[ast.AST]:
        found = []
        for call in ast.walk(self.tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == function.name:
                at = names.index(parameter)
                given = [k.value for k in call.keywords if k.arg == parameter]
                found += given or ([call.args[at]] if at < len(call.args) else [])
        return found


def assigned(scope: ast.AST, name: str) -> list[ast.AST]:
    """The values assigned to a name in a function, or at the head of a module."""
    inside = ast.walk(scope) if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) else scope.body
    found = []
    for node in inside:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        elif isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.NamedExpr):
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and target.id == name:
                found.append(value)
            if isinstance(target, ast.Tuple):
                at = [i for i, t in enumerate(target.elts) if isinstance(t, ast.Name) and t.id == name]
                rows = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
                found += [r.elts[at[0]] if isinstance(r, ast.Tuple) else r for r in rows if at]
    return [v for v in found if not (isinstance(v, ast.Name) and v.id == name)]


def joined(parts: list[list[str]]) -> list[str | None]:
    return ["".join(choice) for choice in product(*parts)]


def default_code(kind: str) -> str:
    return CLASSES[kind].default_code if kind in CLASSES else ""


CODE = re.compile(r"[a-z]+(-[a-z]+)+")


def handed(node: ast.AST) -> tuple[ast.Constant, ast.AST, ast.AST | None] | None:
    """Code, sentence and remedy that stand in a row, as readers hand on what is wrong with a row or a file."""
    row = node.elts if isinstance(node, ast.Tuple) else node.args if isinstance(node, ast.Call) else []
    for at, part in enumerate(row[:-1]):
        coded = isinstance(part, ast.Constant) and isinstance(part.value, str) and CODE.fullmatch(part.value)
        if coded and isinstance(row[at + 1], ast.Constant | ast.JoinedStr | ast.Name):
            return part, row[at + 1], row[at + 2] if at + 2 < len(row) else None
    return None


@cache
def warnings() -> tuple[Site, ...]:
    """Every warning of a reader, and every one of an import."""
    found = []
    for module in modules():
        source = Source(module)
        for node in ast.walk(module.tree):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name.endswith((".warn", "warnings.append")) and node.args:
                place = f"{module.path.relative_to(ROOT)}:{node.lineno}"
                found.append(Site(place, "warning", (), tuple(source.texts(node.args[0])), ()))
    return tuple(found)


@cache
def rows() -> tuple[Site, ...]:
    """Every refusal of a row or a file that a reader of geo.formats hands on."""
    found = []
    for module in modules():
        source = Source(module)
        for node in ast.walk(module.tree) if module.name.startswith("geo.formats") else ():
            row = handed(node)
            if row is not None:
                code, said, remedy = row
                texts = tuple(t for t in source.texts(said) if t and HAN.search(t))
                advice = tuple(t for t in source.texts(remedy) if t and HAN.search(t))
                place = f"{module.path.relative_to(ROOT)}:{node.lineno}"
                found += [Site(place, "row", (code.value,), texts, advice)] if texts else []
    return tuple(found)


@cache
def progress_words() -> dict[str, str]:
    """Every word that long work tells of itself, and a place that tells it."""
    found = {}
    for module in modules():
        for node in ast.walk(module.tree):
            name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
            if name.strip("_") in {"progress", "tell"} and len(node.args) == 2:
                word = node.args[1]
                if isinstance(word, ast.Constant) and isinstance(word.value, str):
                    found[word.value] = f"{module.path.relative_to(ROOT)}:{node.lineno}"
    return found


@cache
def texts_of_errors() -> tuple[str, ...]:
    """Every place below the edge that makes a text of a refusal it caught: it would be in one language only."""
    found = []
    for module in modules():
        handlers = [n for n in ast.walk(module.tree) if isinstance(n, ast.ExceptHandler) and n.name]
        for handler in handlers if module.name.startswith("geo.services") else ():
            for node in ast.walk(handler):
                made = (
                    isinstance(node, ast.Call) and ast.unparse(node) == f"str({handler.name})",
                    isinstance(node, ast.FormattedValue) and ast.unparse(node.value) == handler.name,
                    isinstance(node, ast.Attribute) and ast.unparse(node) == f"{handler.name}.message",
                )
                if any(made):
                    found.append(f"{module.path.relative_to(ROOT)}:{node.lineno}")
    return tuple(found)


@cache
def sites() -> tuple[Site, ...]:
    """Every construction of an error of the tree in geo and api, and of a row's refusal."""
    found = []
    for module in modules():
        source = Source(module)
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            kind = ast.unparse(node.func).rpartition(".")[2]
            if kind not in CLASSES and kind not in {"RowRefused", "Rejected"}:
                continue
            given = {k.arg: k.value for k in node.keywords}
            if kind == "Rejected" and len(node.args) == 4:
                given = dict(zip(("where", "code", "message", "remedy"), node.args, strict=True))
            said = given.get("message") or (node.args[0] if node.args else None)
            found.append(
                Site(
                    f"{module.path.relative_to(ROOT)}:{node.lineno}",
                    kind,
                    tuple(source.texts(given["code"])) if "code" in given else (default_code(kind),),
                    tuple(source.texts(said)),
                    tuple(source.texts(given.get("remedy"))),
                )
            )
    return tuple(found)
