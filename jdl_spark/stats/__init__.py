"""Kernels: NumPy in, NumPy out. No Spark, no files."""
