"""What GET /locate may be asked: its parameters, how they are read, and their description."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from api.wire import datum_from, day_from, number_from
from geo.crs import CGCS2000, Datum, to_cgcs2000
from geo.errors import Refused

__all__ = ["OPERATION", "PARAMETERS", "USUAL", "PointQuestion", "question_of"]

_WIDEST_M: Final = 100_000.0
_LONGEST_TEXT: Final = 300
_PLAIN: Final = ("cgcs2000", "wgs84")


def _parameter(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}


PARAMETERS: Final = (
    _parameter("lon", {"type": "number"}, "longitude in degrees, or easting in metres for a plane datum"),
    _parameter("lat", {"type": "number"}, "latitude in degrees, or northing in metres for a plane datum"),
    _parameter(
        "datum",
        {"type": "string", "pattern": r"^(cgcs2000|wgs84|gcj-?02|bd-?09|(epsg:)?\d{4,6})$", "maxLength": 20},
        "what the two numbers mean; required with lon and lat, never guessed",
    ),
    _parameter(
        "accuracy_m",
        {"type": "number", "minimum": 0, "maximum": 100000},
        "radius of uncertainty in metres: grids within it become candidates",
    ),
    _parameter("as_of", {"type": "string", "format": "date"}, "answer with the grids in force on that day"),
    _parameter(
        "address",
        {"type": "string", "minLength": 1, "maxLength": _LONGEST_TEXT},
        "address as said or written; alone, or with lon, lat and datum for one placement from both",
    ),
    _parameter(
        "community",
        {"type": "string", "pattern": r"^\d{12}$"},
        "code of the community known besides the address",
    ),
    _parameter(
        "category",
        {"type": "string", "maxLength": 100},
        "category of the incident (供热): the answer then names whom to send",
    ),
)
_NAMES: Final = {str(p["name"]).encode("ascii"): str(p["name"]) for p in PARAMETERS}
_COMMUNITY: Final = re.compile(r"\d{12}")
# What nearly every caller sends, in degrees as they are kept; all else takes the general way, with the same answers.
_NUMBER: Final = rb"([+-]?\d{1,18}(?:\.\d{0,30})?)"
USUAL: Final = re.compile(rb"lon=" + _NUMBER + rb"&lat=" + _NUMBER + rb"&datum=(?:cgcs2000|wgs84)")

OPERATION: Final[dict[str, Any]] = {
    "tags": ["locate"],
    "summary": "Which grid is this point, or this address, in? 查询坐标或地址所在网格",
    "description": (
        "Exactly one base grid for every point of the extent; outside is an answer (200, basis `outside`). An address "
        "that fits several grids is answered with one question and the grids to choose from. Given both, `agree` "
        "says whether they name one grid, and `reconciled_by` under which datum they would."
    ),
    "operationId": "locate_point",
    "parameters": list(PARAMETERS),
    "responses": {
        "200": {
            "description": "The placement",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PlacementOut"}}},
        }
    },
}


@dataclass(frozen=True, slots=True)
class PointQuestion:
    """One question, parsed: a point, an address, or both."""

    lon: float | None
    lat: float | None
    datum: Datum
    accuracy_m: float | None = None
    as_of: dt.date | None = None
    address: str = ""
    community: str | None = None
    category: str = ""

    @property
    def simple(self) -> bool:
        """Whether the kept texts can answer it: a point, now."""
        if self.as_of is not None or self.address or self.category:
            return False
        return self.accuracy_m is None or 0 <= self.accuracy_m <= _WIDEST_M

    def degrees(self) -> tuple[float, float]:
        """Return the point in degrees as stored."""
        x, y = self.lon or 0.0, self.lat or 0.0
        if self.datum.name not in _PLAIN:
            lon, lat = to_cgcs2000([x], [y], self.datum)
            x, y = float(lon[0]), float(lat[0])
        return x, y


def question_of(query: bytes) -> PointQuestion:
    """Parse the query string; every name known and given once.

    Raises
    ------
    Refused
        A name is not known or given twice, a needed one is missing, or a value is no number, day or text.
    """
    given: dict[str, str] = {}
    for pair in query.split(b"&") if query else ():
        name, _, value = pair.partition(b"=")
        known = _NAMES.get(name)
        if known is None:
            raise Refused(
                "a parameter is not known here",
                code="unknown-parameter",
                remedy="known: " + ", ".join(_NAMES.values()),
            )
        if known in given:
            raise Refused(f"{known} is given twice", code="repeated-parameter", remedy="send each parameter once")
        text = value.decode("ascii", "replace")
        given[known] = unquote_plus(text) if "%" in text or "+" in text else text
    return _checked(given)


def _checked(given: Mapping[str, str]) -> PointQuestion:
    address = given.get("address", "").strip()
    if len(address) > _LONGEST_TEXT or "\ufffd" in address:
        raise Refused(
            f"address is no text of at most {_LONGEST_TEXT} characters",
            code="address-invalid",
            remedy="send UTF-8, percent-encoded",
        )
    pointed = "lon" in given or "lat" in given or not address
    for needed in ("lon", "lat") if pointed else ():
        if needed not in given:
            raise Refused(
                f"{needed} is missing", code="parameter-missing", remedy="send lon, lat and datum, or an address"
            )
    accuracy, as_of, community = given.get("accuracy_m"), given.get("as_of"), given.get("community")
    if community is not None and _COMMUNITY.fullmatch(community) is None:
        raise Refused("community is no 12-digit code", code="community-code", remedy="see /api/v1/areas")
    return PointQuestion(
        number_from("lon", given["lon"]) if pointed else None,
        number_from("lat", given["lat"]) if pointed else None,
        datum_from(given.get("datum")) if pointed else CGCS2000,
        None if accuracy is None else number_from("accuracy_m", accuracy),
        None if as_of is None else day_from(as_of),
        address,
        community,
        given.get("category", "")[:100],
    )
