"""The answer of `jdl check` as lines for a terminal, made to be read aloud on the telephone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from jdl_spark.requests.eligibility import Ruling
from jdl_spark.requests.problems import ROW_PROBLEMS, Problem, RowProblem

WIDTH = 96
MOST_RANGES = 12  # of row numbers on one line; all of them are in the JSON answer
_VERDICTS = {
    "accepted": "is accepted.",
    "refused": "is refused.",
    "needs_decision": "needs a decision by an analyst.",
    "unreadable": "cannot be read yet.",
}
_HEADINGS = {"refused": "Why it is refused", "needs_decision": "What has to be decided", "note": "Please note"}
_NEXT = {
    "accepted": "Hand it in with: jdl submit FOLDER",
    "refused": "Change what the rules above say, if you can, and check again with: jdl check FOLDER",
    "needs_decision": "Hand it in with: jdl submit FOLDER. An analyst then decides with: jdl decide",
    "unreadable": "Mend what is listed above, and check again with: jdl check FOLDER",
}


def report_lines(
    request_id: str,
    verdict: str,
    problems: Sequence[Problem],
    notes: Sequence[Problem],
    rules: Sequence[Ruling],
    row_problems: Sequence[RowProblem],
    counts: Mapping[str, int],
) -> list[str]:
    """Return the answer: the verdict first, then why, then the rows to mend, then what to do next."""
    lines = [f"{request_id[:64]} {_VERDICTS[verdict]}"]
    if counts["rows"]:
        lines += _wrap(_counted(counts), "  ")
    if problems:
        lines += ["", "What has to be mended first"]
        for problem in problems:
            lines += _item(f"{problem.where}: {problem.words}", problem.mend)
    for outcome, heading in _HEADINGS.items():
        spoke = [rule for rule in rules if rule.outcome == outcome]
        if spoke:
            lines += ["", heading]
            for rule in spoke:
                lines += _item(rule.words, rule.next_step)
    if notes:
        lines += ["", "About the cohort file"]
        for problem in notes:
            lines += _item(problem.words, problem.mend)
    if row_problems:
        lines += ["", "Rows to look at (row 1 is the first row below the headings)", *_rows(row_problems)]
    lines += ["", "What to do next", *_wrap(_NEXT[verdict], "  ")]
    return [_harmless(line) for line in lines]


def _harmless(line: str) -> str:
    """File and folder names come from strangers: nothing in them may steer the terminal."""
    return line if line.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in line)


def _counted(counts: Mapping[str, int]) -> str:
    repeated = counts["duplicate_row"] + counts["second_intervention"]
    parts = [f"{_many(counts['rows'], 'row')}: {_many(counts['admitted'], 'person', 'people')} can be looked for"]
    if counts["incomplete_row"]:
        parts.append(f"{_many(counts['incomplete_row'], 'row')} cannot be used")
    if repeated:
        parts.append(f"{_many(repeated, 'row')} repeat{'s' if repeated == 1 else ''} somebody")
    return f"{'; '.join(parts)}."


def _many(count: int, one: str, several: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _rows(problems: Sequence[RowProblem]) -> Iterator[str]:
    kinds: dict[tuple[str, str], list[int]] = {}
    for problem in problems:
        kinds.setdefault((problem.code, problem.column), []).append(problem.row)
    for (code, column), rows in sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0])):
        words, mend = ROW_PROBLEMS[code]
        yield from _item(f"{column + ': ' if column else ''}{words} ({_many(len(rows), 'row')}).", mend)
        yield from _wrap(f"{'Row' if len(rows) == 1 else 'Rows'} {ranges(rows)}", "    ")


def ranges(numbers: Iterable[int]) -> str:
    """Return row numbers in short.

    Examples
    --------
    >>> ranges([3, 9, 7, 8, 12])
    '3, 7 to 9, 12'
    """
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    shown = [str(first) if first == last else f"{first} to {last}" for first, last in parts[:MOST_RANGES]]
    rest = sum(last - first + 1 for first, last in parts[MOST_RANGES:])
    return ", ".join(shown) + (f", and {rest:,} more" if rest else "")


def _item(words: str, mend: str) -> list[str]:
    return [*textwrap.wrap(words, WIDTH, initial_indent="  - ", subsequent_indent="    "), *_wrap(mend, "    ")]


def _wrap(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
