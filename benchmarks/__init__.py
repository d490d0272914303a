"""Measurements of the heavy passes against their peers; not part of the package."""
