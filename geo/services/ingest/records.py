"""Row → record for every kind that is a table of its own: what each kind needs and what it keeps.

Each parser gets a `RowReader` and the `County` (who is known by which name) and returns the record as
the store takes it, or raises `RowRefused`. Coordinates stay as the file has them in ``raw_x``/``raw_y``
(or the geometry) until the batch is converted as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geo.formats.numerals import grid_key
from geo.model import Area, AreaKind, PartyLevel, WorkerKind
from geo.services.ingest.reading import RowReader, RowRefused
from geo.services.naming import house_number, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geo.services.ingest.gazetteer import Communities

__all__ = ["CHIEF_POST", "POINT_KINDS", "RECORD_PARSERS", "County", "Record", "with_chief"]

Record = dict[str, Any]

# Kinds whose rows carry a longitude and a latitude column.
POINT_KINDS = frozenset({"households", "incidents", "anchors", "centres"})

_LEVELS = {
    "党委": PartyLevel.COMMITTEE,
    "党总支": PartyLevel.BRANCH,
    "党支部": PartyLevel.BRANCH,
    "党小组": PartyLevel.GROUP,
}
_AREA_KINDS = {
    "县": AreaKind.COUNTY,
    "镇": AreaKind.TOWN,
    "社区": AreaKind.COMMUNITY,
    "村": AreaKind.VILLAGE,
    "林场中心社区": AreaKind.FOREST_CENTRE,
}
# What the head of a grid is called; counts of part-time workers leave him out.
CHIEF_POST = "网格长"
_CHIEF = "chief"
_WORKERS = {"专职": WorkerKind.FULL_TIME, "专业": WorkerKind.PROFESSIONAL, "兼职": WorkerKind.PART_TIME}


@dataclass(frozen=True, slots=True)
class County:
    """What a parser may ask about the county: its code, its communities, the grids by (community, number)."""

    code: str
    communities: Communities
    grids: Mapping[tuple[str, int], str]
    new_id: Callable[[], str]

    def community(self, row: RowReader, *, needed: bool = True) -> Area | None:
        """Return the community a row names; refuse an unknown one where it is needed."""
        text = row.text("community")
        found = self.communities.find(text, town=row.text("town")) if text else None
        if found is None and needed:
            column = row.columns.get("community", "community")
            word = "names no community known here" if text else "is empty"
            raise RowRefused(
                f"the community {word}", code="community-unknown", column=column, remedy="use a name of the area list"
            )
        return found

    def grid(self, community_code: str, text: str) -> str | None:
        """Return the id of the grid a text names inside a community ("第3网格", "黎明社区第三网格")."""
        number = grid_key(text)[1]
        return self.grids.get((community_code, number)) if number is not None else None

    def grid_list(self, community_code: str, text: str) -> tuple[str, ...]:
        """Return the ids of all grids a text names; 全社区 means every grid of the community."""
        if "全社区" in text:
            return tuple(sorted(i for (c, _), i in self.grids.items() if c == community_code))
        found = [self.grid(community_code, part) for part in text.replace(",", "、").split("、") if part.strip()]
        return tuple(g for g in found if g is not None)


def _record(county: County, source_key: str, **fields: Any) -> Record:
    return {"id": county.new_id(), "county_code": county.code, "source_key": source_key, **fields}


def _point(row: RowReader) -> Record:
    return {"raw_x": row.number("lon"), "raw_y": row.number("lat")}


def _area(row: RowReader, county: County) -> Record:
    code = row.needed("code")
    kind = row.text("kind")
    try:
        level = _AREA_KINDS.get(kind) or AreaKind(kind)
    except ValueError:
        raise RowRefused(
            "the kind of area is not known", code="kind-unknown", column=row.columns.get("kind", "kind")
        ) from None
    return {
        "id": county.new_id(),
        "county_code": county.code,
        "code": code,
        "name": row.needed("name"),
        "official_name": row.text("official_name"),
        "kind": level.value,
        "parent_code": row.text("parent") or None,
        "geometry": row.feature.geometry,
    }


def _compound(row: RowReader, county: County) -> Record:
    area = county.community(row)
    name = row.needed("name")
    return _record(
        county,
        row.text("key") or f"{area.code if area else ''}/{plain_text(name)}",
        name=name,
        community_code=area.code if area else "",
        geometry=row.feature.geometry,
        kind=row.text("category"),
    )


def _building(row: RowReader, county: County) -> Record:
    area = county.community(row, needed=False)
    return _record(
        county,
        row.needed("key"),
        community_code=area.code if area else "",
        compound=row.text("compound"),
        number=house_number(row.text("number")),
        geometry=row.feature.geometry,
        stairwells=row.count("stairwells"),
        dwellings=row.count("dwellings"),
        use=row.text("use"),
        address_text=row.text("address"),
    )


def _household(row: RowReader, county: County) -> Record:
    area = county.community(row)
    residence = row.text("residence")
    return _record(
        county,
        row.needed("key"),
        community_code=area.code if area else "",
        address_text=row.text("address"),
        compound=row.text("compound"),
        building_number=house_number(row.text("building")),
        stairwell=row.text("stairwell"),
        room=row.text("room"),
        # Without the column every row counts as resident; with it only those that say 常住.
        resident=residence.startswith("常住") if "residence" in row.columns else True,
        persons=row.count("persons"),
        elderly=row.count("elderly"),
        grid_hint=row.text("grid"),
        **_point(row),
    )


def _incident(row: RowReader, county: County) -> Record:
    area = county.community(row, needed=False)
    return _record(
        county,
        row.needed("key"),
        received_at=row.moment("received"),
        category_code=row.text("category"),
        address_text=row.text("address"),
        # Without a community the town still tells one 学府小区 from that of another town.
        community_hint=area.code if area else county.communities.town_code(row.text("town")),
        grid_hint=row.text("grid"),
        accuracy_m=row.number("accuracy"),
        **_point(row),
    )


def _anchor(row: RowReader, county: County) -> Record:
    area = county.community(row)
    return _record(
        county,
        row.needed("key"),
        community_code=area.code if area else "",
        household_key=row.text("household"),
        linked_keys=row.listed("linked"),
        **_point(row),
    )


def _centre(row: RowReader, county: County) -> Record:
    area = county.community(row)
    centre, site = row.needed("centre"), row.text("site")
    return _record(
        county,
        f"{centre}/{site}" if site else centre,
        centre_key=centre,
        name=row.needed("name"),
        community_code=area.code if area else "",
        floor_area_m2=row.number("floor_area") or 0.0,
        planned="规划" in row.text("state"),
        **_point(row),
    )


def _place(row: RowReader, county: County) -> Record:
    area = county.community(row, needed=False)
    name = row.needed("name")
    code = area.code if area else ""
    return _record(
        county,
        row.text("key") or f"{code}/{name}",
        name=name,
        community_code=code,
        geometry=row.feature.geometry,
        aliases=row.listed("alias"),
        kind=row.text("category"),
    )


def _duty(row: RowReader, county: County) -> Record:
    area = county.community(row, needed=False)
    code, compound, category = (area.code if area else ""), row.text("compound"), row.needed("category")
    return _record(
        county,
        f"{category}/{code}/{compound}",
        category_code=category,
        unit=row.needed("unit"),
        phone=row.text("phone"),
        community_code=code,
        compound=compound,
    )


def _line(row: RowReader, county: County) -> Record:
    kind, name = row.needed("kind"), row.text("name")
    if row.feature.geometry is None:
        raise RowRefused("the line has no geometry", code="geometry-missing", remedy="remove the feature")
    return _record(
        county,
        f"{kind}/{name}/{row.feature.row}",
        kind=kind,
        name=name,
        barrier=row.flag("barrier"),
        geometry=row.feature.geometry,
    )


def _party(row: RowReader, county: County) -> Record:
    area = county.community(row, needed=False)
    level = _LEVELS.get(row.needed("level"))
    if level is None:
        raise RowRefused("the level is not 党委, 党支部 or 党小组", code="level-unknown", column=row.columns["level"])
    code = area.code if area else ""
    return _record(
        county,
        row.needed("key"),
        level=level.value,
        name=row.needed("name"),
        community_code=code,
        parent_key=row.text("parent") or None,
        grid_ids=county.grid_list(code, row.text("grid")) if level is PartyLevel.GROUP else (),
    )


def _gridworker(row: RowReader, county: County) -> Record:
    area = county.community(row)
    code = area.code if area else ""
    kind = _worker_kind(row)
    number = row.text("local_code")
    if kind is WorkerKind.FULL_TIME:
        grid = county.grid(code, number or row.text("grid")) if (number or row.text("grid")) else None
        if grid is None:
            raise RowRefused(
                "the grid is not known in this community",
                code="grid-unknown",
                column=row.columns.get("local_code", "grid"),
            )
        worker = _worker(row, county, code, kind, grid, (grid,), f"{code}/{number or row.text('grid')}")
        return {**worker, _CHIEF: _chief(row, county, worker)}
    served = county.grid_list(code, row.text("grid"))
    return _worker(row, county, code, kind, served[0] if served else None, served, row.text("serial"))


def _chief(row: RowReader, county: County, worker: Record) -> Record | None:
    """Return the record of the 网格长 that a full-time worker's row names besides, who is called next."""
    name = row.text("chief")
    place = {k: worker[k] for k in ("community_code", "grid_id", "grid_ids")}
    kind = WorkerKind.PART_TIME.value
    key = f"{_CHIEF}/{worker['source_key']}"
    return _record(county, key, kind=kind, name=name, phone="", unit="", post=CHIEF_POST, **place) if name else None


