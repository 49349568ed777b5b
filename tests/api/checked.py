"""A client that holds every exchange to the promises: documented, dressed, one shape of refusals, nothing leaking."""

from __future__ import annotations

import re
from typing import ClassVar

LEAKS = re.compile(
    r"Traceback|site-packages|sqlalchemy|psycopg|sqlite|SELECT\s|INSERT\s|\bFROM\s|/tmp/|/work/|\.py\b|0x[0-9a-f]{6}"
)
MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
EXTRAS = {
    "remedy",
    "where",
    "errors",
    "conflict",
    "current_version",
    "difference",
    "report",
    "plan",
    "base",
    "in_force",
}


class Checked:
    """Wraps a test client; `echoes` are texts sent that must never come back in a refusal."""

    templates: ClassVar[list] = []

    def __init__(self, client):
        self.client = client
        if not self.templates:  # the description is the same for every store
            paths = client.get("/api/v1/openapi.json").json()["paths"]
            Checked.templates = [
                (re.compile("^" + re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$"), operations)
                for path, operations in sorted(paths.items(), key=lambda p: p[0].count("{"))
            ]

    def __call__(self, method, path, *, echoes=(), **options):
        answer = self.client.request(method, path, **options)
        self.dressed(answer)
        self.documented(method, path, answer)
        if answer.status_code >= 400:
            refused(answer, echoes)
        return answer

    def get(self, path, **options):
        return self("GET", path, **options)

    def post(self, path, **options):
        return self("POST", path, **options)

    @staticmethod
    def dressed(answer):
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"]
        assert headers["x-request-id"]
        assert not [name for name in headers if name.startswith("access-control-")]
        assert "set-cookie" not in headers
        assert "server" not in headers
        if headers.get("content-type", "").startswith("text/html"):
            assert headers["x-frame-options"] == "DENY"
            assert headers["cross-origin-opener-policy"] == "same-origin"

    def documented(self, method, path, answer):
        bare = path.partition("?")[0]
        for pattern, operations in self.templates:
            if pattern.match(bare) and method.lower() in operations:
                told = operations[method.lower()]["responses"]
                assert str(answer.status_code) in told, f"{method} {bare}: {answer.status_code} is not documented"
                kinds = told[str(answer.status_code)].get("content", {})
                kind = answer.headers.get("content-type", "").partition(";")[0]
                assert not kinds or kind in {k.partition(";")[0] for k in kinds}, (method, bare, kind)
                return


def refused(answer, echoes=()):
    """Assert the one shape of refusals, and that nothing of the inside or of the input stands in it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:300]
    problem = answer.json()
    assert MEMBERS <= problem.keys() <= MEMBERS | EXTRAS, problem.keys()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:wangge:problem:{problem['code']}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["detail"]
    assert not LEAKS.search(answer.text), answer.text
    for text in echoes:
        assert text not in answer.text, answer.text
    return problem
