"""Planning: merging units into fewer grids with proof, scoring partitions, and saying why."""

from geo.planning.constraints import Constraints, Weights
from geo.planning.curve import Curve, CurvePoint, TradeOff, TradeOffPoint, curve, trade_off
from geo.planning.partition import Flip, Partition
from geo.planning.proposal import Proposal, Reason, Saying, Status, StopSearch, Terms, measure
from geo.planning.propose import propose
from geo.planning.reasons import explain
from geo.planning.scores import GroupScore, Scores, Shape, score, score_flip, shape_of, size_warnings
from geo.planning.units import Units, units_from_polygons

__all__ = [
    "Constraints",
    "Curve",
    "CurvePoint",
    "Flip",
    "GroupScore",
    "Partition",
    "Proposal",
    "Reason",
    "Saying",
    "Scores",
    "Shape",
    "Status",
    "StopSearch",
    "Terms",
    "TradeOff",
    "TradeOffPoint",
    "Units",
    "Weights",
    "curve",
    "explain",
    "measure",
    "propose",
    "score",
    "score_flip",
    "shape_of",
    "size_warnings",
    "trade_off",
    "units_from_polygons",
]
