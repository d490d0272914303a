"""Random numbers that depend on names only: never on partition, run, clock or `hash()`."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(*names: str | int) -> np.random.Generator:
    """Return a counter-based generator keyed by names, for instance (methodology, request, outcome, block).

    The same names give the same stream on any machine, in any process, in any order of calls.
    """
    text = "\x1f".join(str(name) for name in names)
    key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    return np.random.Generator(np.random.Philox(key=key))
