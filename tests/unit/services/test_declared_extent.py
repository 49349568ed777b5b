"""The declared extent: outlines drawn apart leave slits, which are nobody's land."""

from __future__ import annotations

import shapely

from geo.crs import metric_for
from geo.model import Area, AreaKind
from geo.services.published import extent_of
from geo.topology import check

METRIC = metric_for(129.5)
X, Y = 538_000.0, 5_350_000.0


def area(code, shape):
    outline = METRIC.unproject(shape)
    return Area(id=code, code=code, county_code="230724", name=code, kind=AreaKind.COMMUNITY, geometry=outline)


def halves(width):
    """Two outlines that enclose a strip of that width between them."""
    notch = shapely.box(X + 100 - width, Y + 40, X + 100, Y + 60)
    return shapely.box(X, Y, X + 100, Y + 100) - notch, shapely.box(X + 100, Y, X + 200, Y + 100), notch


def test_a_slit_between_outlines_is_part_of_the_extent_and_found():
    west, east, notch = halves(0.6)
    extent = extent_of([area("a", west), area("b", east)], {"a", "b"})
    assert not list(extent.interiors)
    shapes = [METRIC.unproject(s) for s in (west, east)]
    found = check(shapes, names=["a", "b"], metric=METRIC, extent=extent, parents=["a", "b"])
    gaps = [f for f in found if f.code.value == "gap"]
    assert len(gaps) == 1
    assert gaps[0].blocking
    assert abs(gaps[0].area_m2 - notch.area) < 0.1


def test_land_of_others_stays_outside():
    west, east, _ = halves(30.0)
    extent = extent_of([area("a", west), area("b", east)], {"a", "b"})
    assert len(extent.interiors) == 1
    assert abs(METRIC.area_m2(extent) - (west.area + east.area)) < 1


def test_nothing_is_declared_without_outlines():
    west, _, _ = halves(1.0)
    assert extent_of([area("a", west)], {"a", "b"}) is None
    assert extent_of([], set()) is None
