"""A publication is seen whole and at once: here, by other workers within a second, and by nobody in halves."""

import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import orjson
import pytest

from geo.errors import Unavailable
from geo.services.publish import publish_plan
from tests import plan_county as county
from tests.api.checked import Checked
from tests.api.conftest import Ticks, open_county, serving, spot

ROOT = Path(__file__).resolve().parents[2]
LON, LAT = spot(1, 0)
ASKED = f"/api/v1/locate?lon={LON!r}&lat={LAT!r}&datum=cgcs2000"


def merged(client):
    """Start a plan that merges g10 into g00; return its place and version."""
    place = client.post("/api/v1/plans", json={}).headers["location"]
    edits = {"edits": [county.merge((0, 0), (1, 0))]}
    assert client.post(f"{place}/edits", json=edits, headers={"If-Match": '"1"'}).status_code == 200
    return place


def publish(client, place):
    sent = {"effective_from": "2025-05-01", "filing_no": "备1号"}
    answer = client.post(f"{place}/publish", json=sent, headers={"If-Match": '"2"'})
    assert answer.status_code == 200, answer.text


def held(client):
    body = client.get(ASKED).json()
    batch = client.post("/api/v1/locate", json={"datum": "cgcs2000", "lon": [LON], "lat": [LAT]}).json()
    return body["grid"]["id"], body["generation"]["serial"], batch["grid"][0], batch["generation"]["serial"]


@pytest.fixture
def ticks():
    """A clock that stands still until told."""
    return Ticks()


def test_the_worker_that_publishes_answers_anew_at_once(store_file, ticks):
    with serving(store_file, ticks=ticks) as client:
        place = merged(client)
        assert held(client) == ("g10", 1, "g10", 1)
        publish(client, place)
        assert held(client) == ("g00", 2, "g00", 2)


def test_another_worker_answers_anew_within_the_second(store_file):
    clock = Ticks()
    with serving(store_file, ticks=Ticks()) as one, serving(store_file, ticks=clock, prefix="other") as other:
        place = merged(one)
        assert held(other) == ("g10", 1, "g10", 1)
        publish(one, place)
        clock.now += 0.2
        assert held(other) == ("g10", 1, "g10", 1)  # not yet: the store is not asked at every question
        clock.now += 0.8
        assert held(other) == ("g00", 2, "g00", 2)


def test_old_and_new_are_never_mixed(store_file):
    """While plans are published over and over, every answer is whole: grid, code and generation belong together."""
    with serving(store_file) as client:
        place = merged(client)
        seen, stop = set(), threading.Event()

        def ask():
            while not stop.is_set():
                body = client.get(ASKED).json()
                seen.add((body["grid"]["id"], body["grid"]["code"], body["generation"]["serial"]))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for t in threads:
            t.start()
        publish(client, place)
        client.get(ASKED)
        stop.set()
        for t in threads:
            t.join()
        code = client.get(ASKED).json()["grid"]["code"]
        assert seen <= {("g10", None, 1), ("g00", code, 2)}
        assert len(code) == 15


def test_a_store_that_cannot_be_read_is_said_and_heals(store_file, ticks):
    with serving(store_file, ticks=ticks) as client:
        face = Checked(client)
        assert face.get(ASKED).status_code == 200
        lookup, whole = client.services.lookup, client.services.lookup.coverage

        def broken(*_, **__):
            raise Unavailable("the store does not answer")

        lookup.coverage = broken
        ticks.now += 0.6
        assert face.get(ASKED).status_code == 200  # still young enough; it is read again behind the answer
        ticks.now += 0.6
        answer = face.get(ASKED)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        lookup.coverage = whole
        assert face.get(ASKED).status_code == 200


def fetched(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return orjson.loads(answer.read())


def test_a_worker_in_another_process_follows_within_a_second(store_file):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.api.second_worker", str(store_file), str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as worker:
        try:
            for _ in range(300):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert worker.poll() is None
                time.sleep(0.1)
            assert fetched(port, ASKED)["grid"]["id"] == "g10"
            with open_county(store_file, prefix="publisher") as services, serving(store_file) as client:
                plan = merged(client).rpartition("/")[2]
                publish_plan(
                    services.store,
                    services.actor,
                    plan,
                    effective_from=county.FIRST.replace(month=5),
                    now=services.now,
                    new_id=services.new_id,
                    filing_no="备1号",
                )
            time.sleep(1.0)
            body = fetched(port, ASKED)
            assert (body["grid"]["id"], body["generation"]["serial"]) == ("g00", 2)
        finally:
            worker.stdin.close()
            worker.wait(20)
