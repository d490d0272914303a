"""The SQL conditions of Splink's own comparison levels, read and written.

Why regular expressions and no SQL parser: what can be exchanged are the few conditions that these
levels write for DuckDB and Spark; any other must be refused, not guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jdl_spark.linkage.comparison import parsed

DIALECTS = ("duckdb", "spark")
_DAY = 86_400  # seconds
_NAME = r'(?<=")[^"]+?|\w+?'
_LEFT, _RIGHT = rf'"?(?P<column>{_NAME})_l"?', r'"?(?P=column)_r"?'
_OTHER_LEFT, _OTHER_RIGHT = r'"?(?P=other)_l"?', rf'"?(?P<other>{_NAME})_r"?'
_NUMBER = r"(?P<number>\d+(?:\.\d*)?)"
_READ: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(condition, re.IGNORECASE))
    for kind, condition in (
        ("missing", f"{_LEFT} is null or {_RIGHT} is null"),
        ("exact", f"{_LEFT} = {_RIGHT}"),
        ("reversed", f"{_LEFT} = {_OTHER_RIGHT} and (?:{_RIGHT} = {_OTHER_LEFT}|{_OTHER_LEFT} = {_RIGHT})"),
        ("jaro_winkler", rf"jaro_winkler(?:_similarity)?\({_LEFT}, {_RIGHT}\) >= {_NUMBER}"),
        ("levenshtein", rf"levenshtein\({_LEFT}, {_RIGHT}\) <= {_NUMBER}"),
        ("damerau", rf"damerau_levenshtein\({_LEFT}, {_RIGHT}\) <= {_NUMBER}"),
        ("date_difference", rf"abs\(epoch\({_LEFT}\) - epoch\({_RIGHT}\)\) <= {_NUMBER}"),
        ("date_difference", rf"abs\(unix_timestamp\({_LEFT}\) - unix_timestamp\({_RIGHT}\)\) <= {_NUMBER}"),
        ("date_difference", rf"abs\(datediff\({_LEFT}, {_RIGHT}\)\) <= floor\({_NUMBER} / {_DAY}\)"),
    )
)
_ISO_DATES = tuple(
    re.compile(condition)
    for condition in (
        r"""(?i:date\((?:try_)?to_timestamp)\(("?[\w ]+"?), 'yyyy-MM-dd'\)\)""",
        r"""(?i:(?:try_)?to_(?:timestamp|date))\(("?[\w ]+"?), 'yyyy-MM-dd'\)""",
        r"""(?i:try_strptime)\(("?[\w ]+"?), '%Y-%m-%d'\)""",
    )
)
_WRITTEN = {
    "missing": '"{field}_l" IS NULL OR "{field}_r" IS NULL',
    "exact": '"{field}_l" = "{field}_r"',
    "reversed": '"forename_l" = "surname_r" AND "forename_r" = "surname_l"',
    "jaro_winkler": 'jaro_winkler_similarity("{field}_l", "{field}_r") >= {number}',
    "levenshtein": 'levenshtein("{field}_l", "{field}_r") <= {number}',
    "damerau": 'damerau_levenshtein("{field}_l", "{field}_r") <= {number}',
    "date_difference": "ABS(EPOCH(try_strptime(\"{field}_l\", '%Y-%m-%d')) - "
    "EPOCH(try_strptime(\"{field}_r\", '%Y-%m-%d'))) <= {seconds}",
    "else": "ELSE",
}
_WRITTEN_FOR_SPARK = _WRITTEN | {
    "jaro_winkler": 'jaro_winkler("{field}_l", "{field}_r") >= {number}',
    "date_difference": "abs(datediff(date(try_to_timestamp(\"{field}_l\", 'yyyy-MM-dd')), "
    "date(try_to_timestamp(\"{field}_r\", 'yyyy-MM-dd')))) <= floor({seconds} / 86400)",
}
KINDS = frozenset(_WRITTEN)
"""Kinds of level that have a condition in Splink."""


@dataclass(frozen=True)
class Condition:
    """What a level of Splink asks of a pair.

    Attributes
    ----------
    level : as a model here declares it (`jaro_winkler 0.92`), or `missing`
    columns : that it is about, in small letters, in alphabetical order; none for `else`
    of_dates : whether it reads text as dates, 2010-03-05
    """

    level: str
    columns: tuple[str, ...]
    of_dates: bool


def read(sql: str) -> Condition | None:
    """Return what a condition asks, or None where it is not one of Splink's own.

    Examples
    --------
    >>> read('levenshtein("surname_l", "surname_r") <= 1')
    Condition(level='levenshtein 1', columns=('surname',), of_dates=False)
    >>> read('lower("surname_l") = lower("surname_r")') is None
    True
    """
    plain, of_dates = _plain(sql)
    if plain.lower() == "else":
        return Condition("else", (), False)
    for kind, pattern in _READ:
        if match := pattern.fullmatch(plain):
            found = match.groupdict()
            columns = sorted({str(found[key]).lower() for key in ("column", "other") if key in found})
            level = f"{kind} {_number(kind, found['number'])}" if "number" in found else kind
            return Condition(level, tuple(columns), of_dates)
    return None


def _plain(sql: str) -> tuple[str, bool]:
    """Return a condition in one spelling, bare columns for those read as dates, and whether there were such."""
    plain = " ".join(sql.replace("`", '"').split())
    plain = re.sub(r"\s*,\s*", ", ", re.sub(r"\(\s+", "(", re.sub(r"\s+\)", ")", plain)))
    plain = re.sub(r"\s*(<=|>=|=)\s*", r" \1 ", plain)
    bare = plain
    for date in _ISO_DATES:
        bare = date.sub(r"\1", bare)
    return bare, bare != plain


def _number(kind: str, text: str) -> str:
    """Return a threshold without needless digits; seconds as days, for dates are whole days apart."""
    value = float(text) // _DAY if kind == "date_difference" else float(text)
    return str(int(value)) if value.is_integer() else repr(value)


def written(level: str, field: str, dialect: str) -> str:
    """Return the condition of a level, one of KINDS, as Splink writes it for a column called as the field.

    Examples
    --------
    >>> written("jaro_winkler 0.92", "forename", "spark")
    'jaro_winkler(`forename_l`, `forename_r`) >= 0.92'
    """
    kind, number = parsed(level)
    condition = (_WRITTEN_FOR_SPARK if dialect == "spark" else _WRITTEN)[kind]
    sql = condition.format(field=field, number=level.partition(" ")[2] or "0", seconds=int(number) * _DAY)
    return sql.replace('"', "`") if dialect == "spark" else sql
