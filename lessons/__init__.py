"""The lessons, a folder each. A package of its own, so that no other `lessons` stands in for it."""
