"""Write the demonstration county: ``python data/make_county.py --seed 20241 --out data/boundaries``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from data.county.incidents import happen  # noqa: E402 - the path above comes first
from data.county.staff import hire  # noqa: E402
from data.county.world import build_world  # noqa: E402
from data.county.write_maps import (  # noqa: E402
    write_areas,
    write_base_grids,
    write_base_map,
    write_exclusive,
    write_forest,
)
from data.county.write_tables import (  # noqa: E402
    write_households,
    write_incidents,
    write_roster,
    write_rosters_of_exclusive,
    write_staff_tables,
)
from data.county.write_truth import write_truth  # noqa: E402

__all__ = ["main", "write_county"]


def write_county(seed: int, out: Path) -> None:
    """Build the county of a seed and write all its files under `out`."""
    world = build_world(seed, ROOT / "data" / "units")
    staff = hire(world)
    events = happen(world)
    workers = {w.grids[0]: w.name for w in staff.full_time}
    write_areas(world, out / "01_行政区划")
    defects = write_base_grids(world, out / "02_基础网格", workers)
    write_rosters_of_exclusive(world, out / "03_专属网格" / "专属网格花名册.xls")
    write_exclusive(world, out / "03_专属网格" / "专属网格.dxf")
    write_forest(world, out / "03_专属网格" / "林业局公司专属网格.zip")
    write_roster(world, staff, out / "04_台账" / "网格员花名册.xlsx")
    write_households(world, staff, out / "04_台账" / "住户台账.csv")
    write_staff_tables(staff, out / "04_台账")
    write_incidents(world, events, out / "05_工单" / "12345工单导出.xlsx")
    write_base_map(world, out / "06_底图")
    write_truth(world, events, defects, out / "truth")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Write the demonstration county (演示数据).")
    parser.add_argument("--seed", type=int, default=20241)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "boundaries")
    options = parser.parse_args()
    write_county(options.seed, options.out)
    print(f"demonstration county, seed {options.seed}: {options.out}")


if __name__ == "__main__":
    main()
