"""Grid governance: coverage, placement, merging and the stores. Knows no HTTP and no HTML."""

__version__ = "0.1.0"
