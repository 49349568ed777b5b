"""A child process that publishes one generation after another until it is killed.

Run as ``python publisher.py STORE LAYOUT``: prints ``ready`` first, then the serial of each generation whose commit
came back. LAYOUT is the number of grids; every generation has as many assignments, lineage links and code rows.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import sys
import uuid

import shapely

from geo.authority import local_planner
from geo.model import ChangeKind, Generation, GenerationState, Grid, GridKind, Lineage
from geo.store import open_store
from geo.store.base import AssignmentColumns

COUNTY = "230724"
COMMUNITY = f"{COUNTY}100001"
HOUSEHOLDS = 40


def clock():
    return dt.datetime.now(dt.UTC)


def opened(url, *, create=False):
    return open_store(url, county_code=COUNTY, now=clock, new_id=lambda: str(uuid.uuid4()), create=create)


def prepare(url):
    """Make a store with households and a first generation."""
    store = opened(url, create=True)
    with store.writing(local_planner(COUNTY)) as session:
        session.upsert(
            "households",
            [
                {"source_key": f"h{n}", "id": f"h{n:03}", "community_code": COMMUNITY, "address_text": "x"}
                for n in range(HOUSEHOLDS)
            ],
        )
        session.commit()
    store.close()


def publish(store, grids):
    """Write a whole generation in one transaction; return its serial."""
    with store.writing(local_planner(COUNTY)) as session:
        former = session.generation()
        serial = 1 if former is None else former.serial + 1
        known = {"county_code": COUNTY, "state": GenerationState.INACTIVE, "effective_from": None}
        session.put_generation(Generation(id=f"generation-{serial}", serial=serial, **known))
        session.put_grids(f"generation-{serial}", layout(serial, grids))
        homes = [f"h{n:03}" for n in range(HOUSEHOLDS)]
        placed = [f"grid-{n % grids:03}" for n in range(HOUSEHOLDS)]
        columns = AssignmentColumns(
            subject_id=homes,
            grid_id=placed,
            exclusive_ids=[""] * HOUSEHOLDS,
            basis=["interior"] * HOUSEHOLDS,
        )
        session.put_assignments(f"generation-{serial}", "household", [columns])
        if former is not None:
            session.put_lineage(former.id, f"generation-{serial}", links(grids))
        day = dt.date(2025, 1, 1) + dt.timedelta(days=serial)
        session.activate(f"generation-{serial}", effective_from=day, published_at=clock())
        session.note("publish", f"generation-{serial}", detail={"grids": grids})
        session.commit()
    return serial


def layout(serial, grids):
    return [
        Grid(
            id=f"grid-{n:03}",
            county_code=COUNTY,
            kind=GridKind.BASE,
            name=f"第{serial}版第{n}网格",
            community_code=COMMUNITY,
            geometry=shapely.box(129 + n / 100, 48, 129.01 + n / 100, 48 + serial / 1e6),
            local_code=f"{n}",
        )
        for n in range(grids)
    ]


def links(grids):
    return [
        Lineage(
            old_grid_id=f"grid-{n:03}",
            new_grid_id=f"grid-{n:03}",
            change=ChangeKind.KEEP,
            area_share=1.0,
            household_share=1.0,
            households=1,
        )
        for n in range(grids)
    ]


def main(url, grids):
    store = opened(url)
    os.write(1, b"ready\n")
    for _ in itertools.count():
        serial = publish(store, grids)
        # Unbuffered: what was acknowledged before the kill must reach the parent.
        os.write(1, f"{serial}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
