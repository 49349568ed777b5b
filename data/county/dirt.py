"""Draw true grids the way a hand draws them: each one alone, so that neighbours no longer agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from .frames import FloatArray

__all__ = ["Drawn", "Habits", "draw_by_hand"]


@dataclass(frozen=True, slots=True)
class Habits:
    """How badly a hand draws: usual jitter in metres, and how many of each worse thing a file holds."""

    jitter_m: float = 0.15
    largest_m: float = 0.4
    slips: int = 3
    gaps: int = 1
    doubled: int = 3
    spikes: int = 1
    bow_tie: bool = False
    unclosed: bool = False


@dataclass(slots=True)
class Drawn:
    """A ring as drawn (closed unless stated), metres; `defects` says what was done to it."""

    ring: FloatArray
    defects: list[str] = field(default_factory=list)


def _jitter(ring: FloatArray, habits: Habits, rng: np.random.Generator) -> FloatArray:
    move = rng.normal(0.0, habits.jitter_m, ring.shape)
    far = np.hypot(move[:, 0], move[:, 1])[:, None]
    return ring + move * np.minimum(1.0, habits.largest_m / np.maximum(far, 1e-9))


def _leave_out(ring: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Leave out vertices that hardly bend the line, as a hand does; the neighbour may keep them (T-junctions)."""
    before, after = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0)
    base = after - before
    height = np.abs(base[:, 0] * (ring - before)[:, 1] - base[:, 1] * (ring - before)[:, 0])
    height = height / np.maximum(np.hypot(base[:, 0], base[:, 1]), 1e-9)
    # Never two in a row, so that the line stays within the height tested.
    skip = (height < 0.35) & (rng.random(len(ring)) < 0.7)
    skip &= ~np.roll(skip, 1)
    return ring[~skip] if len(ring) - int(skip.sum()) >= 4 else ring


def _inward(ring: FloatArray, at: int) -> FloatArray:
    """Return the unit vector into the polygon at a vertex (shell oriented counter-clockwise)."""
    edge = ring[(at + 1) % len(ring)] - ring[at - 1]
    normal = np.array([-edge[1], edge[0]])
    return normal / max(float(np.hypot(*normal)), 1e-9)


def _slip(drawn: Drawn, rng: np.random.Generator, low: float, high: float, *, inward: bool) -> None:
    at = int(rng.integers(len(drawn.ring)))
    sign = 1.0 if inward or rng.random() < 0.5 else -1.0
    size = rng.uniform(low, high)
    drawn.ring[at] = drawn.ring[at] + sign * size * _inward(drawn.ring, at)
    drawn.defects.append(f"{'gap' if sign > 0 else 'overlap'} {size:.1f} m")


def _double(drawn: Drawn, rng: np.random.Generator) -> None:
    at = int(rng.integers(len(drawn.ring)))
    drawn.ring = np.insert(drawn.ring, at, drawn.ring[at], axis=0)
    drawn.defects.append("doubled vertex")


def _spike(drawn: Drawn, rng: np.random.Generator) -> None:
    ring = drawn.ring
    lengths = np.hypot(*(np.roll(ring, -1, axis=0) - ring).T)
    at = int(rng.choice(np.flatnonzero(lengths > 12.0)))
    a, b = ring[at], ring[(at + 1) % len(ring)]
    along = (b - a) / lengths[at]
    out = np.array([along[1], -along[0]])
    foot = a + along * lengths[at] * rng.uniform(0.35, 0.65)
    tip = foot + out * rng.uniform(3.0, 6.0)
    drawn.ring = np.insert(ring, at + 1, [foot - 0.08 * along, tip, foot + 0.08 * along], axis=0)
    drawn.defects.append("spike")


def _bow_tie(drawn: Drawn, rng: np.random.Generator) -> bool:
    """Cross the line over itself at a corner: two clicks in the wrong order. False where there is no such corner."""
    ring = drawn.ring
    before, after = np.roll(ring, 1, axis=0) - ring, np.roll(ring, -1, axis=0) - ring
    sine = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])
    sine = sine / np.hypot(*before.T) / np.hypot(*after.T)
    long_enough = np.minimum(np.hypot(*before.T), np.hypot(*after.T)) > 9.0
    corners = np.flatnonzero((sine > 0.6) & long_enough)
    if not len(corners):
        return False
    at = int(rng.choice(corners))
    into = ring[at] + before[at] / np.hypot(*before[at]) * 4.0
    out = ring[at] + after[at] / np.hypot(*after[at]) * 4.0
    drawn.ring = np.concatenate([ring[:at], [out, ring[at], into], ring[at + 1 :]])
    drawn.defects.append("bow-tie")
    return True


def draw_by_hand(shapes: list[Any], habits: Habits, rng: np.random.Generator) -> list[Drawn]:
    """Draw the grids of one file.

    Parameters
    ----------
    shapes : list of Polygon
        True grids in metres.
    habits : Habits
        How badly.
    rng : numpy.random.Generator
        Chance.

    Returns
    -------
    list of Drawn
        One ring per grid, closed unless it was left unclosed on purpose.
    """
    found = []
    for shape in shapes:
        ring = shapely.get_coordinates(shapely.orient_polygons(shape).exterior)[:-1]
        ring = np.roll(ring, -int(rng.integers(len(ring))), axis=0)
        found.append(Drawn(_jitter(_leave_out(ring, rng), habits, rng)))
    pick = lambda: found[int(rng.integers(len(found)))]  # noqa: E731
    for _ in range(habits.slips):
        _slip(pick(), rng, 1.0, 3.0, inward=False)
    for _ in range(habits.gaps):
        _slip(pick(), rng, 2.4, 3.9, inward=True)
    for _ in range(habits.spikes):
        _spike(pick(), rng)
    while habits.bow_tie and not _bow_tie(pick(), rng):
        pass  # rounded off by chance: another grid has a corner
    for _ in range(habits.doubled):
        _double(pick(), rng)
    for drawn in found:
        drawn.ring = np.concatenate([drawn.ring, drawn.ring[:1]])
    if habits.unclosed:
        last = pick()
        last.ring = last.ring[:-1]
        last.defects.append("unclosed ring")
    return found
