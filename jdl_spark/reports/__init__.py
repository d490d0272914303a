"""Renderers: a result document becomes HTML, CSV and charts. No Spark, no person-level data."""
