"""Drawing grids: a ground cut into blocks by streets and rivers, and the blocks gathered into grids.

Blocks are the faces that streets, rivers and railways make of a ground, exactly on the lattice, so that whatever is
gathered from them covers the ground without a gap. Two drawings are made of them: an oversized grid divided into
balanced parts (`divide_ground`), and a community whose grids are known by a roster of buildings only
(`gather_grids`).
"""

from geo.planning.drawing.blocks import cut_blocks, lines_between
from geo.planning.drawing.dividing import Division, Load, Terrain, divide_ground
from geo.planning.drawing.gathering import Gathered, gather_grids
from geo.planning.drawing.guides import cutting_lines
from geo.planning.drawing.remarks import Remark, RemarkCode, remark
from geo.planning.drawing.roster import Claim, House, RosterLine, read_claims, read_roster
from geo.planning.drawing.seat import Seat, seat_among
from geo.planning.drawing.solids import Solids, bind_solids

__all__ = [
    "Claim",
    "Division",
    "Gathered",
    "House",
    "Load",
    "Remark",
    "RemarkCode",
    "RosterLine",
    "Seat",
    "Solids",
    "Terrain",
    "bind_solids",
    "cut_blocks",
    "cutting_lines",
    "divide_ground",
    "gather_grids",
    "lines_between",
    "read_claims",
    "read_roster",
    "remark",
    "seat_among",
]
