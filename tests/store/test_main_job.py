"""The walk of the data on both stores: files in, repaired, placed, merged, published, asked before and after."""

from __future__ import annotations

import datetime as dt

import pytest

from geo.crs import CGCS2000
from geo.errors import Conflict, CoverageBroken, DatumRequired
from geo.formats.numerals import grid_key
from geo.model import GenerationState, GridKind
from geo.services.coverage import activate_generation, check_generation, repair_generation, revert_generation
from geo.services.ingest import ImportRequest, import_files
from geo.services.lookup import Lookup
from geo.services.propose import MergeRequest, propose_merge, report_of
from geo.services.publish import preview_publication, publish_plan
from geo.services.report import changes_between, county_picture
from geo.settings import Settings
from tests.small_county import HONGJIAN, LIMING, NAMES, SmallCounty, write_small_county

SETTINGS = Settings(store="unused.gpkg")
OLD, NEW = dt.date(2025, 1, 1), dt.date(2025, 7, 1)


@pytest.fixture(scope="module")
def county(tmp_path_factory) -> SmallCounty:
    return write_small_county(tmp_path_factory.mktemp("county"))


def bring(store, planner, place, kind, *paths, datum=None, **wishes):
    request = ImportRequest(kind=kind, paths=paths, datum=datum, **wishes)
    return import_files(store, planner, request, settings=SETTINGS, new_id=place.new_id)


def load(store, planner, place, county):
    def read(kind, *names, datum=None):
        done = bring(store, planner, place, kind, *map(county.path, names), datum=datum, apply=True)
        assert done.applied, done.refused
        return done

    read("areas", "areas.geojson", datum="cgcs2000")
    read("buildings", "buildings.geojson", datum="cgcs2000")
    read("boundaries", *(f"{n}.kml" for n in NAMES.values()), datum="wgs84")
    read("households", "homes.csv", datum="cgcs2000")
    read("gridworkers", "workers.xlsx")
    read("incidents", "incidents.xlsx", datum="gcj02")


def activate(store, planner, place):
    repair_generation(store, planner, tolerance_m=1.5, settle_rest=True)
    return activate_generation(store, planner, effective_from=OLD, now=place.clock)


def placed(store, planner, generation_id, subject, kind):
    with store.reading(planner) as session:
        told = session.assignments(generation_id, subject)
        keys = session.columns(kind, ("id", "source_key"))
        grids = {g.id: (g.community_code, grid_key(g.local_code or g.name)[1]) for g in session.grids(generation_id)}
    key = dict(zip(keys["id"], keys["source_key"], strict=True))
    return {key[s]: grids.get(g) for s, g in zip(told["subject_id"], told["grid_id"], strict=True)}


def test_files_become_a_placed_and_published_county(store, planner, place, county):
    load(store, planner, place, county)
    done = activate(store, planner, place)
    assert placed(store, planner, done.generation.id, "household", "households") == county.grid_of_home
    assert placed(store, planner, done.generation.id, "incident", "incidents") == county.grid_of_incident
    proposed = propose_merge(store, planner, MergeRequest(groups=8), settings=SETTINGS, new_id=place.new_id)
    report = report_of(proposed)
    assert (report["units"], report["groups"], report["status"], report["gap"]) == (12, 8, "optimal", 0)
    assert len(report["reasons"]) == len(proposed.plans[0].edits)
    preview = preview_publication(store, planner, proposed.plans[0].id)
    published = publish_plan(
        store, planner, proposed.plans[0].id, effective_from=NEW, filing_no="1号", now=place.clock, new_id=place.new_id
    )
    assert published.codes == preview.codes
    check_published(store, planner, published)
    check_answers(store, planner, published)


def check_published(store, planner, published):
    with store.reading(planner) as session:
        grids = session.grids(published.generation.id, GridKind.BASE)
        counts = session.assignment_counts(published.generation.id, "household")
        former = session.generation(as_of=OLD)
        before = session.assignment_counts(former.id, "household")
    assert len(grids) == 8
    for community in (LIMING, HONGJIAN):
        codes = sorted(g.code for g in grids if g.community_code == community)
        assert codes == [f"{community}{n:03d}" for n in range(1, len(codes) + 1)]
        assert all(g.name.startswith(NAMES[community]) for g in grids if g.community_code == community)
    assert sum(counts.values()) == sum(before.values())
    assert {k.old_grid_id for k in published.lineage} == set(before)
    merged = {}
    for link in published.lineage:
        merged[link.new_grid_id] = merged.get(link.new_grid_id, 0) + link.households
        assert link.households == before[link.old_grid_id]
        assert link.area_share == pytest.approx(1.0)
    assert merged == counts
    assert sum(not m.to_grid for m in published.workers) == 4
    assert store.verify_journal()[0] > 0


