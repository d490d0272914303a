"""Read the spec of `jdl link`: which column of either table is what, and how to link."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jdl_spark import methodology
from jdl_spark.errors import UsageError
from jdl_spark.settings import LinkageSettings

FIELDS = {
    "forename": "forename",
    "middle_names": "middle",
    "surname": "surname",
    "date_of_birth": "birth",
    "sex": "sex",
    "postcode": "postcode",
    "pnc_id": "pnc",
}
"""Field of a spec -> its name in a linkage model."""


@dataclass(frozen=True)
class Side:
    """One side of the spec: which column is what, and how its dates are written."""

    name: str
    id: str
    columns: Mapping[str, str]
    date_format: str | None


@dataclass(frozen=True)
class Spec:
    """What a spec file says.

    Attributes
    ----------
    sides : left and right; the left one twice where a table is linked with itself
    fields : fields of the spec that both sides have
    """

    sides: tuple[Side, Side]
    fields: tuple[str, ...]
    settings: LinkageSettings

    @property
    def itself(self) -> bool:
        """One table is linked with itself."""
        return self.sides[0] is self.sides[1]


def read_spec(path: Path, itself: bool) -> Spec:
    """Return what a spec file says.

    Parameters
    ----------
    itself : one table is searched for people who are in it twice; the spec has no [right]

    Raises
    ------
    UsageError
        If it is missing, is not TOML, or says something that is not known here.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no spec file at {path}") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder; name the spec file in it") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    unknown = sorted(set(content) - {"left", "right", "linkage"})
    if unknown:
        raise UsageError(f"{path}: unknown entry {unknown[0]!r}; a spec has the tables [left], [right] and [linkage]")
    if itself and "right" in content:
        raise UsageError(
            f"{path} has a table [right], but there is one file only; name the other file, or leave it out"
        )
    settings = methodology.build(LinkageSettings, content.get("linkage", {}), f"{path} [linkage]")
    left = _side("left", content, path)
    sides = (left, left) if itself else (left, _side("right", content, path))
    return Spec(sides, _shared_fields(sides, path), settings)


def _side(name: str, content: Mapping[str, Any], spec: Path) -> Side:
    table = content.get(name)
    if not isinstance(table, Mapping):
        raise UsageError(f"{spec}: the table [{name}] is missing; it names the columns of the {name} file")
    known = ("id", *FIELDS, "date_format")
    for key, value in table.items():
        if key not in known:
            raise UsageError(f"{spec} [{name}]: unknown field {key!r}; known are {', '.join(known)}")
        if not isinstance(value, str) or not value:
            raise UsageError(f"{spec} [{name}]: {key} must be the name of a column, in quotes")
    if "id" not in table:
        raise UsageError(f"{spec} [{name}]: id is missing; it names the column that identifies a person")
    return Side(name, table["id"], {f: table[f] for f in FIELDS if f in table}, table.get("date_format"))


def _shared_fields(sides: tuple[Side, Side], spec: Path) -> tuple[str, ...]:
    shared = tuple(f for f in FIELDS if f in sides[0].columns and f in sides[1].columns)
    if not shared:
        if sides[0] is sides[1]:
            raise UsageError(f"{spec}: [left] names no field, so there is nothing to compare")
        raise UsageError(f"{spec}: [left] and [right] have no field in common, so there is nothing to compare")
    given = set(shared)
    names = {"forename", "surname"}
    if not (given & {"date_of_birth", "pnc_id"} or names <= given or ("postcode" in given and given & names)):
        raise UsageError(
            f"{spec}: {', '.join(shared)} alone cannot find pairs; name on both sides date_of_birth, pnc_id, "
            "forename and surname, or postcode with a name"
        )
    return shared
