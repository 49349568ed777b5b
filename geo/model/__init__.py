"""The things the county has, as frozen values. Standard library only; geometry is held, never subclassed.

Geometries are shapely objects in CGCS2000 longitude/latitude (EPSG:4490). They are typed as
`Geometry` (``Any``) so that this module stays free of a geometry library.
Identities are UUID strings handed in by the caller; nothing here draws chance or reads a clock.
"""

from geo.model.grids import Area, Finding, Generation, Geometry, Grid, Json, Lineage, Placement, Plan
from geo.model.kinds import (
    AreaKind,
    Basis,
    ChangeKind,
    FindingCode,
    GenerationState,
    GridKind,
    PartyLevel,
    PlanState,
    WorkerKind,
)
from geo.model.records import (
    Alias,
    AnchorHousehold,
    Building,
    Compound,
    Duty,
    Gridworker,
    Household,
    Incident,
    Line,
    PartyGroup,
    Place,
    ServiceCentre,
)

__all__ = [
    "Alias",
    "AnchorHousehold",
    "Area",
    "AreaKind",
    "Basis",
    "Building",
    "ChangeKind",
    "Compound",
    "Duty",
    "Finding",
    "FindingCode",
    "Generation",
    "GenerationState",
    "Geometry",
    "Grid",
    "GridKind",
    "Gridworker",
    "Household",
    "Incident",
    "Json",
    "Line",
    "Lineage",
    "PartyGroup",
    "PartyLevel",
    "Place",
    "Placement",
    "Plan",
    "PlanState",
    "ServiceCentre",
    "WorkerKind",
]
