"""All limits and options in one frozen object, read once from the environment and checked together."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Limits", "Settings"]


class Limits(BaseSettings):
    """Upper bounds on what an input may cost. Units stand in the names."""

    model_config = SettingsConfigDict(env_prefix="WANGGE_LIMIT_", frozen=True)

    json_body_bytes: int = 2_000_000
    upload_bytes: int = 50_000_000
    unpacked_bytes: int = 200_000_000
    zip_members: int = 200
    zip_ratio: int = 100
    free_disk_bytes: int = 50_000_000
    features: int = 100_000
    table_rows: int = 1_000_000
    table_columns: int = 1_000
    vertices: int = 2_000_000
    polygon_vertices: int = 200_000
    polygon_holes: int = 10_000
    polygon_crossings: int = 100
    json_depth: int = 32
    name_chars: int = 100
    page_rows: int = 1_000
    optimiser_seconds: float = 600.0
    heavy_jobs: int = 2
    heavy_queue: int = 10


class Settings(BaseSettings):
    """What one installation chooses."""

    model_config = SettingsConfigDict(env_prefix="WANGGE_", frozen=True)

    store: str = "var/wangge.gpkg"
    timezone: str = "Asia/Shanghai"
    repair_tolerance_m: float = Field(default=0.5, gt=0, le=50)
    anchor_distance_m: float = Field(default=150.0, gt=0)
    min_shared_edge_m: float = Field(default=10.0, ge=0)
    barrier_snap_m: float = Field(default=15.0, ge=0)
    guidance_min_households: int = 200
    guidance_max_households: int = 500
    forestry_within_236: bool = False
    second_person: bool = True
    map_approval_no: str = ""
    demonstration: bool = False
    limits: Limits = Field(default_factory=Limits)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.guidance_min_households >= self.guidance_max_households:
            raise ValueError("guidance_min_households must be below guidance_max_households")
        return self

    def store_path(self) -> Path | None:
        """Path of the embedded store, None where the store is a database URL."""
        return None if "://" in self.store else Path(self.store)
