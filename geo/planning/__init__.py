"""Planning: merging units into fewer grids with proof, scoring partitions, and saying why."""

from geo.planning.constraints import Constraints, Weights
from geo.planning.proposal import Proposal, Reason, Saying, Status, StopSearch, Terms, measure
from geo.planning.propose import propose
from geo.planning.units import Units, units_from_polygons

__all__ = [
    "Constraints",
    "Proposal",
    "Reason",
    "Saying",
    "Status",
    "StopSearch",
    "Terms",
    "Units",
    "Weights",
    "measure",
    "propose",
    "units_from_polygons",
]
