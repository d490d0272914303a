"""What a trained linkage model says of itself, in words and as a table.

Why without Spark: a model is trained by a job, but looked at from the command line, at once. The
lake keeps every card as a small file beside the results.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jdl_spark.errors import InputError

PURPOSES = {
    "offender_benefit": "offenders to benefit records",
    "cohort": "submitted people to offenders",
    "cohort_benefit": "submitted people to benefit records",
}
"""What a model is for, in words."""
SHORT_ID = 12
"""Characters of a model's identifier that are shown, and enough to name it."""


@dataclass(frozen=True)
class ModelCard:
    """A row of schemas.LINKAGE_MODELS, less when it was trained: the same model has the same card.

    Attributes
    ----------
    parameters : a stats.fellegi_sunter.Model as a JSON object.
    """

    model_id: str
    release_id: str
    purpose: str
    number: int
    parameters: Mapping[str, Any]

    @property
    def heading(self) -> str:
        """One line that names the model."""
        return (
            f"{PURPOSES[self.purpose]} ({self.purpose}), release {self.release_id}: "
            f"model {self.number}, {self.model_id[:SHORT_ID]}"
        )

    def findings(self) -> list[str]:
        """Return what training found, in plain words."""
        training = self.parameters["training"]
        told = [
            f"{training['people']:,} people were looked for among {self.parameters['identities']:,} identities; "
            f"{100 * self.parameters['present']:.0f} in 100 are expected to be there"
        ]
        for name, session in training["sessions"].items():
            end = "converged" if session["converged"] else "NOT converged"
            told.append(
                f"pairs that share {name.replace('_', ' ')}: {session['pairs']:,}, of which {session['matches']:,.0f} "
                f"are expected to be the same person; {end} after {session['iterations']} steps"
            )
        if not training["sessions"]:
            told.append("no pairs to learn from: the model stands at its starting values")
        told += [
            f"relatives allowed for, {kind['name'].replace('_', ' ')}: {kind['share']:.2g} a person"
            for kind in self.parameters["relatives"]
        ]
        told.append(f"people are linked from a probability of {self.link_probability:.4g} on")
        return told

    @property
    def link_probability(self) -> float:
        """The operating point that came with the training."""
        return float(self.parameters["link_probability"])

    def levels(self) -> Iterator[tuple[str, str, float, float, float]]:
        """Yield field, level, m, u and weight (bits) of every comparison level, the highest level first."""
        for field in self.parameters["fields"]:
            levels = zip(field["levels"], field["m"], field["u"], strict=True)
            for level, m, u in reversed(list(levels)):
                yield field["name"], level, m, u, math.log2(m / u)

    def lines(self) -> list[str]:
        """Return everything as lines for a terminal."""
        rows = list(self.levels())
        width = max(len(level) for _, level, *_ in rows)
        head = f"{'field':<10}{'level':<{width}}{'m':>11}{'u':>14}{'weight':>9}"
        table = [f"{name:<10}{level:<{width}}{m:>11.5f}{u:>14.8f}{weight:>+9.2f}" for name, level, m, u, weight in rows]
        closing = "m, u: chance of the level given the same person, different people; weight: log2(m/u), bits"
        return [self.heading, *(f"  {line}" for line in self.findings()), "", head, *table, "", closing]

    def as_json(self) -> dict[str, Any]:
        """Return everything for machines."""
        rows = [dict(zip(("field", "level", "m", "u", "weight"), row, strict=True)) for row in self.levels()]
        return {**self._name(), "levels": rows, "parameters": self.parameters}

    def summary(self) -> dict[str, Any]:
        """Return what training found, for machines."""
        training = self.parameters["training"]
        return {
            **self._name(),
            "people": training["people"],
            "identities": self.parameters["identities"],
            "expected_present": self.parameters["present"],
            "link_probability": self.link_probability,
            "sessions": training["sessions"],
        }

    def _name(self) -> dict[str, Any]:
        return {
            "model_id": self.model_id,
            "release_id": self.release_id,
            "purpose": self.purpose,
            "number": self.number,
        }

    def to_text(self) -> str:
        """Return the card as the lake keeps it."""
        return json.dumps({**self._name(), "parameters": self.parameters}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_text(cls, text: str) -> ModelCard:
        """Rebuild what `to_text` wrote.

        Raises
        ------
        InputError
            If the text is no such card.
        """
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise InputError(
                "this is not the card of a linkage model; write it again with: jdl linkage train"
            ) from error
