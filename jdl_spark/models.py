"""Linkage models of a release: trained once, stored with a number, and pinned by the runs that score with them.

Why stored: a request must link the same alone or in company, today and in a year, so a run never
trains on its own cohort; it takes the model that is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jdl_spark import review, runs, schemas
from jdl_spark.linkage import training
from jdl_spark.model_card import ModelCard
from jdl_spark.settings import Methodology
from jdl_spark.store import Store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COHORT_PURPOSES = ("cohort", "cohort_benefit")
"""Models for the links of submitted people."""


@dataclass(frozen=True)
class LinkageModel:
    """A stored model.

    Attributes
    ----------
    parameters : what `training.train` returned
    """

    model_id: str
    purpose: str
    number: int
    parameters: str


@dataclass(frozen=True)
class Training:
    """What `jdl linkage train` did: the release's models, and the ids of those that were there before."""

    release_id: str
    models: Sequence[LinkageModel]
    before: frozenset[str] = frozenset()

    def is_new(self, model: LinkageModel) -> bool:
        """Say whether a model was made just now."""
        return model.model_id not in self.before

    @property
    def cards(self) -> list[ModelCard]:
        """The models as cards."""
        return [_card(self.release_id, model) for model in self.models]

    def lines(self) -> list[str]:
        """Return what was found as lines for a terminal."""
        told = []
        for model, card in zip(self.models, self.cards, strict=True):
            told += [f"{card.heading}: {'trained now' if self.is_new(model) else 'there already'}"]
            told += [f"  {line}" for line in card.findings()]
        if len(self.models) < len(schemas.LINKAGE_PURPOSES):
            told.append("Nobody has been submitted yet; the models for submitted people need some of them.")
        return told

    def as_json(self) -> dict[str, Any]:
        """Return what was found for machines."""
        found = [
            {**card.summary(), "new": self.is_new(model)} for model, card in zip(self.models, self.cards, strict=True)
        ]
        return {"release_id": self.release_id, "models": found}


def obtain(store: Store, release_id: str, purpose: str, methodology: Methodology, again: bool = False) -> LinkageModel:
    """Return a release's model for a purpose, trained now if there is none under these settings.

    Parameters
    ----------
    purpose : str
        One of schemas.LINKAGE_PURPOSES. The identity index of the release must be there, and, for the
        purposes of a cohort, the people submitted so far.
    again : bool
        Train even if there is one. It becomes a new model only if it is another one, for instance
        because more people have been submitted: then it gets the next number, and later runs use it.
    """
    settings = runs.digest_of(methodology.linkage, runs.code_version())
    frame = store.stored(schemas.LINKAGE_MODELS, release_id=release_id).where(f"purpose = '{purpose}'")
    known = sorted(frame.collect(), key=lambda row: int(row["number"]))
    fitting = [row for row in known if row["settings_digest"] == settings]
    if fitting and not again:
        return _model(fitting[-1].asDict())
    labels = review.labels(store) if purpose == "cohort" else None
    sides = _sides(store, release_id, purpose)
    parameters = training.train(*sides, purpose, methodology.linkage, methodology.version, labels)
    model_id = runs.digest_of(release_id, purpose, settings, parameters)
    same = [row for row in known if row["model_id"] == model_id]
    if same:
        return _model(same[0].asDict())
    row = {
        "model_id": model_id,
        "release_id": release_id,
        "purpose": purpose,
        "number": 1 + max((int(row["number"]) for row in known), default=0),
        "settings_digest": settings,
        "parameters": parameters,
        "created_at": datetime.now(UTC),
    }
    store.upsert(schemas.LINKAGE_MODELS, store.rows(schemas.LINKAGE_MODELS, [row]))
    write_card(store, release_id, _model(row))
    return _model(row)


def known_ids(store: Store, release_id: str) -> frozenset[str]:
    """Return the ids of all models of a release."""
    rows = store.stored(schemas.LINKAGE_MODELS, release_id=release_id).select("model_id").collect()
    return frozenset(row["model_id"] for row in rows)


def write_card(store: Store, release_id: str, model: LinkageModel) -> None:
    """Write a model where `jdl linkage show` finds it."""
    store.write_text(f"documents/_models/{model.model_id}.json", _card(release_id, model).to_text())


def _sides(store: Store, release_id: str, purpose: str) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Return the index, its name frequencies and the people to look for, or a sample of them."""
    population = "offender" if purpose == "cohort" else "benefit"
    index = store.stored(schemas.IDENTITY_INDEX, release_id=release_id)
    names = store.stored(schemas.NAME_FREQUENCIES, release_id=release_id)
    cohort = purpose in COHORT_PURPOSES
    people = store.read(schemas.COHORT_MEMBERS) if cohort else index.where("population = 'offender'")
    return index.where(f"population = '{population}'"), names.where(f"population = '{population}'"), people


def _model(row: Mapping[str, Any]) -> LinkageModel:
    return LinkageModel(row["model_id"], row["purpose"], int(row["number"]), row["parameters"])


def _card(release_id: str, model: LinkageModel) -> ModelCard:
    return ModelCard(model.model_id, release_id, model.purpose, model.number, json.loads(model.parameters))
