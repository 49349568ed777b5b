"""Every error this software raises on purpose.

The whole tree::

    WanggeError                 code, message, where, remedy
    ├── Refused                 the input cannot be accepted (file, row or feature named)
    │   ├── DatumRequired       coordinates without a declared datum
    │   ├── EncodingUnknown     text that is neither strict UTF-8 nor GB18030
    │   ├── HostileFile         a limit was passed: bomb, depth, disguise, crossings
    │   ├── CoverageBroken      polygons that do not form a coverage
    │   └── Infeasible          no plan fulfils the wishes; `conflict` names the smallest set
    ├── NotFound                no such object for this actor
    ├── Conflict                the state of the store forbids it (superseded base, code clash)
    │   ├── StaleVersion        somebody else wrote first; carries the current version
    │   └── BaseSuperseded      a plan drawn on grids that are not in force; carries both generations
    ├── Forbidden               the actor may not do this at all
    └── Unavailable             store, disk or cluster cannot serve now; nothing was changed

`api.problems` turns each class into one HTTP status, the command line into exit code 1.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BaseSuperseded",
    "Conflict",
    "CoverageBroken",
    "DatumRequired",
    "EncodingUnknown",
    "Forbidden",
    "HostileFile",
    "Infeasible",
    "NotFound",
    "Refused",
    "StaleVersion",
    "Unavailable",
    "WanggeError",
    "Where",
]


@dataclass(frozen=True, slots=True)
class Where:
    """Place of a fault: file, layer, row (1-based, as a spreadsheet shows it) and feature name."""

    file: str | None = None
    layer: str | None = None
    row: int | None = None
    feature: str | None = None
    column: str | None = None

    def __str__(self) -> str:
        parts = [self.file] if self.file else []
        parts += [f"layer {self.layer}"] if self.layer else []
        parts += [f"row {self.row}"] if self.row is not None else []
        parts += [f"column {self.column}"] if self.column else []
        parts += [f"feature {self.feature}"] if self.feature else []
        return ", ".join(parts)


class WanggeError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    message : str
        What is wrong, one sentence, without personal values.
    code : str, keyword
        Stable machine word, e.g. ``"datum-missing"``.
    where : Where, keyword
        File, row or feature, as far as known.
    remedy : str, keyword
        What the user can do about it.
    """

    default_code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        where: Where | None = None,
        remedy: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.where = where or Where()
        self.remedy = remedy

    def __str__(self) -> str:
        place = str(self.where)
        head = f"{place}: {self.message}" if place else self.message
        return f"{head} ({self.remedy})" if self.remedy else head


class Refused(WanggeError):
    """The input cannot be accepted as it is."""

    default_code = "refused"


class DatumRequired(Refused):
    """Coordinates came without a declared datum, and none is guessed."""

    default_code = "datum-missing"


class EncodingUnknown(Refused):
    """Text that is neither strict UTF-8 nor GB18030."""

    default_code = "encoding-unknown"


class HostileFile(Refused):
    """A file passed one of the stated limits or hides one format under another's name."""

    default_code = "hostile-file"


class CoverageBroken(Refused):
    """Polygons overlap, leave gaps or are invalid where a coverage was asked for."""

    default_code = "coverage-broken"


class Infeasible(Refused):
    """No plan fulfils all wishes.

    Parameters
    ----------
    conflict : sequence of str
        The smallest set of wishes that contradict each other, in words.
    """

    default_code = "infeasible"

    def __init__(self, message: str, *, conflict: tuple[str, ...] = (), remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.conflict = conflict


class NotFound(WanggeError):
    """No such object, or none this actor may see: the two are not told apart."""

    default_code = "not-found"


class Conflict(WanggeError):
    """The present state forbids the action."""

    default_code = "conflict"


class StaleVersion(Conflict):
    """The version written against is no longer the current one.

    Parameters
    ----------
    current : int
        The version now stored.
    difference : tuple of str
        What was changed since the version the writer had, one line each.
    """

    default_code = "stale-version"

    def __init__(self, message: str, *, current: int, difference: tuple[str, ...] = ()) -> None:
        super().__init__(message, remedy="load the current version and apply the change to it")
        self.current = current
        self.difference = difference


class BaseSuperseded(Conflict):
    """A plan was drawn on a generation that is not in force, and must be brought onto the one that is.

    Parameters
    ----------
    plan_id : str
        The plan.
    base, in_force : tuple of (int, str)
        Serial and id of the generation it was drawn on and of the one in force (None where none is).
    """

    default_code = "base-superseded"

    def __init__(self, plan_id: str, *, base: tuple[int, str], in_force: tuple[int, str] | None) -> None:
        now = f"generation {in_force[0]} is" if in_force else "no generation is"
        super().__init__(
            f"plan {plan_id} was drawn on generation {base[0]}, which is not in force; {now}",
            remedy=f"run `wangge plan rebase {plan_id}` and look at the plan again"
            if in_force
            else "put a generation into force first",
        )
        self.plan_id = plan_id
        self.base = base
        self.in_force = in_force


class Forbidden(WanggeError):
    """The actor's role does not allow the action."""

    default_code = "forbidden"


class Unavailable(WanggeError):
    """Store, disk or cluster cannot serve now; nothing was changed."""

    default_code = "unavailable"
