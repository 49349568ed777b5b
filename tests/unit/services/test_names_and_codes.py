"""Names as staff write them, and the numbering of a first unified coding."""

import numpy as np
import pytest
import shapely

from geo.crs import Metric, metric_for
from geo.errors import Refused
from geo.model import Area, AreaKind, Grid, GridKind
from geo.services.coding import CodeRule, chinese_number, give_codes, reading_order
from geo.services.ingest.gazetteer import Communities
from geo.services.ingest.headers import heading, resolve_columns
from geo.services.naming import house_number, masked_name
from geo.services.placement import _hint

METRIC = metric_for(129.5)
TOWNS = (("230724100", "新青镇"), ("230724102", "五营镇"))
LEAVES = (
    ("230724100001", "黎明社区", AreaKind.COMMUNITY),
    ("230724100002", "红建中心社区", AreaKind.COMMUNITY),
    ("230724100006", "育林社区", AreaKind.COMMUNITY),
    ("230724100010", "新青镇林场中心社区", AreaKind.FOREST_CENTRE),
    ("230724102001", "育林社区", AreaKind.COMMUNITY),
    ("230724102201", "跃进村", AreaKind.VILLAGE),
)


def area(code: str, name: str, kind: AreaKind, parent: str | None = None) -> Area:
    return Area(id=code, county_code="230724", code=code, name=name, kind=kind, parent_code=parent)


@pytest.fixture
def communities() -> Communities:
    towns = [area(c, n, AreaKind.TOWN) for c, n in TOWNS]
    return Communities([*towns, *(area(c, n, k, c[:9]) for c, n, k in LEAVES)])


@pytest.mark.parametrize(
    ("text", "town", "code"),
    [
        ("黎明社区居民委员会", None, "230724100001"),
        ("　黎明 社区", None, "230724100001"),
        ("新青镇黎明社区", None, "230724100001"),
        ("红建社区", None, "230724100002"),
        ("红建中心社区居委会", None, "230724100002"),
        ("新青镇林场中心社区", None, "230724100010"),
        ("五营镇育林社区", None, "230724102001"),
        ("育林社区", "新青镇", "230724100006"),
        ("跃进村委会", None, "230724102201"),
        ("跃进村", None, "230724102201"),
        ("230724102201", None, "230724102201"),
    ],
)
def test_a_community_is_found_by_any_usual_name(
    communities: Communities, text: str, town: str | None, code: str
) -> None:
    found = communities.find(text, town=town)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("text", ["育林社区", "光明社区", "", None, "五营镇黎明社区"])
def test_a_name_that_fits_none_or_several_is_not_guessed(communities: Communities, text: str | None) -> None:
    assert communities.find(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("三号楼", "3"),
        ("3#", "3"),
        ("３栋", "3"),
        ("03", "3"),
        ("3A栋", "3A"),
        ("十二号楼", "12"),
        ("平房", ""),
        ("", ""),
    ],
)
def test_a_building_number_is_one_whoever_writes_it(text: str, number: str) -> None:
    assert house_number(text) == number


def test_names_are_masked() -> None:
    assert [masked_name(n) for n in ("张三", "李四光", "欧阳修文", "")] == ["张*", "李**", "欧阳**", ""]


@pytest.mark.parametrize(
    ("value", "text"), [(1, "一"), (10, "十"), (12, "十二"), (20, "二十"), (105, "一百零五"), (110, "一百一十")]
)
def test_numbers_are_written_in_chinese(value: int, text: str) -> None:
    assert chinese_number(value) == text


def test_rows_run_from_the_north_and_within_a_row_from_the_west() -> None:
    x = np.array([300.0, 100.0, 200.0, 100.0])
    y = np.array([1010.0, 1000.0, 990.0, 500.0])
    assert reading_order(x, y, 300.0).tolist() == [1, 2, 0, 3]


def square(col: int, row: int, *, name: str, code: str | None = None, community: str = "230724100001") -> Grid:
    east, north = 540_000 + 300 * col, 5_350_000 + 300 * row
    shape = METRIC.unproject(shapely.box(east, north, east + 300, north + 300))
    return Grid(
        id=f"{community}-{col}-{row}",
        county_code="230724",
        kind=GridKind.BASE,
        name=name,
        community_code=community,
        geometry=shape,
        code=code,
    )


def test_the_first_coding_starts_at_001_in_the_north_west() -> None:
    grids = [square(c, r, name=f"{c}{r}") for r in range(2) for c in range(3)]
    given = give_codes(grids, used=(), community_names={"230724100001": "黎明社区"}, metric=METRIC)
    by_place = {g.id[-3:]: g_.code[-3:] for g, g_ in zip(grids, given, strict=True)}
    assert by_place == {"0-1": "001", "1-1": "002", "2-1": "003", "0-0": "004", "1-0": "005", "2-0": "006"}
    assert given[0].name == "黎明社区第四网格"


def test_coded_grids_keep_their_code_and_retired_codes_never_come_back() -> None:
    grids = [square(0, 0, name="老", code="230724100001002"), square(1, 0, name="新")]
    used = {"230724100001001", "230724100001007"}
    old, new = give_codes(grids, used=used, community_names={}, metric=METRIC)
    assert (old.code, old.is_new) == ("230724100001002", False)
    assert (new.code, new.is_new) == ("230724100001008", True)


def test_coding_refuses_a_community_without_a_code_and_one_that_is_full() -> None:
    with pytest.raises(Refused, match="12-digit"):
        give_codes([square(0, 0, name="x", community="2307")], used=(), community_names={}, metric=METRIC)
    rule = CodeRule(ranges={GridKind.BASE: (1, 1)})
    with pytest.raises(Refused, match="no serial is left"):
        give_codes([square(c, 0, name="x") for c in range(2)], used=(), community_names={}, metric=METRIC, rule=rule)


def test_headings_are_compared_without_units_and_brackets() -> None:
    assert heading("建筑面积（㎡）") == heading("建筑 面积")
    assert heading("社区（村）") == "社区村"


def test_columns_are_recognised_named_by_hand_or_refused() -> None:
    found = resolve_columns("households", ["户 号", "社区（村）", "楼号"], {"room": "楼号"}, file="a.csv")
    assert (found["key"], found["community"], found["building"], found["room"]) == (
        "户 号",
        "社区（村）",
        "楼号",
        "楼号",
    )
    with pytest.raises(Refused, match="no column for community"):
        resolve_columns("households", ["户号"], {}, file="a.csv")
    with pytest.raises(Refused, match="no field"):
        resolve_columns("households", ["户号", "社区"], {"colour": "户号"}, file="a.csv")
    with pytest.raises(Refused, match="no column 'x'"):
        resolve_columns("households", ["户号", "社区"], {"room": "x"}, file="a.csv")


def test_the_metric_of_the_county_is_its_gauss_kruger_zone() -> None:
    assert Metric(4552) == METRIC


def test_a_town_that_is_all_an_order_names_is_its_hint(communities):
    assert communities.town_code("新青镇") == "230724100"
    assert communities.town_code("别处镇") == communities.town_code(None) == ""
    assert _hint("230724100") == {"town": "230724100"}
    assert _hint("230724100001") == {"community": "230724100001"}
    assert _hint("") == {"community": ""}
