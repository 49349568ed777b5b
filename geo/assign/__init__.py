"""Placing many points at once: arrays, files of any size, and clusters."""

from geo.assign.bulk import AssignReport, BadRow, assign_file
from geo.assign.cluster import assign_on_cluster
from geo.assign.points import Assigned, assign_points

__all__ = ["AssignReport", "Assigned", "BadRow", "assign_file", "assign_on_cluster", "assign_points"]
