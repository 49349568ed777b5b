"""Linear and integer programmes: the only room that knows the solver."""

from geo.solve.programme import Answer, Outcome, Programme

__all__ = ["Answer", "Outcome", "Programme"]
