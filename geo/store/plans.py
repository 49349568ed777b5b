"""Plans with an optimistic version: the second writer learns what changed, and no former version is lost."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, update

from geo.errors import Conflict, NotFound, Refused, StaleVersion
from geo.model import Plan, PlanState
from geo.store import schema
from geo.store.assignments import Assignments
from geo.store.transaction import begins_with

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Plans"]

_LISTS = ("edits", "undone", "steps")


class Plans(Assignments):
    """The part of a session that keeps plans."""

    def put_plan(self, plan: Plan, *, expected_version: int | None) -> Plan:
        """Insert or replace a plan; see `geo.store.base.Session.put_plan`."""
        self._must_write(schema.plans)
        if plan.county_code != self._county:
            raise Refused(f"the plan belongs to {plan.county_code}, the store to {self._county}")
        self._known_generation(plan.generation_id)
        kept = replace(plan, version=1 if expected_version is None else expected_version + 1)
        body = _written(kept)
        if expected_version is None:
            self._insert_plan(kept)
        else:
            self._advance(kept, expected_version)
        self._keep_version(kept, body)
        self._keep_communities(kept)
        return _read(body)

    def _insert_plan(self, plan: Plan) -> None:
        table = schema.plans
        if self._connection.execute(select(table.c.id).where(table.c.id == plan.id)).first():
            raise Conflict(f"there is a plan {plan.id} already", remedy="write against its current version")
        head = {name: getattr(plan, name) for name in ("id", "county_code", "generation_id", "version", "author")}
        self._connection.execute(insert(table).values(head))

    def _advance(self, plan: Plan, expected: int) -> None:
        table = schema.plans
        current = self._current_version(plan.id)
        # The condition on the version decides, not the look before it: it holds under any isolation.
        moved = self._connection.execute(
            update(table)
            .where(table.c.id == plan.id, table.c.version == expected)
            .values(version=plan.version, generation_id=plan.generation_id)
        )
        if moved.rowcount != 1:
            current = self._current_version(plan.id)
            raise StaleVersion(
                f"the plan is at version {current}, not {expected}",
                current=current,
                difference=self._difference(plan.id, expected),
            )

    def _current_version(self, plan_id: str) -> int:
        table = schema.plans
        query = select(table.c.version).where(table.c.id == plan_id, self._plan_visible())
        found = self._connection.execute(query).scalar()
        if found is None:
            raise NotFound(f"there is no plan {plan_id}")
        return int(found)

    def _difference(self, plan_id: str, since: int) -> tuple[str, ...]:
        table = schema.plan_versions
        query = table.select().where(table.c.plan_id == plan_id, table.c.version >= since).order_by(table.c.version)
        rows = self._connection.execute(query).fetchall()
        return tuple(
            f"version {new.version} by {new.saved_by}: {_changes(_read(old.body), _read(new.body))}"
            for old, new in itertools.pairwise(rows)
        )

    def _keep_version(self, plan: Plan, body: str) -> None:
        head = {"county_code": self._county, "plan_id": plan.id, "version": plan.version}
        saved = {"saved_at": self._now(), "saved_by": self.actor.name, "body": body}
        self._connection.execute(insert(schema.plan_versions).values({**head, **saved}))

    def _keep_communities(self, plan: Plan) -> None:
        """Write which communities the plan touches: those of the grids its edits name."""
        table = schema.plan_communities
        grid = schema.grids
        named = set(_words(plan.edits)) | set(_words(plan.undone))
        query = select(grid.c.id, grid.c.community_code).where(grid.c.generation_id == plan.generation_id)
        touched = {community for grid_id, community in self._connection.execute(query) if grid_id in named}
        self._connection.execute(delete(table).where(table.c.plan_id == plan.id))
        owner = {"county_code": self._county, "plan_id": plan.id}
        self._insert(table, [{**owner, "community_code": community} for community in sorted(touched)])

    def _plan_visible(self) -> ColumnElement[bool]:
        """Return the condition under which the actor sees a plan: a community it touches, or its author."""
        table, touched = schema.plans, schema.plan_communities
        mine = table.c.county_code == self._county
        if self._sees_county:
            return mine
        seen = exists().where(touched.c.plan_id == table.c.id, begins_with(touched.c.community_code, self.actor.areas))
        return and_(mine, or_(seen, table.c.author == self.actor.name))

    def plan(self, plan_id: str, *, version: int | None = None) -> Plan:
        """One plan (its current or a former version); `NotFound` otherwise."""
        current = self._current_version(plan_id)
        table = schema.plan_versions
        wanted = current if version is None else version
        query = select(table.c.body).where(table.c.plan_id == plan_id, table.c.version == wanted)
        body = self._connection.execute(query).scalar()
        if body is None:
            raise NotFound(f"plan {plan_id} has no version {version}")
        return _read(body)

    def plans(self) -> list[Plan]:
        """All plans the actor may see, newest first."""
        table, kept = schema.plans, schema.plan_versions
        query = (
            select(kept.c.body)
            .join(table, and_(table.c.id == kept.c.plan_id, table.c.version == kept.c.version))
            .where(self._plan_visible())
            .order_by(table.c.fid.desc())
        )
        return [_read(body) for body in self._connection.execute(query).scalars()]


def _written(plan: Plan) -> str:
    body = {field.name: getattr(plan, field.name) for field in fields(plan)}
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Refused("the plan holds a value that is no JSON", code="bad-value") from error


def _read(body: str) -> Plan:
    stored = json.loads(body)
    lists = {name: tuple(stored[name]) for name in _LISTS}
    return Plan(**{**stored, **lists, "state": PlanState(stored["state"])})


def _words(value: Any) -> Iterator[str]:
    """Yield every text inside a JSON value, keys of objects too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _words(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _words(inner)


def _changes(old: Plan, new: Plan) -> str:
    same = next((i for i, (a, b) in enumerate(zip(old.edits, new.edits, strict=False)) if a != b), None)
    same = min(len(old.edits), len(new.edits)) if same is None else same
    said = [f"-{len(old.edits) - same} edits"] if len(old.edits) > same else []
    said += [f"+{len(new.edits) - same} edits ({_kinds(new.edits[same:])})"] if len(new.edits) > same else []
    said += [
        f"{name} changed"
        for name in ("state", "title", "generation_id", "proof")
        if getattr(old, name) != getattr(new, name)
    ]
    return ", ".join(said) or "nothing of its content changed"


def _kinds(edits: Sequence[Mapping[str, Any]]) -> str:
    names = [str(edit.get("op") or edit.get("kind") or edit.get("type") or "edit") for edit in edits]
    return ", ".join(dict.fromkeys(names))
