import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
import shapely

from geo.errors import NotFound, Refused, Unavailable
from geo.locate import GridIndex, storage


@pytest.fixture
def index():
    return GridIndex.from_polygons([shapely.box(i, 0, i + 1, 1) for i in range(5)], metric=None)


def test_a_saved_index_answers_the_same_from_the_disk(index, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 6, (2, 2000))
    loose = GridIndex.from_polygons([shapely.box(0, 0, 3, 3), shapely.box(1, 1, 5, 5)], strict=False, metric=None)
    for name, made in (("strict", index), ("loose", loose)):
        made.save(tmp_path / name)
        again = GridIndex.open(tmp_path / name)
        assert (again.locate_many(x, y) == made.locate_many(x, y)).all()
        assert (again.strict, len(again), again.nbytes) == (made.strict, len(made), made.nbytes)
        assert again.locate(0.25, 0.5) == made.locate(0.25, 0.5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["loose", "strict"]


def test_an_opened_index_is_read_only_and_shared(index, tmp_path):
    index.save(tmp_path / "i")
    again = GridIndex.open(tmp_path / "i")
    arrays = again._arrays().values()
    assert not any(a.flags.writeable for a in arrays)
    assert not any(a.flags.owndata for a in arrays)


def test_opening_takes_milliseconds(index, tmp_path):
    index.save(tmp_path / "i")
    start = time.perf_counter()
    GridIndex.open(tmp_path / "i")
    assert time.perf_counter() - start < 0.05


def test_both_kernels_read_the_mapped_file(index, tmp_path):
    index.save(tmp_path / "i")
    again = GridIndex.open(tmp_path / "i")
    x = np.linspace(-1, 6, 71)
    y = np.full(71, 0.5)
    assert again.locate_many(x, y, kernel="numba").tolist() == index.locate_many(x, y, kernel="numpy").tolist()


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        GridIndex.open(tmp_path / "none")


@pytest.mark.parametrize("harm", ["foreign", "short", "header", "facts", "negative", "empty"])
def test_a_harmed_file_is_refused(index, tmp_path, harm):
    path = tmp_path / "i"
    index.save(path)
    data = path.read_bytes()
    path.write_bytes(
        {
            "foreign": b"SQLite format 3\0" + data[16:],
            "short": data[: len(data) // 2],
            "header": data.replace(b'"dtype"', b'"dtyqe"', 1),
            "facts": data.replace(b'"lattice"', b'"lettuce"', 1),
            "negative": data.replace(b'"offset":0', b'"offset":-', 1),
            "empty": b"",
        }[harm]
    )
    with pytest.raises(Refused):
        GridIndex.open(path)


def test_a_full_disk_leaves_nothing_and_the_old_file(index, tmp_path, monkeypatch):
    path = tmp_path / "i"
    index.save(path)
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(Unavailable):
        index.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["i"]


def test_without_numba_everything_works_in_numpy(tmp_path):
    code = """
import sys
sys.modules["numba"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "numba" else find(name, *a)
import numpy as np, shapely
from geo.errors import Unavailable
from geo.locate import GridIndex, index as room
room._WORTH_LOADING = 1
index = GridIndex.from_polygons([shapely.box(0, 0, 1, 1)], metric=None)
assert (index.locate_many(np.full(1_200, 0.5), np.full(1_200, 0.5)) == 0).all()
try:
    index.locate_many([0.5], [0.5], kernel="numba")
except Unavailable:
    raise SystemExit(0)
raise SystemExit(1)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_pickle_with_buffers_beside_it_shares_the_one_copy(index):
    beside = []
    told = pickle.dumps(index, protocol=5, buffer_callback=beside.append)
    again = pickle.loads(told, buffers=beside)  # noqa: S301 - our own bytes
    assert len(told) < 10_000
    mine, its = index._arrays(), again._arrays()
    assert all(np.shares_memory(mine[name], its[name]) for name in mine if mine[name].size)


MAPPED = """
import re, sys
from geo.locate import GridIndex
index = GridIndex.open(sys.argv[1])
total = sum(float(a.sum()) for a in index._arrays().values())
shared = private = 0
with open("/proc/self/smaps") as file:
    mine = False
    for line in file:
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            mine = line.rstrip().endswith(sys.argv[1])
        elif mine and line.startswith("Private_Dirty"):
            private += int(line.split()[1])
        elif mine and line.startswith("Shared_Clean"):
            shared += int(line.split()[1])
print(shared, private)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says about memory")
def test_processes_that_open_one_file_share_its_pages(tmp_path):
    side = [shapely.box(i, j, i + 1, j + 1) for i in range(40) for j in range(40)]
    path = tmp_path / "i"
    GridIndex.from_polygons(side, metric=None).save(path)
    held = GridIndex.open(path)
    assert sum(float(a.sum()) for a in held._arrays().values())  # every page is read here, too
    done = subprocess.run([sys.executable, "-c", MAPPED, str(path)], check=True, capture_output=True, text=True)
    shared, private = map(int, done.stdout.split())
    assert private == 0
    assert shared * 1024 >= 0.9 * held.nbytes


def test_the_kernel_is_compiled_once_and_cached(tmp_path):
    code = """
import numpy as np, shapely
from geo.locate import GridIndex, compiled, compiled_kernel
compiled.load()
first = len(compiled_kernel._place.signatures)
index = GridIndex.from_polygons([shapely.box(0, 0, 1, 1)], metric=None)
index.place_many(np.full(9, 0.5), np.full(9, 0.5), kernel="numba")
assert len(compiled_kernel._place.signatures) == first == 1
print(sum(compiled_kernel._place.stats.cache_hits.values()))
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    hits = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment).stdout
        for _ in range(2)
    ]
    assert [int(h) for h in hits] == [0, 1]


MILLION = """
import resource
import numpy as np, shapely
from geo.locate import GridIndex
west, south = (a.ravel() for a in np.meshgrid(np.arange(1000.0), np.arange(1000.0)))
index = GridIndex.from_polygons(shapely.box(west, south, west + 1, south + 1), metric=None)
x, y = np.random.default_rng(0).uniform(0, 1000, (2, 100_000))
assert (index.locate_many(x, y, kernel="numpy") == np.floor(y) * 1000 + np.floor(x)).all()
print(index.nbytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.battery
def test_a_million_grids_fit_into_memory():
    done = subprocess.run([sys.executable, "-c", MILLION], check=True, capture_output=True, text=True)
    size, peak = map(int, done.stdout.split())
    assert size <= 1e9
    assert peak <= 4e9
