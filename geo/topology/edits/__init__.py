"""Edits of a coverage as values: each makes another coverage, and each has an inverse that restores it bit for bit.

No edit draws one polygon. It says what happens to shared chains, so that whatever is put into a border is put into
both sides of it; the outer boundary of the coverage stays where it is. What would fold a ring, lay one grid over
another or tear one apart is refused by name.
"""

from geo.topology.edits.bends import same_ground
from geo.topology.edits.giving import Dissolve, Merge, Transfer
from geo.topology.edits.moving import MoveEdge, MoveNode
from geo.topology.edits.patch import Edit, Patch, Strand
from geo.topology.edits.splitting import Split

__all__ = [
    "Dissolve",
    "Edit",
    "Merge",
    "MoveEdge",
    "MoveNode",
    "Patch",
    "Split",
    "Strand",
    "Transfer",
    "same_ground",
]
