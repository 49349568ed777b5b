"""Valley frames and smooth noise: a town is laid out along its river, then bent into the plane.

A town is drawn in valley coordinates (s, t): s metres down the valley, t metres to the side of its axis.
`Valley.to_plane` bends them into easting/northing (EPSG:4552). The bend keeps what was noded noded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

__all__ = ["FloatArray", "Valley", "Wave", "bend"]

FloatArray = NDArray[np.float64]
_STEP_M = 5.0
_REACH_M = 7000.0


@dataclass(frozen=True, slots=True)
class Wave:
    """A smooth random function of one variable: a few sinusoids with random phases."""

    amplitudes: tuple[float, ...]
    lengths: tuple[float, ...]
    phases: tuple[float, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, *parts: tuple[float, float]) -> Wave:
        """Draw phases for parts given as (amplitude_m, wavelength_m); lengths vary by a tenth."""
        lengths = tuple(length * rng.uniform(0.9, 1.1) for _, length in parts)
        return cls(tuple(a for a, _ in parts), lengths, tuple(rng.uniform(0, 2 * math.pi, len(parts))))

    def __call__(self, u: Any) -> FloatArray:
        """Evaluate the wave at u."""
        u = np.asarray(u, dtype=np.float64)
        total = np.zeros_like(u)
        for amplitude, length, phase in zip(self.amplitudes, self.lengths, self.phases, strict=True):
            total = total + amplitude * np.sin(2 * math.pi * u / length + phase)
        return total


@dataclass(frozen=True, slots=True)
class Valley:
    """The bent axis of a valley, sampled every five metres."""

    s: FloatArray
    x: FloatArray
    y: FloatArray
    heading: FloatArray
    side: float

    @classmethod
    def draw(
        cls, rng: np.random.Generator, *, centre: tuple[float, float], heading: float, mirrored: bool, centre_t: float
    ) -> Valley:
        """Lay an axis whose point (0, centre_t) falls on `centre` (metres); `mirrored` flips the sides."""
        s = np.arange(-_REACH_M, _REACH_M + _STEP_M, _STEP_M)
        wave = Wave.draw(rng, (0.26, 5200.0), (0.07, 2300.0))
        angle = heading + wave(s) - wave(0.0)
        x = np.concatenate([[0.0], np.cumsum(np.cos(angle[:-1]) * _STEP_M)])
        y = np.concatenate([[0.0], np.cumsum(np.sin(angle[:-1]) * _STEP_M)])
        valley = cls(s, x, y, angle, -1.0 if mirrored else 1.0)
        here = valley.to_plane(np.array([[0.0, centre_t]]))[0]
        return cls(s, x + centre[0] - here[0], y + centre[1] - here[1], angle, valley.side)

    def to_plane(self, st: FloatArray) -> FloatArray:
        """Bend (s, t) pairs, shape (n, 2), into easting/northing."""
        s, t = st[:, 0], st[:, 1] * self.side
        x, y = np.interp(s, self.s, self.x), np.interp(s, self.s, self.y)
        angle = np.interp(s, self.s, self.heading)
        return np.column_stack([x - t * np.sin(angle), y + t * np.cos(angle)])

    def angle_at(self, s: float) -> float:
        """Heading of the valley at s, radians counter-clockwise from east."""
        return float(np.interp(s, self.s, self.heading))


def bend(valley: Valley, geometry: Any) -> Any:
    """Bend a geometry (or array of them) from valley coordinates into the plane."""
    return shapely.transform(geometry, valley.to_plane)
