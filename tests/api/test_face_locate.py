"""GET /locate: by point, by address, by both; now and before; whatever way the question takes."""

from urllib.parse import quote, urlencode

import pytest

from geo.crs import BD09, GCJ02, from_cgcs2000, metric_for
from tests.api.conftest import spot

PLACE = "/api/v1/locate"
ADDRESS = "黎明社区红林1小区2号楼"


def query(**given):
    return f"{PLACE}?{urlencode(given)}"


def at(column, row, **more):
    lon, lat = spot(column, row)
    return query(**{"lon": lon, "lat": lat, "datum": "cgcs2000", **more})


def test_a_point_names_its_grid_and_who_answers(reading):
    body = reading.get(at(1, 0)).json()
    assert body["grid"]["id"] == "g10"
    assert body["basis"] == "interior"
    assert body["community"]["name"] == "黎明社区"
    assert body["town"]["name"] == "新青镇"
    assert body["candidates"] == [body["grid"]]
    assert body["responsible"]["role"] == "专职网格员"
    assert body["generation"] == {"id": "generation-1", "serial": 1, "effective_from": "2025-01-01"}


def test_the_quick_way_and_the_general_way_give_the_same(reading):
    for column, row, along in ((0, 0, 0.31), (2, 1, 0.5), (0, 0, 0.25), (9, 9, 0.5)):
        lon, lat = spot(column, row, along)
        usual = reading.get(f"{PLACE}?lon={lon!r}&lat={lat!r}&datum=cgcs2000").json()
        again = reading.get(f"{PLACE}?lon={lon!r}&lat={lat!r}&datum=cgcs2000").json()
        turned = reading.get(f"{PLACE}?datum=cgcs2000&lat={lat!r}&lon={lon!r}").json()
        dated = reading.get(f"{PLACE}?datum=cgcs2000&lat={lat!r}&lon={lon!r}&as_of=2025-02-01").json()
        assert usual == again == turned == dated


def test_exclusive_grids_lie_over_the_base(reading):
    lon, lat = 129.5015, 48.2015
    body = reading.get(query(lon=lon, lat=lat, datum="wgs84")).json()
    assert [g["id"] for g in body["exclusive"]] == ["x-school"]
    assert body["grid"]["id"] == "g00"


def test_outside_is_an_answer(reading):
    body = reading.get(query(lon=128.0, lat=47.0, datum="cgcs2000")).json()
    assert (body["grid"], body["basis"], body["candidates"], body["responsible"]) == (None, "outside", [], None)


def test_a_corner_belongs_to_one_grid_and_says_so(reading):
    body = reading.get(query(lon=129.505, lat=48.204, datum="cgcs2000")).json()
    assert body["basis"] == "boundary"
    assert body["distance_to_boundary_m"] == 0.0
    assert body["grid"]["id"] == "g11"


def test_accuracy_makes_candidates(reading):
    lon, lat = spot(1, 0, 0.02, 0.5)
    near = reading.get(query(lon=lon, lat=lat, datum="cgcs2000", accuracy_m=30)).json()
    assert [g["id"] for g in near["candidates"]] == ["g00", "g10"]
    assert near["ambiguous"] is True
    exact = reading.get(query(lon=lon, lat=lat, datum="cgcs2000")).json()
    assert [g["id"] for g in exact["candidates"]] == ["g10"]
    assert exact["ambiguous"] is False


def test_other_datums_are_converted(reading):
    lon, lat = spot(2, 1)
    for datum in (GCJ02, BD09):
        x, y = from_cgcs2000([lon], [lat], datum)
        assert reading.get(query(lon=x[0], lat=y[0], datum=datum.name)).json()["grid"]["id"] == "g21"
    x, y = metric_for(lon).forward([lon], [lat])
    assert reading.get(query(lon=x[0], lat=y[0], datum=f"epsg:{metric_for(lon).epsg}")).json()["grid"]["id"] == "g21"


def test_swapped_numbers_are_proposed_and_never_assumed(reading):
    lon, lat = spot(3, 1)
    for words in ({"lon": lat, "lat": lon, "datum": "cgcs2000"}, {"datum": "wgs84", "lon": lat, "lat": lon}):
        body = reading.get(query(**words)).json()
        assert (body["grid"], body["basis"]) == (None, "outside")
        assert any("对调" in note for note in body["notes"])
    assert reading.get(at(3, 1)).json()["notes"] == []