def with_chief(record: Record) -> list[Record]:
    """Return a gridworker's record, and that of the 网格长 of the same row where it names one."""
    worker = {k: v for k, v in record.items() if k != _CHIEF}
    chief = record.get(_CHIEF)
    return [worker, chief] if chief else [worker]


def _worker_kind(row: RowReader) -> WorkerKind:
    told = f"{row.feature.layer} {row.text('kind')}"
    return next((kind for word, kind in _WORKERS.items() if word in told), WorkerKind.FULL_TIME)


def _worker(
    row: RowReader, county: County, code: str, kind: WorkerKind, grid: str | None, served: tuple[str, ...], key: str
) -> Record:
    return _record(
        county,
        row.text("key") or f"{kind.value}/{key}",
        kind=kind.value,
        community_code=code,
        grid_id=grid,
        grid_ids=served,
        name=row.text("name"),
        phone=row.text("phone"),
        unit=row.text("unit"),
        post="",
    )


RECORD_PARSERS: Mapping[str, Callable[[RowReader, County], Record]] = {
    "areas": _area,
    "compounds": _compound,
    "buildings": _building,
    "households": _household,
    "incidents": _incident,
    "anchors": _anchor,
    "centres": _centre,
    "places": _place,
    "duties": _duty,
    "lines": _line,
    "party": _party,
    "gridworkers": _gridworker,
}
