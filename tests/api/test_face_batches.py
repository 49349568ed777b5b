"""POST /locate: columns as JSON, CSV and Arrow give the same answers, exactly those of single questions."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv
from pydantic import BaseModel

from tests.api.conftest import spot

PLACE = "/api/v1/locate"
ARROW = "application/vnd.apache.arrow.stream"


def points():
    spots = [spot(c, r) for c in range(7) for r in range(2)]
    return [*(x for x, _ in spots), 128.0], [*(y for _, y in spots), 47.0]


def arrow_body(columns):
    table, sink = pa.table(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def csv_body(lon, lat, ids):
    return "id,lon,lat\n" + "\n".join(f"{i},{x!r},{y!r}" for i, x, y in zip(ids, lon, lat, strict=True))


def send(face, kind, body, **options):
    return face.post(options.pop("path", f"{PLACE}?datum=cgcs2000"), content=body, headers={"content-type": kind})


def test_the_three_forms_agree_with_single_questions(reading):
    lon, lat = points()
    ids = [f"点{i}" for i in range(len(lon))]
    columns = {"datum": "cgcs2000", "lon": lon, "lat": lat, "id": ids}
    told = send(reading, "application/json", json.dumps(columns), path=PLACE).json()
    single = [reading.get(f"{PLACE}?lon={x!r}&lat={y!r}&datum=cgcs2000").json() for x, y in zip(lon, lat, strict=True)]
    assert told["grid"] == [(s["grid"] or {"id": ""})["id"] for s in single]
    assert told["basis"] == [s["basis"] for s in single]
    assert told["id"] == ids
    assert told["generation"]["id"] == "generation-1"
    assert told["code"] == [(s["grid"] or {"local_code": ""})["local_code"] for s in single]

    text = send(reading, "text/csv", csv_body(lon, lat, ids).encode()).content
    options = csv.ConvertOptions(
        column_types=dict.fromkeys(("code", "grid", "id"), pa.string()), strings_can_be_null=False
    )
    rows = csv.read_csv(io.BytesIO(text), convert_options=options).to_pydict()
    stream = send(reading, ARROW, arrow_body({"id": ids, "lon": lon, "lat": lat})).content
    table = pa.ipc.open_stream(stream).read_all().to_pydict()
    for name in ("id", "grid", "code", "basis"):
        assert rows[name] == table[name] == told[name], name
    assert set(rows["generation"]) == set(table["generation"]) == {"generation-1"}


def test_what_is_no_point_is_marked_and_nothing_is_lost(reading):
    told = send(
        reading,
        "application/json",
        json.dumps({"datum": "wgs84", "lon": [129.501, None, 1e300], "lat": [48.201, 48.2, -1e300]}),
        path=PLACE,
    ).json()
    assert told["basis"] == ["interior", "invalid", "outside"]
    assert told["grid"] == ["g00", "", ""]
    table = arrow_body({"lon": np.array([np.nan, np.inf, 129.501]), "lat": np.array([48.2, 48.2, 48.201])})
    basis = pa.ipc.open_stream(send(reading, ARROW, table).content).read_all()["basis"].to_pylist()
    assert basis == ["invalid", "invalid", "interior"]


def test_no_points_are_an_answer(reading):
    told = send(reading, "application/json", '{"datum":"wgs84","lon":[],"lat":[]}', path=PLACE).json()
    assert (told["grid"], told["code"], told["basis"]) == ([], [], [])


def test_whole_numbers_come_back_as_they_were(reading):
    body = '{"datum":"wgs84","lon":[129],"lat":[48],"id":[7]}'
    assert send(reading, "application/json", body, path=PLACE).json()["id"] == [7]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"lon":[1],"lat":[2]}', "datum-missing"),
        ('{"datum":"mars","lon":[1],"lat":[2]}', "datum-unknown"),
        ('{"datum":7,"lon":[1],"lat":[2]}', "datum-unknown"),
        ('{"datum":"wgs84","lon":[1,2],"lat":[2]}', "columns-unequal"),
        ('{"datum":"wgs84","lon":[1],"lat":[2],"id":["a","b"]}', "columns-unequal"),
        ('{"datum":"wgs84","lon":["129"],"lat":[2]}', "column-type"),
        ('{"datum":"wgs84","lon":[true],"lat":[2]}', "column-type"),
        ('{"datum":"wgs84","lon":[[1]],"lat":[2]}', "column-type"),
        ('{"datum":"wgs84","lon":1,"lat":2}', "column-type"),
        ('{"datum":"wgs84","lon":[1],"lat":[2],"id":[1.5]}', "id-type"),
        ('{"datum":"wgs84","lon":[1],"lat":[2],"canary-field":1}', "fields-unknown"),
        ('{"datum":"wgs84","lon":[1]}', "fields-unknown"),
        ("[]", "fields-unknown"),
        ("", "json-invalid"),
        ('{"datum":"wgs84","lon":[NaN],"lat":[2]}', "json-invalid"),
        ('{"datum":"wgs84","lon":[Infinity],"lat":[2]}', "json-invalid"),
        ("[" * 100_000, "json-invalid"),
        ('{"datum":"wgs84","lon":["\\ud800"],"lat":[2]}', "json-invalid"),
    ],
)
def test_json_that_is_refused(reading, body, code):
    answer = reading.post(PLACE, content=body, headers={"content-type": "application/json"}, echoes=["canary-field"])
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"lon,lat\n129.5,canary-cell\n", "csv-invalid"),
        (b"lon,lat\n129.5\n", "csv-invalid"),
        (b"", "csv-invalid"),
        (b"\xff\xfel\x00", "csv-invalid"),
        (b"x,y\n1,2\n", "fields-unknown"),
        (b"lon,lon,lat\n1,1,2\n", "fields-unknown"),
        (b"lon,lat,datum\n1,2,wgs84\n1,2,gcj02\n", "datum-mixed"),
        (b"lon,lat,datum\n1,2,wgs84\n", "datum-mixed"),
    ],
)
def test_csv_that_is_refused(reading, body, code):
    answer = reading.post(
        f"{PLACE}?datum=cgcs2000", content=body, headers={"content-type": "text/csv"}, echoes=["canary-cell"]
    )
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_arrow_that_is_refused(reading):
    good = arrow_body({"lon": [1.0], "lat": [2.0]})
    sink, table = pa.BufferOutputStream(), pa.table({"lon": np.zeros(5000), "lat": np.zeros(5000)})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
        stream.write_table(table)
    refused = {
        b"": "fields-unknown",
        b"no arrow at all, only text": "arrow-invalid",
        good[: len(good) // 2]: "arrow-invalid",
        bytes(sink.getvalue()): "hostile-file",
        arrow_body({"lon": ["a"], "lat": [2.0]}): "column-type",
        arrow_body({"lon": [1.0], "y": [2.0]}): "fields-unknown",
    }
    for body, code in refused.items():
        answer = send(reading, ARROW, body)
        assert answer.status_code == 422
        assert answer.json()["code"] in {code, "arrow-invalid"}


def test_cut_and_changed_streams_never_fail_otherwise(reading):
    good, rng = arrow_body({"lon": [1.0, 2.0], "lat": [2.0, 3.0], "id": ["a", "b"]}), np.random.default_rng(4)
    for _ in range(60):
        changed = bytearray(good)
        for at in rng.integers(0, len(good), 3):
            changed[at] = rng.integers(0, 256)
        answer = send(reading, ARROW, bytes(changed))
        assert answer.status_code in (200, 422)


def test_other_kinds_of_body_are_named(reading):
    for kind in ("application/xml", "text/plain", "multipart/form-data", ""):
        assert send(reading, kind, b"x").status_code == 415


def test_as_of_answers_with_the_grids_of_that_day(reading):
    body = json.dumps({"datum": "wgs84", "lon": [129.501], "lat": [48.201]})
    assert send(reading, "application/json", body, path=f"{PLACE}?as_of=2025-02-01").json()["grid"] == ["g00"]
    assert send(reading, "application/json", body, path=f"{PLACE}?as_of=2019-02-01").status_code == 404
    assert send(reading, "application/json", body, path=f"{PLACE}?as_of=never").status_code == 422


def test_no_row_becomes_a_model(reading, monkeypatch):
    """A batch of ten thousand builds not one pydantic object."""
    made = []
    real = BaseModel.__init__
    monkeypatch.setattr(BaseModel, "__init__", lambda self, **data: (made.append(type(self)), real(self, **data))[1])
    body = json.dumps({"datum": "wgs84", "lon": [129.501] * 10_000, "lat": [48.201] * 10_000})
    told = send(reading, "application/json", body, path=PLACE).json()
    assert told["grid"] == ["g00"] * 10_000
    assert made == []
