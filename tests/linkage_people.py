"""People as rows of text, for the tests of linkage."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from jdl_spark.linkage.records import Records, pack

COLUMNS = ("forename", "middle_names", "surname", "date_of_birth", "sex", "postcode", "pnc_id")
TYPES = [(name, pa.date32() if name == "date_of_birth" else pa.string()) for name in COLUMNS]


def person(
    forename: str | None = None, surname: str | None = None, born: str | None = None, *, middle: str | None = None,
    sex: str | None = None, postcode: str | None = None, pnc: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    birth = None if born is None else date.fromisoformat(born)
    return dict(zip(COLUMNS, (forename, middle, surname, birth, sex, postcode, pnc), strict=True))


def table(people: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(people, schema=pa.schema(TYPES))


def packed(people: list[dict[str, Any]], ids: list[int] | None = None) -> Records:
    return pack(table(people), np.array(range(len(people)) if ids is None else ids, np.int64))


FORENAMES = ("ADAM", "BRIAN", "CAROL", "DIANE", "EDWARD", "FIONA", "GEORGE", "HELEN", "IAN", "JANET", "KEVIN", "LAURA")
SURNAMES = ("ASHBY", "BOOTHROYD", "CARTWRIGHT", "DENBY", "ELLISON", "FIRTH", "GREENHALGH", "HOLROYD", "INGHAM",
            "JESSOP", "KERSHAW", "LUMB", "MELLOR", "NAYLOR", "OLDROYD", "PICKLES")  # fmt: skip


def town(size: int, seed: int = 1) -> list[dict[str, Any]]:
    """Return invented people, each with every field."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(size):
        born = np.datetime64("1950-01-01") + int(random.integers(0, 18_000))
        made.append(
            person(
                str(random.choice(FORENAMES)), str(random.choice(SURNAMES)), str(born),
                sex=str(random.choice(["F", "M"])), middle=str(random.choice(FORENAMES)),
                pnc=f"{2000 + number % 10}/{number:07d}A",
                postcode=f"LS{random.integers(1, 20)} {random.integers(1, 10)}{random.choice(list('ABDEF'))}A",
            )
        )  # fmt: skip
    return made


def misspelt(people: list[dict[str, Any]], seed: int = 2) -> list[dict[str, Any]]:
    """Return the people as a careless clerk writes them: each has one slip, none has a PNC identifier."""
    random = np.random.default_rng(seed)
    written = []
    for one in people:
        row = one | {"pnc_id": None}
        slip = random.integers(0, 5)
        if slip == 0:
            row["surname"] = row["surname"][:2] + row["surname"][3] + row["surname"][2] + row["surname"][4:]
        elif slip == 1:
            row["forename"], row["surname"] = row["surname"], row["forename"]
        elif slip == 2:
            row["date_of_birth"] = row["date_of_birth"].replace(year=row["date_of_birth"].year - 1)
        elif slip == 3:
            row["postcode"] = None
        written.append(row)
    return written


Versions = dict[tuple[int, int], dict[str, Any]]
"""(identity, version number) to the person as written there."""


def versions_of(size: int) -> Versions:
    """Return the versions of a town in which every third person has an alias."""
    main, other = town(size), misspelt(town(size), seed=4)
    return {(n, 1): main[n] for n in range(size)} | {(n, 2): other[n] for n in range(0, size, 3)}


def identity_table(versions: Versions, identity: str = "offender_id") -> pa.Table:
    """Return versions as rows of a national table of identities; version 0 has no number."""
    rows = [
        {identity: person, "version_no": number or None, **row, "row_hash": hash(str(row))}
        for (person, number), row in versions.items()
    ]
    kinds = [(identity, pa.int64()), ("version_no", pa.int32()), *TYPES, ("row_hash", pa.int64())]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))
