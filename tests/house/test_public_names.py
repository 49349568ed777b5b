"""The public face of every module is explicit, sorted, true and documented."""

from __future__ import annotations

import ast
import re

from tests.house.source_tree import Module, modules

BANNED_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "stuff", "tools", "lib"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def declared(module: Module) -> list[str] | None:
    """Return `__all__`, None where there is none."""
    for node in module.tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
            return list(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return None


def defined(module: Module) -> set[str]:
    """Names bound at the top of a module."""
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, Function | ast.ClassDef) and node in module.tree.body:
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(a.asname or a.name).split(".")[0] for a in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def order(name: str) -> tuple[int, list[object]]:
    """Constants, then classes, then the rest, each in natural order: the linter's order."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)]


def public_definitions(module: Module) -> list[Function | ast.ClassDef]:
    return [n for n in module.tree.body if isinstance(n, Function | ast.ClassDef) and not n.name.startswith("_")]


def is_private(module: Module) -> bool:
    return any(part.startswith("_") for part in module.name.split("."))


def test_every_public_module_declares_its_face() -> None:
    faults = []
    for module in modules():
        names = declared(module)
        if names is None:
            if public_definitions(module) and not is_private(module):
                faults.append(f"{module.name}: no __all__")
            continue
        if names != sorted(names, key=order):
            faults.append(f"{module.name}: __all__ is not sorted")
        if len(names) != len(set(names)):
            faults.append(f"{module.name}: __all__ repeats a name")
        absent = set(names) - defined(module)
        if absent and not any(isinstance(n, Function) and n.name == "__getattr__" for n in module.tree.body):
            faults.append(f"{module.name}: __all__ names {sorted(absent)}, which are not there")
        hidden = {n.name for n in public_definitions(module)} - set(names)
        if hidden:
            faults.append(f"{module.name}: public but not in __all__: {sorted(hidden)}")
    assert not faults, "\n".join(faults)


def test_everything_public_has_a_docstring() -> None:
    faults = [m.name for m in modules() if ast.get_docstring(m.tree) is None and m.tree.body]
    for module in modules():
        for node in public_definitions(module):
            members = node.body if isinstance(node, ast.ClassDef) else []
            methods = [n for n in members if isinstance(n, Function) and not n.name.startswith("_") and not overload(n)]
            faults += [f"{module.name}.{n.name}" for n in (node, *methods) if ast.get_docstring(n) is None]
    assert not faults, "\n".join(faults)


def overload(node: Function) -> bool:
    return any("overload" in ast.unparse(d) or ".setter" in ast.unparse(d) for d in node.decorator_list)


def parameters(node: Function) -> set[str]:
    """Names in a signature, without self and cls."""
    a = node.args
    every = [*a.posonlyargs, *a.args, *a.kwonlyargs, *([a.vararg] if a.vararg else []), *([a.kwarg] if a.kwarg else [])]
    return {p.arg for p in every} - {"self", "cls"}


def documented(text: str) -> set[str] | None:
    """Names in the Parameters section, None where there is none."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)
    if section is None:
        return None
    heads = [line.split(" :")[0] for line in section[1].splitlines() if line and not line.startswith((" ", "\t"))]
    return {name.strip(" *`") for head in heads for name in re.sub(r"\(.*?\)", "", head).split(",")} - {""}


def test_parameter_sections_tell_the_truth() -> None:
    faults = []
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, Function) and not node.name.startswith("__"):
                named = documented(ast.get_docstring(node) or "")
                strangers = (named or set()) - parameters(node)
                if strangers:
                    faults.append(f"{module.name}.{node.name} documents {sorted(strangers)}, which it does not take")
    assert not faults, "\n".join(faults)


def test_no_module_is_named_after_a_drawer() -> None:
    assert not [m.name for m in modules() if set(re.split(r"[._]", m.name)) & BANNED_NAMES]
