"""The topology room: the coverage as shared edges, its findings, its repair, and edits that never tear it."""
