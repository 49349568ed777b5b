"""Places every household and incident of a generation: building before point, point before address, else nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.assign import assign_points
from geo.model import Basis
from geo.services.addressing import know_addresses
from geo.services.naming import house_number, plain_text
from geo.store.base import AssignmentColumns, Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geo.services.addressing import KnownAddresses
    from geo.services.published import PublishedCoverage

__all__ = ["HouseholdPlaces", "Placed", "building_key", "household_places", "place_subjects"]

ObjectArray = NDArray[np.object_]
FloatArray = NDArray[np.float64]
BuildingKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Placed:
    """What placing one subject gave: the columns to store and how many rows have each basis."""

    columns: AssignmentColumns
    by_basis: Mapping[str, int]

    @property
    def placed(self) -> int:
        """Rows that have a base grid."""
        return sum(1 for g in self.columns.grid_id if g)


def place_subjects(session: Session, cover: PublishedCoverage) -> tuple[Placed, Placed]:
    """Place all households and incidents against one coverage.

    Priority: a recorded building (its inner point), else the recorded point, else the address text where it means
    one grid, else ``unplaced``. A household whose building is known is placed with it, so that one building never
    splits.

    Returns
    -------
    households, incidents : Placed
    """
    known = know_addresses(session, cover)
    homes = household_places(session)
    texts = session.columns("households", ("address_text", "community_code"))
    said = _use_addresses(texts["address_text"], texts["community_code"], known, homes.lon, homes.lat)
    incidents = session.columns("incidents", ("id", "lon", "lat", "address_text", "community_hint"))
    lon, lat = incidents["lon"].astype(np.float64), incidents["lat"].astype(np.float64)
    heard = _use_addresses(incidents["address_text"], incidents["community_hint"], known, lon, lat)
    by_building, nothing = {Basis.BUILDING: homes.from_building, Basis.ADDRESS: said}, {Basis.ADDRESS: heard}
    return (
        _place("household", homes.ids, homes.lon, homes.lat, cover, because=by_building),
        _place("incident", incidents["id"], lon, lat, cover, because=nothing),
    )


def _use_addresses(
    texts: ObjectArray, communities: ObjectArray, known: KnownAddresses, lon: FloatArray, lat: FloatArray
) -> NDArray[np.bool_]:
    """Fill in place the lon/lat of rows without a point whose address means one grid; tell where.

    Registers and orders name the community besides the text: a text that says otherwise places nothing.
    """
    used = np.zeros(len(lon), dtype=bool)
    answered: dict[tuple[str, str], tuple[float, float] | None] = {}
    for row in np.flatnonzero(~(np.isfinite(lon) & np.isfinite(lat))).tolist():
        asked = (texts[row] or "", communities[row] or "")
        if asked not in answered:
            answered[asked] = known.spot_of(known.book.find(asked[0], community=asked[1]))
        spot = answered[asked]
        if spot is not None:
            lon[row], lat[row] = spot
            used[row] = True
    return used


@dataclass(frozen=True, slots=True)
class HouseholdPlaces:
    """Where every household is: ids in order, degrees (NaN where unknown), and whether a building says so."""

    ids: ObjectArray
    lon: FloatArray
    lat: FloatArray
    from_building: NDArray[np.bool_]


def household_places(session: Session) -> HouseholdPlaces:
    """Return the place of every household the actor sees, ordered by id: its building's inner point, else its own."""
    table = session.columns("households", ("id", "community_code", "compound", "building_number", "lon", "lat"))
    lon, lat = table["lon"].astype(np.float64), table["lat"].astype(np.float64)
    return HouseholdPlaces(table["id"], lon, lat, _use_buildings(table, _building_points(session), lon, lat))


def building_key(community_code: str, compound: str, number: str) -> BuildingKey:
    """Return the key under which a building is known: community, plain compound name, plain number."""
    return community_code, plain_text(compound), house_number(number)


def _building_points(session: Session) -> dict[BuildingKey, tuple[float, float]]:
    table = session.columns("buildings", ("community_code", "compound", "number", "geometry"))
    inner = shapely.point_on_surface(table["geometry"])
    x, y = shapely.get_x(inner), shapely.get_y(inner)
    found: dict[BuildingKey, tuple[float, float]] = {}
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


def _use_buildings(
    households: Mapping[str, ObjectArray],
    buildings: Mapping[BuildingKey, tuple[float, float]],
    lon: FloatArray,
    lat: FloatArray,
) -> NDArray[np.bool_]:
    """Overwrite lon/lat in place where the household's building is known; tell where."""
    used = np.zeros(len(lon), dtype=bool)
    cache: dict[tuple[str, str, str], tuple[float, float] | None] = {}
    rows = zip(households["community_code"], households["compound"], households["building_number"], strict=True)
    for row, raw in enumerate(rows):
        if not raw[2]:
            continue
        if raw not in cache:
            cache[raw] = buildings.get(building_key(raw[0], raw[1] or "", raw[2]))
        place = cache[raw]
        if place is not None:
            lon[row], lat[row] = place
            used[row] = True
    return used


def _place(
    subject: str,
    ids: ObjectArray,
    lon: Any,
    lat: Any,
    cover: PublishedCoverage,
    *,
    because: Mapping[Basis, NDArray[np.bool_]],
) -> Placed:
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    found = assign_points(cover.base_index, cover.overlay_index, x, y)
    basis = np.asarray(found.basis, dtype=object)
    for reason, rows in because.items():
        basis[rows & (found.position >= 0)] = reason.value
    basis[~(np.isfinite(x) & np.isfinite(y))] = Basis.UNPLACED.value
    overlay_ids = [g.id for g in cover.overlay]
    exclusive = [" ".join(overlay_ids[p] for p in places) for places in found.overlays()]
    words, counts = np.unique(basis.astype(str), return_counts=True)
    return Placed(
        AssignmentColumns(
            subject=subject,
            subject_id=list(ids),
            grid_id=list(cover.ids[found.position]),
            exclusive_ids=exclusive,
            basis=list(basis),
        ),
        {str(w): int(c) for w, c in zip(words, counts, strict=True)},
    )