def test_an_address_is_placed_and_says_whom_to_send(reading):
    body = reading.get(query(address=ADDRESS, category="供热")).json()
    assert (body["grid"]["id"], body["basis"]) == ("g11", "building")
    assert [step["role"] for step in body["send"]["chain"]] == ["专职网格员", "社区值班"]
    assert body["agree"] is None


def test_point_and_address_together(reading):
    lon, lat = spot(1, 1)
    same = reading.get(query(lon=lon, lat=lat, datum="cgcs2000", address=ADDRESS)).json()
    assert (same["agree"], same["grid"]["id"]) == (True, "g11")
    lon, lat = spot(3, 0)
    apart = reading.get(query(lon=lon, lat=lat, datum="cgcs2000", address=ADDRESS)).json()
    assert (apart["agree"], apart["grid"]["id"], apart["ambiguous"]) == (False, "g11", True)
    assert {g["id"] for g in apart["candidates"]} == {"g11", "g30"}


def test_the_datum_that_would_reconcile_both_is_named(reading):
    x, y = from_cgcs2000([129.5073], [48.2059], GCJ02)
    body = reading.get(query(lon=x[0], lat=y[0], datum="cgcs2000", address=ADDRESS)).json()
    assert (body["agree"], body["reconciled_by"], body["grid"]["id"]) == (False, "gcj02", "g11")


def test_an_unknown_address_is_an_honest_answer(reading):
    body = reading.get(query(address="火星路999号")).json()
    assert (body["grid"], body["basis"]) == (None, "unplaced")
    assert body["notes"]


def test_head_answers_without_a_body(reading):
    answer = reading("HEAD", at(0, 0))
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 100


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("lon=129.5&lat=48.2", "datum-missing"),
        ("lon=129.5&lat=48.2&datum=", "datum-missing"),
        ("lon=129.5&lat=48.2&datum=unknown", "datum-missing"),
        ("lon=129.5&lat=48.2&datum=mars", "datum-unknown"),
        ("lat=48.2&datum=wgs84", "parameter-missing"),
        ("", "parameter-missing"),
        ("lon=abc&lat=48.2&datum=wgs84", "number-expected"),
        ("lon=NaN&lat=48.2&datum=wgs84", "number-expected"),
        ("lon=Infinity&lat=48.2&datum=wgs84", "number-expected"),
        ("lon=1e999&lat=48.2&datum=wgs84", "number-expected"),
        ("lon=0x81&lat=48.2&datum=wgs84", "number-expected"),
        ("lon=129,5&lat=48.2&datum=wgs84", "number-expected"),
        ("lon=129.5&lat=48.2&datum=wgs84&lon=129.6", "repeated-parameter"),
        ("lon=129.5&lat=48.2&datum=wgs84&secret=1", "unknown-parameter"),
        ("lon=129.5&lat=48.2&datum=wgs84&accuracy_m=-1", "accuracy-range"),
        ("lon=129.5&lat=48.2&datum=wgs84&accuracy_m=1e9", "accuracy-range"),
        ("lon=129.5&lat=48.2&datum=wgs84&as_of=yesterday", "day-expected"),
        ("lon=129.5&lat=48.2&datum=wgs84&as_of=2025-13-40", "day-expected"),
        ("address=%FF%FE", "address-invalid"),
        (f"address={quote('长' * 301)}", "address-invalid"),
        ("address=x&community=1", "community-code"),
    ],
)
def test_refusals_name_what_is_wrong(reading, text, code):
    answer = reading.get(f"{PLACE}?{text}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_before_the_first_day_nothing_was_in_force(reading):
    answer = reading.get(at(0, 0, as_of="2020-01-01"))
    assert answer.status_code == 404


def test_other_methods_are_refused(reading):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        answer = reading(method, at(0, 0))
        assert answer.status_code == 405, method
        assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]


def test_the_quick_way_is_counted_like_the_others(reading):
    reading.get(at(0, 0))
    text = reading.get("/metrics").text
    line = next(li for li in text.splitlines() if li.startswith("wangge_requests_total") and f'route="{PLACE}"' in li)
    assert float(line.rpartition(" ")[2]) >= 1
    assert "129." not in text
