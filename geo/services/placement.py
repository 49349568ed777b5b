"""Places every household and incident of a generation: building before point, point before address, else nothing.

Registers are read, placed and written in pages, so that memory does not grow with them. What stays in memory is small
beside them: the grids, the buildings (one for many households) and the address book of buildings, compounds and places.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.assign import assign_points
from geo.model import Basis
from geo.services.addressing import know_addresses
from geo.services.naming import house_number, plain_text
from geo.store.base import AssignmentColumns, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from geo.services.published import PublishedCoverage

__all__ = [
    "PAGE_ROWS",
    "HouseholdPlaces",
    "Placed",
    "PlacedPage",
    "Placing",
    "building_key",
    "household_places",
    "place_subjects",
]

ObjectArray = NDArray[np.object_]
FloatArray = NDArray[np.float64]
BuildingKey = tuple[str, str, str]
Spot = tuple[float, float]


# Rows read, placed and written at a time: enough that what a page costs besides its rows does not count.
PAGE_ROWS: Final = 10_000
# Answers remembered, so that a text said again and again is understood once.
_REMEMBERED: Final = 65_536
# Subject → kind of record, and the fields that say in words where a row lies and in which community.
_KINDS: Final = {"household": "households", "incident": "incidents"}
_SAID: Final = {"household": ("address_text", "community_code"), "incident": ("address_text", "community_hint")}
_TOWN_DIGITS: Final = 9
_BUILDING: Final = ("community_code", "compound", "building_number")


def _hint(area: str) -> dict[str, str]:
    """Return what the code of an area tells besides a text: a community, or only a town."""
    return {"town" if len(area) == _TOWN_DIGITS else "community": area}


@dataclass(frozen=True, slots=True)
class Placed:
    """How many subjects of one kind there are, how many have a base grid, and how many each basis."""

    rows: int
    placed: int
    by_basis: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PlacedPage:
    """One page of subjects: source keys, ids of the grids they lay in before ("" for none), the columns to store."""

    keys: ObjectArray
    before: ObjectArray
    columns: AssignmentColumns


class Placing:
    """Places the subjects of a session in one coverage, page by page, and counts what it places.

    Parameters
    ----------
    session : Session
        Reads the subjects the actor sees.
    cover : PublishedCoverage
        The grids.
    page_rows : int, optional
        Most rows of a page.
    progress : callable, optional
        ``progress(share, saying)``, told after each page when it has been dealt with; may raise to cancel.
    """

    def __init__(
        self,
        session: Session,
        cover: PublishedCoverage,
        *,
        page_rows: int = PAGE_ROWS,
        progress: Callable[[float, str], None] | None = None,
    ) -> None:
        self._session = session
        self._cover = cover
        self._page_rows = page_rows
        self._progress = progress
        self._overlay_ids = [g.id for g in cover.overlay]
        self._building = _building_of(_building_points(session))
        known = know_addresses(session, cover)
        self._spot = lru_cache(maxsize=_REMEMBERED)(
            lambda text, area: known.spot_of(known.book.find(text, **_hint(area)))
        )
        self._total = sum(session.count(kind) for kind in _KINDS.values()) if progress else 0
        self._bases: dict[str, Counter[str]] = {subject: Counter() for subject in _KINDS}
        self._placed: Counter[str] = Counter()

    def pages(self, subject: str, *, before: str | None = None) -> Iterator[PlacedPage]:
        """Yield every subject placed.

        Priority: a recorded building (its inner point), else the recorded point, else the address text where it means
        one grid, else ``unplaced``. A household whose building is known is placed with it, so that one building never
        splits.

        Parameters
        ----------
        subject : str
            "household" or "incident".
        before : str, optional
            Id of the generation whose grids are those before; without it there are none.
        """
        more = _BUILDING if subject == "household" else ()
        names = tuple(dict.fromkeys(("id", "source_key", "lon", "lat", *more, *_SAID[subject])))
        for table in self._session.pages(_KINDS[subject], names, size=self._page_rows, placed_in=before):
            former = table.get("grid_id", np.full(len(table["id"]), "", dtype=object))
            yield PlacedPage(table["source_key"], former, self._columns(subject, table))
            self._tell()

    def counts(self, subject: str) -> Placed:
        """Return what was placed so far."""
        bases = self._bases[subject]
        return Placed(bases.total(), self._placed[subject], dict(sorted(bases.items())))

    def _tell(self) -> None:
        if self._progress is not None:
            done = sum(bases.total() for bases in self._bases.values())
            self._progress(done / max(self._total, done), "落格")

    def _columns(self, subject: str, table: Mapping[str, NDArray[Any]]) -> AssignmentColumns:
        lon, lat = table["lon"].astype(np.float64), table["lat"].astype(np.float64)
        because = {}
        if subject == "household":
            because[Basis.BUILDING] = _use_buildings(table, self._building, lon, lat)
        text, community = _SAID[subject]
        because[Basis.ADDRESS] = self._use_addresses(table[text], table[community], lon, lat)
        found = assign_points(self._cover.base_index, self._cover.overlay_index, lon, lat)
        basis = np.asarray(found.basis, dtype=object)
        for reason, rows in because.items():
            basis[rows & (found.position >= 0)] = reason.value
        basis[~(np.isfinite(lon) & np.isfinite(lat))] = Basis.UNPLACED.value
        self._bases[subject].update(basis.tolist())
        self._placed[subject] += int(np.count_nonzero(found.position >= 0))
        return AssignmentColumns(
            subject_id=table["id"].tolist(),
            grid_id=self._cover.ids[found.position].tolist(),
            exclusive_ids=[" ".join(self._overlay_ids[p] for p in places) for places in found.overlays()],
            basis=basis.tolist(),
        )

    def _use_addresses(
        self, texts: ObjectArray, communities: ObjectArray, lon: FloatArray, lat: FloatArray
    ) -> NDArray[np.bool_]:
        """Fill in place the lon/lat of rows without a point whose address means one grid; tell where.

        Registers and orders name the community besides the text: a text that says otherwise places nothing.
        """
        used = np.zeros(len(lon), dtype=bool)
        for row in np.flatnonzero(~(np.isfinite(lon) & np.isfinite(lat))).tolist():
            spot = self._spot(texts[row] or "", communities[row] or "")
            if spot is not None:
                lon[row], lat[row] = spot
                used[row] = True
        return used


def place_subjects(
    session: Session,
    generation_id: str,
    cover: PublishedCoverage,
    *,
    page_rows: int = PAGE_ROWS,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[Placed, Placed]:
    """Place all households and incidents against one coverage and write where they lie in a generation.

    Parameters
    ----------
    page_rows : int, optional
        Rows read, placed and written at a time.
    progress : callable, optional
        ``progress(share, saying)``; what it raises comes through, and the session is to be left without commit.

    Returns
    -------
    households, incidents : Placed
    """
    placing = Placing(session, cover, page_rows=page_rows, progress=progress)
    for subject in _KINDS:
        session.put_assignments(generation_id, subject, (page.columns for page in placing.pages(subject)))
    return placing.counts("household"), placing.counts("incident")


@dataclass(frozen=True, slots=True)
class HouseholdPlaces:
    """Where every household is: ids in order, degrees (NaN where unknown), and whether a building says so."""

    ids: ObjectArray
    lon: FloatArray
    lat: FloatArray
    from_building: NDArray[np.bool_]


def household_places(session: Session) -> HouseholdPlaces:
    """Return the place of every household the actor sees, ordered by id: its building's inner point, else its own."""
    table = session.columns("households", ("id", *_BUILDING, "lon", "lat"))
    lon, lat = table["lon"].astype(np.float64), table["lat"].astype(np.float64)
    used = _use_buildings(table, _building_of(_building_points(session)), lon, lat)
    return HouseholdPlaces(table["id"], lon, lat, used)


