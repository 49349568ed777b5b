"""The topology room: the coverage as shared edges, its findings, its repair, and edits that never tear it."""

from geo.topology.admission import close_slits
from geo.topology.coverage import Coverage
from geo.topology.findings import check
from geo.topology.invariants import verify
from geo.topology.repair import SETTLING_RULE, Change, Repaired, repair, settle
from geo.topology.words import describe

__all__ = [
    "SETTLING_RULE",
    "Change",
    "Coverage",
    "Repaired",
    "check",
    "close_slits",
    "describe",
    "repair",
    "settle",
    "verify",
]