def check_answers(store, planner, published):
    lookup = Lookup(store, ticks=lambda: 0.0)
    link = next(k for k in published.lineage if k.change == "merge" and k.old_grid_id != k.new_grid_id)
    old = next(g for g in lookup.grids(planner, as_of=OLD) if g.id == link.old_grid_id)
    spot = old.geometry.representative_point()
    then = lookup.locate(planner, spot.x, spot.y, datum=CGCS2000, as_of=NEW - dt.timedelta(days=1))
    now = lookup.locate(planner, spot.x, spot.y, datum=CGCS2000, as_of=NEW)
    assert (then.grid["id"], then.grid["code"]) == (link.old_grid_id, None)
    assert now.grid["id"] == link.new_grid_id
    assert len(now.grid["code"]) == 15
    assert lookup.code(planner, now.grid["code"])[0]["grid_id"] == link.new_grid_id
    assert {row["new_grid"] for row in lookup.history(planner, link.old_grid_id)} == {link.new_grid_id}
    picture = county_picture(store, planner, distance_m=150)
    changes = changes_between(store, planner, picture)
    assert sum(c.households for c in changes) == sum(f.registered for f in picture.before)
    assert all(c.buildings for c in changes)
    assert [f.reach.full_time for f in picture.before] == [1] * 12


def test_a_dry_run_reports_and_writes_nothing(store, planner, place, county):
    report = bring(store, planner, place, "areas", county.path("areas.geojson"), datum="cgcs2000")
    assert (report.rows_read, report.accepted, report.applied) == (4, 4, False)
    with store.reading(planner) as session:
        assert session.areas() == []
        assert session.journal() == []


def test_a_second_import_of_the_same_file_doubles_nothing(store, planner, place, county):
    load(store, planner, place, county)
    again = bring(store, planner, place, "households", county.path("homes.csv"), datum="cgcs2000", apply=True)
    assert (again.inserted, again.updated) == (0, 0)
    assert again.unchanged == len(county.grid_of_home)
    grids = bring(store, planner, place, "boundaries", county.path("黎明社区.kml"), datum="wgs84", apply=True)
    assert (grids.inserted, grids.updated) == (0, 6)


def test_the_vote_proposes_the_datum_of_incidents_and_an_undeclared_one_is_not_written(store, planner, place, county):
    load(store, planner, place, county)
    path = county.path("incidents.xlsx")
    assert bring(store, planner, place, "incidents", path).proposed_datum == "gcj02"
    with pytest.raises(DatumRequired, match="--datum gcj02"):
        bring(store, planner, place, "incidents", path, apply=True)


def test_dirty_boundaries_block_activation_until_repaired(store, planner, place, county):
    load(store, planner, place, county)
    assert any(f.blocking for f in check_generation(store, planner))
    with pytest.raises(CoverageBroken, match="block activation"):
        activate_generation(store, planner, effective_from=OLD, now=place.clock)
    outcome = repair_generation(store, planner, tolerance_m=1.5, settle_rest=True)
    assert outcome.changes
    assert not [f for f in outcome.after if f.blocking]
    assert not [f for f in check_generation(store, planner) if f.blocking]


def test_half_a_broken_register_is_reported_and_nothing_is_applied_until_accepted(
    store, planner, place, county, tmp_path
):
    load(store, planner, place, county)
    good = [f"Z{n:03d},新青镇,黎明社区,常住" for n in range(10)]
    bad = [f"Y{n:03d},新青镇,不存在社区,常住" for n in range(10)]
    path = tmp_path / "half.csv"
    rows = ["户号,镇,社区,户籍/常住", *(r for pair in zip(good, bad, strict=True) for r in pair)]
    path.write_text("\n".join(rows), "utf-8")
    refused = bring(store, planner, place, "households", path, apply=True)
    assert (refused.applied, refused.accepted, len(refused.refused)) == (False, 10, 10)
    assert [r.where.row for r in refused.refused] == list(range(3, 23, 2))
    with store.reading(planner) as session:
        assert session.count("households") == len(county.grid_of_home)
    taken = bring(store, planner, place, "households", path, apply=True, accept_refused=True)
    assert (taken.applied, taken.inserted) == (True, 10)


def test_two_grids_with_one_number_are_refused_by_name(store, planner, place, county, tmp_path):
    load(store, planner, place, county)
    text = county.path("黎明社区.kml").read_text("utf-8").replace("第2网格", "第一网格")
    path = tmp_path / "黎明社区.kml"
    path.write_text(text, "utf-8")
    report = bring(store, planner, place, "boundaries", path, datum="wgs84", apply=True)
    assert not report.applied
    assert [r.code for r in report.refused] == ["code-clash"]


def test_a_published_generation_is_never_repaired_and_reverting_makes_a_new_one(store, planner, place, county):
    load(store, planner, place, county)
    first = activate(store, planner, place).generation
    with pytest.raises(Conflict, match="never changed"):
        repair_generation(store, planner, tolerance_m=1.0, generation_id=first.id)
    plan = propose_merge(store, planner, MergeRequest(groups=9), settings=SETTINGS, new_id=place.new_id).plans[0]
    publish_plan(store, planner, plan.id, effective_from=NEW, filing_no="2号", now=place.clock, new_id=place.new_id)
    with pytest.raises(Conflict, match="published already"):
        publish_plan(store, planner, plan.id, effective_from=NEW, filing_no="2号", now=place.clock, new_id=place.new_id)
    back = revert_generation(
        store, planner, to=first.id, effective_from=dt.date(2025, 9, 1), now=place.clock, new_id=place.new_id
    )
    with store.reading(planner) as session:
        states = [g.state for g in session.generations()]
        assert len(session.grids(back.generation.id, GridKind.BASE)) == 12
    assert states == [GenerationState.SUPERSEDED, GenerationState.SUPERSEDED, GenerationState.ACTIVE]
