"""The seeded generator of the demonstration county (演示数据): real unit names, invented geometry and people."""
