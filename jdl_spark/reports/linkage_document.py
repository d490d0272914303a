"""What a linkage tells about itself: the document behind the linkage page.

Why dataclasses: the page and its charts are drawn from what has been checked (`linkage_reading.py`), and
from nothing else. It holds counts, shares and agreement levels; no field is meant for a person's values.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from jdl_spark.reports.linkage_words import LEAST


@dataclass(frozen=True)
class Field:
    """A compared field: its levels from the lowest up, and m and u of each."""

    name: str
    levels: tuple[str, ...]
    m: tuple[float, ...]
    u: tuple[float, ...]

    @property
    def bits(self) -> tuple[float, ...]:
        """Match weight of each level, log2(m/u)."""
        return tuple(math.log2(m) - math.log2(u) for m, u in zip(self.m, self.u, strict=True))


@dataclass(frozen=True)
class Session:
    """One run of EM: how many pairs it learned from, and how it ended."""

    name: str
    pairs: int
    matches: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class Model:
    """What the page shows of a stats.fellegi_sunter.Model.

    Attributes
    ----------
    present : expected share of left people who have an identity on the right
    link_probability : posterior from which a person is linked
    """

    fields: tuple[Field, ...]
    present: float
    identities: int
    link_probability: float | None
    sessions: tuple[Session, ...]


@dataclass(frozen=True)
class Bin:
    """How many pairs or people lie from `low` up to `high` (bits, or a probability)."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Unlinkable:
    """Share of records that could not reach a weight (bits) even against themselves."""

    weight: float
    share: float


@dataclass(frozen=True)
class Completeness:
    """Share of records that have a field, on either side."""

    field: str
    left: float
    right: float


@dataclass(frozen=True)
class BlockingRule:
    """Pairs and people that a rule brings together, and how many pairs its fullest key makes."""

    rule: str
    pairs: int
    people: int
    largest_key: int


@dataclass(frozen=True)
class LeftOut:
    """Keys that were too full to be compared, and how many name versions have them."""

    key: str
    keys: int
    versions: int


@dataclass(frozen=True)
class Step:
    """What one field adds to a pair's weight: by its level, and by how rare the agreeing value is (bits)."""

    name: str
    level: str
    bits: float
    frequency_bits: float


@dataclass(frozen=True)
class Waterfall:
    """One pair's weight, field by field (bits), from the prior to the total."""

    title: str
    prior: float
    steps: tuple[Step, ...]
    total: float
    probability: float


@dataclass(frozen=True)
class Promise:
    """People linked with about one probability, and the share of them that was right."""

    promised: float
    observed: float
    count: int


@dataclass(frozen=True)
class Accuracy:
    """Precision and recall against labels when people are linked from a probability on."""

    threshold: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Labels:
    """Accuracy at many thresholds, at the best of them, and where people are linked."""

    curve: tuple[Accuracy, ...]
    best: Accuracy | None
    operating: Accuracy | None

    @property
    def distinct(self) -> tuple[Accuracy, ...]:
        """The curve by threshold, without what lies beyond the first one that is as good as 1.

        Nobody can tell those thresholds apart, and in an easy linkage most pairs have one.
        """
        line = sorted(self.curve, key=lambda at: at.threshold)
        return (*line[:1], *(at for before, at in itertools.pairwise(line) if before.threshold <= 1 - LEAST))


@dataclass(frozen=True)
class Rates:
    """Expected shares of wrong links among the links, and of missed people among those who are there."""

    false_links: float
    missed_links: float


@dataclass(frozen=True)
class LinkageDocument:
    """Everything the linkage page can show; a part that was not measured is empty or None."""

    title: str
    model: Model | None
    histogram: tuple[Bin, ...]
    probabilities: tuple[Bin, ...]
    unlinkable: tuple[Unlinkable, ...]
    completeness: tuple[Completeness, ...]
    blocking: tuple[BlockingRule, ...]
    left_out: tuple[LeftOut, ...]
    waterfall: tuple[Waterfall, ...]
    calibration: tuple[Promise, ...]
    labels: Labels | None
    rates: Rates | None
