"""A published coverage made ready for ten thousand single questions a second: the edges around each point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.locate.edges import directed_edges, shared_edges
from geo.locate.vicinity import Vicinity

if TYPE_CHECKING:
    from geo.services.published import PublishedCoverage

__all__ = ["surroundings_of"]


def surroundings_of(cover: PublishedCoverage) -> Vicinity:
    """Return the vicinity of the base grids' edges; its clear leaves are clear of the overlays' edges too."""
    base = np.array([g.geometry for g in cover.base], dtype=object)
    overlay = np.array([g.geometry for g in cover.overlay], dtype=object)
    return Vicinity(
        shared_edges(base, names=[g.id for g in cover.base]).ends,
        degrees=cover.base_index.metric is not None,
        others=directed_edges(overlay).ends if len(overlay) else None,
    )
