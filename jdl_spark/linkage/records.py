"""People's name versions as arrays: the one form in which either side of a linkage travels.

Why packed: keys and names are integers, a name's text is stored once per distinct name, and a
shard crosses from Spark into NumPy as one value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jdl_spark.linkage import nicknames, standardise

IntArray = NDArray[np.int64]
Positions = NDArray[np.int32]

NO_DATE = np.iinfo(np.int32).min
"""`birth` where the date of birth is not known."""

_PLACEHOLDER_BIRTH = int(np.datetime64("1900-01-01").astype(np.int32))
_SOURCE = ("forename", "middle_names", "surname", "date_of_birth", "sex", "postcode", "pnc_id")
_ARRAYS: dict[str, str] = {
    "person": "<i8", "version": "<i4", "forename": "<i4", "middle": "<i4", "surname": "<i4", "birth": "<i4",
    "sex": "<i1", "postcode": f"S{standardise.LONGEST_POSTCODE}", "outward": f"S{standardise.LONGEST_OUTWARD}",
    "pnc": f"S{standardise.LONGEST_PNC}",
}  # fmt: skip
_NAME_ARRAYS: dict[str, str] = {"code": "<i8", "sound_first": "<i8", "sound_last": "<i8", "root": "<i8", "first": "<i8"}


@dataclass(frozen=True)
class Names:
    """The distinct standardised names of some records, sorted by code.

    Attributes
    ----------
    code : int64, shape (k,), ascending. Stable hash of the text.
    text : object (str), shape (k,)
    sound_first, sound_last : int64, shape (k,). Phonetic keys of the first and last word.
    root : int64, shape (k,). Phonetic key of the name that its first word stands for, as a short form
        or spelling; of the word itself where it stands for none.
    first : int64, shape (k,). Code of the first word: what short forms are looked up by.
    """

    code: IntArray
    text: NDArray[np.object_]
    sound_first: IntArray
    sound_last: IntArray
    root: IntArray
    first: IntArray

    def take(self, kept: NDArray[np.bool_]) -> Names:
        """Return some of the names, given by a mask of shape (k,)."""
        return Names(**{part: getattr(self, part)[kept] for part in (*_NAME_ARRAYS, "text")})

    @cached_property
    def initial(self) -> IntArray:
        """Code point of the first letter, int64, shape (k,)."""
        return np.array([ord(text[0]) for text in self.text], np.int64)

    @cached_property
    def is_initial(self) -> NDArray[np.bool_]:
        """Names that are one letter only, bool, shape (k,)."""
        return np.array([len(text) == 1 for text in self.text], bool)

    @cached_property
    def is_double(self) -> NDArray[np.bool_]:
        """Names of several words, bool, shape (k,)."""
        return np.array([" " in text for text in self.text], bool)


@dataclass(frozen=True)
class Records:
    """Name versions of people, sorted by (person, version).

    Attributes
    ----------
    person : int64, shape (n,). Identity id, or a submitted person's row number.
    version : int32, shape (n,)
    forename, middle, surname : int32, shape (n,). Row of `names`, -1 where missing.
    birth : int32, shape (n,). Days since 1970-01-01, NO_DATE where missing.
    sex : int8, shape (n,). 1 female, 2 male, 0 missing.
    postcode, outward, pnc : fixed-width bytes, shape (n,). Empty where missing.
    names : Names
    """

    person: IntArray
    version: Positions
    forename: Positions
    middle: Positions
    surname: Positions
    birth: Positions
    sex: NDArray[np.int8]
    postcode: NDArray[np.bytes_]
    outward: NDArray[np.bytes_]
    pnc: NDArray[np.bytes_]
    names: Names

    def __len__(self) -> int:
        return len(self.person)

    @cached_property
    def people(self) -> IntArray:
        """Distinct persons, ascending."""
        first = np.ones(len(self.person), bool)
        np.not_equal(self.person[1:], self.person[:-1], out=first[1:])
        return self.person[first]

    @cached_property
    def first_row(self) -> IntArray:
        """Shape (people + 1,): where each distinct person's versions begin, and the end."""
        return np.append(np.searchsorted(self.person, self.people), len(self)).astype(np.int64)

    @cached_property
    def person_at(self) -> IntArray:
        """Place of each record's person in `people`, int64, shape (n,)."""
        return np.repeat(np.arange(len(self.people)), np.diff(self.first_row))

    def bearers(self, rows: IntArray) -> int:
        """Return how many people some of the records belong to."""
        theirs = np.zeros(len(self.people), bool)
        theirs[self.person_at[rows]] = True
        return int(theirs.sum())

    @cached_property
    def calendar(self) -> tuple[IntArray, IntArray, IntArray]:
        """Year, month and day of birth, int64, shape (n,) each; 0 where the date is missing."""
        known = self.birth != NO_DATE
        days = np.where(known, self.birth, 0).astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        year = months.astype("datetime64[Y]").astype(np.int64) + 1970
        month = months.astype(np.int64) % 12 + 1
        day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
        return year * known, month * known, day * known

    @cached_property
    def postcode_code(self) -> IntArray:
        """The postcode's eight bytes as one integer, int64, shape (n,); 0 where it is missing."""
        return np.ascontiguousarray(self.postcode).view(np.int64).reshape(len(self))

    @cached_property
    def birth_digits(self) -> NDArray[np.bytes_]:
        """Date of birth as YYYYMMDD, eight bytes, shape (n,); zeros where it is missing."""
        year, month, day = self.calendar
        digits = (year * 10_000 + month * 100 + day)[:, None] // 10 ** np.arange(7, -1, -1) % 10
        return np.ascontiguousarray(digits.astype(np.uint8) + ord("0")).view("S8").ravel()

    def take(self, rows: IntArray) -> Records:
        """Return some of the records; `rows` ascending."""
        return Records(**{name: getattr(self, name)[rows] for name in _ARRAYS}, names=self.names)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array under its name, those of `names` with the prefix `name_`."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        parts = (*_NAME_ARRAYS, "text")
        return arrays | {f"name_{part}": getattr(self.names, part) for part in parts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Records:
        """Rebuild what `to_arrays` returned, also after a journey through `to_bytes`."""
        names = {part: arrays[f"name_{part}"].view(dtype) for part, dtype in _NAME_ARRAYS.items()}
        table = {name: arrays[name].view(dtype) for name, dtype in _ARRAYS.items()}
        return cls(**table, names=Names(**names, text=arrays["name_text"]))


def version_pairs(left: Records, right: Records, person: IntArray, identity: IntArray) -> tuple[IntArray, ...]:
    """Return every pair of versions of each pair of people.

    Parameters
    ----------
    person, identity : int64, shape (n,). Places in `left.people` and `right.people`.

    Returns
    -------
    draw, rows, other : int64, shape (versions,)
        Number of the pair of people, ascending; left row; right row.
    """
    left_count = np.diff(left.first_row)[person]
    right_count = np.diff(right.first_row)[identity]
    count = left_count * right_count
    draw = np.repeat(np.arange(len(person)), count)
    within = np.arange(len(draw)) - np.repeat(np.cumsum(count) - count, count)
    rows = left.first_row[person][draw] + within // right_count[draw]
    return draw, rows, right.first_row[identity][draw] + within % right_count[draw]


def to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Serialise arrays as an Arrow IPC stream of one row, one list column per array."""
    columns = {}
    for name, array in arrays.items():
        plain = array.view(np.uint8) if array.dtype.kind == "S" else array
        flat = pa.array(plain, pa.string() if plain.dtype == object else None)
        columns[name] = pa.LargeListArray.from_arrays(pa.array([0, len(flat)], pa.int64()), flat)
    batch = pa.RecordBatch.from_pydict(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def from_bytes(payload: bytes | pa.Buffer) -> dict[str, NDArray[Any]]:
    """Return the arrays of `to_bytes`; fixed-width bytes come back as uint8, to be viewed by their width."""
    batch = pa.ipc.open_stream(payload).read_next_batch()
    return {
        name: column.flatten().to_numpy(zero_copy_only=False)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }


def pack(table: pa.Table, person: IntArray, version: IntArray | None = None) -> Records:
    """Standardise source columns into records.

    Parameters
    ----------
    table : Arrow table
        Any of forename, middle_names, surname, date_of_birth (date32), sex, postcode, pnc_id; a
        column that is not there is missing throughout.
    person : int64, shape (n,)
        Whose version each row is.
    version : int64, shape (n,), optional
        Its number; ones where left out.

    Returns
    -------
    Records
        Sorted by (person, version).
    """
    n = table.num_rows
    version = np.ones(n, np.int64) if version is None else version
    source = {name: table.column(name).to_pylist() if name in table.column_names else [None] * n for name in _SOURCE}
    texts = {
        "forename": [standardise.forename(text) for text in source["forename"]],
        "middle": [standardise.forename(text) for text in source["middle_names"]],
        "surname": [standardise.surname(text) for text in source["surname"]],
    }
    names = distinct_names(text for column in texts.values() for text in column)
    position = {str(text): at for at, text in enumerate(names.text)} | {"": -1}
    postcodes = [standardise.postcode(text) for text in source["postcode"]]
    records = Records(
        person=person.astype(np.int64),
        version=version.astype(np.int32),
        **{field: np.array([position[text] for text in column], np.int32) for field, column in texts.items()},
        birth=_days(table, n),
        sex=np.array([standardise.sex(text) for text in source["sex"]], np.int8),
        postcode=np.array([whole for whole, _ in postcodes], _ARRAYS["postcode"]),
        outward=np.array([outward for _, outward in postcodes], _ARRAYS["outward"]),
        pnc=np.array([standardise.pnc_id(text) for text in source["pnc_id"]], _ARRAYS["pnc"]),
        names=names,
    )
    return records.take(np.lexsort((records.version, records.person)))


def _days(table: pa.Table, n: int) -> Positions:
    if "date_of_birth" not in table.column_names:
        return np.full(n, NO_DATE, np.int32)
    days = table.column("date_of_birth").cast(pa.date32()).cast(pa.int32()).combine_chunks()
    filled = days.fill_null(int(NO_DATE)).to_numpy().astype(np.int32)
    return np.where(filled == _PLACEHOLDER_BIRTH, np.int32(NO_DATE), filled)


def distinct_names(texts: Iterable[str]) -> Names:
    """Return the distinct names of standardised texts ("" is none), with their codes, sounds and nickname groups."""
    coded = sorted((standardise.code(text), text) for text in set(texts) if text)
    words = [text.split(" ") for _, text in coded]
    first = np.array([standardise.sound_code(w[0]) for w in words], np.int64)
    root = np.array([standardise.sound_code(nicknames.main_name(text)) for _, text in coded], np.int64)
    return Names(
        code=np.array([key for key, _ in coded], np.int64),
        text=np.array([text for _, text in coded] or [], object),
        sound_first=first,
        sound_last=np.array([standardise.sound_code(w[-1]) for w in words], np.int64),
        root=root,
        first=np.array([standardise.code(w[0]) for w in words], np.int64),
    )


def concatenate(parts: Sequence[Records]) -> Records:
    """Return the records of several parts as one, sorted by (person, version)."""
    code = np.concatenate([part.names.code for part in parts])
    code, at = np.unique(code, return_index=True)
    pick = {name: np.concatenate([getattr(part.names, name) for part in parts])[at] for name in (*_NAME_ARRAYS, "text")}
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
    for field in ("forename", "middle", "surname"):
        moved = [_moved(getattr(part, field), part.names.code, code) for part in parts]
        arrays[field] = np.concatenate(moved)
    records = Records(**arrays, names=Names(**pick))
    return records.take(np.lexsort((records.version, records.person)))


def _moved(position: Positions, code: IntArray, into: IntArray) -> Positions:
    """Translate rows of one name table into rows of another that holds all its names."""
    table = np.append(np.searchsorted(into, code), -1).astype(np.int32)
    return np.asarray(table[position], np.int32)