def building_key(community_code: str, compound: str, number: str) -> BuildingKey:
    """Return the key under which a building is known: community, plain compound name, plain number."""
    return community_code, plain_text(compound), house_number(number)


def _building_points(session: Session) -> dict[BuildingKey, Spot]:
    table = session.columns("buildings", ("community_code", "compound", "number", "geometry"))
    inner = shapely.point_on_surface(table["geometry"])
    x, y = shapely.get_x(inner), shapely.get_y(inner)
    found: dict[BuildingKey, Spot] = {}
    twice: set[BuildingKey] = set()
    for row, (community, compound, number) in enumerate(
        zip(table["community_code"], table["compound"], table["number"], strict=True)
    ):
        if not number:
            continue
        key = building_key(community, compound or "", number)
        if key in found:
            twice.add(key)
        found[key] = (float(x[row]), float(y[row]))
    # Two buildings under one number name no place: better unplaced than wrong.
    return {key: place for key, place in found.items() if key not in twice}


def _building_of(buildings: Mapping[BuildingKey, Spot]) -> Callable[[str, str | None, str], Spot | None]:
    """Return the question where a building is, as a register writes its community, compound and number."""
    return lru_cache(maxsize=_REMEMBERED)(
        lambda community, compound, number: buildings.get(building_key(community, compound or "", number))
    )


def _use_buildings(
    households: Mapping[str, ObjectArray],
    building_of: Callable[[str, str | None, str], Spot | None],
    lon: FloatArray,
    lat: FloatArray,
) -> NDArray[np.bool_]:
    """Overwrite lon/lat in place where the household's building is known; tell where."""
    used = np.zeros(len(lon), dtype=bool)
    rows = zip(*(households[name] for name in _BUILDING), strict=True)
    for row, (community, compound, number) in enumerate(rows):
        place = building_of(community, compound, number) if number else None
        if place is not None:
            lon[row], lat[row] = place
            used[row] = True
    return used
