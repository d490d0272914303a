"""Check a request folder: everything that is wrong with it, in one answer, in seconds, without Spark.

Why one answer for everything: a folder that cannot be read, a request that a rule refuses and one that
is accepted come back as the same kind of thing, a `Submission`; nothing here raises for what a user wrote.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from jdl_spark.requests import eligibility
from jdl_spark.requests.cohort_file import CohortFile, read_cohort
from jdl_spark.requests.eligibility import CohortFacts, Ruling
from jdl_spark.requests.people import CohortPerson, LostRow, People, read_people
from jdl_spark.requests.problems import Problem, RowProblem, UnreadableError
from jdl_spark.requests.report import report_lines
from jdl_spark.requests.request import FILE_NAME, Request, read_request

Verdict = Literal["accepted", "refused", "needs_decision", "unreadable"]
NO_COUNTS: Mapping[str, int] = dict.fromkeys(
    ("rows", "admitted", "incomplete_row", "duplicate_row", "second_intervention", "start_is_end",
     "outside_declared_years"), 0,
)  # fmt: skip


@dataclass(frozen=True)
class Submission:
    """What the check of one folder found.

    `verdict` is unreadable where request.toml or the cohort file cannot be used; then `problems` says
    why, and what could be judged all the same has been.
    """

    folder: str
    """The folder's own name, without its path."""
    verdict: Verdict
    request: Request | None
    problems: tuple[Problem, ...]
    """What makes the folder unreadable."""
    notes: tuple[Problem, ...]
    """What was noticed about the cohort file and keeps nobody out."""
    rules: tuple[Ruling, ...]
    """Every rule that spoke, refusals first."""
    row_problems: tuple[RowProblem, ...]
    counts: Mapping[str, int]
    """rows = admitted + incomplete_row + duplicate_row + second_intervention; and, among those
    admitted, start_is_end and outside_declared_years."""
    content_digest: str
    """SHA-256 over metadata and admitted rows; "" where unreadable."""
    file_digest: str
    """SHA-256 of the cohort file; "" where unreadable."""
    rows: tuple[CohortPerson, ...] = field(repr=False)
    """The admitted people, in the order of the file."""
    lost: tuple[LostRow, ...] = field(repr=False)
    """The other rows with their cells: for quarantine, and for nothing else."""

    @property
    def request_id(self) -> str:
        """Id of the request; the folder's name where there is none."""
        return self.request.id if self.request else self.folder

    def by_reason(self) -> dict[str, int]:
        """Return rows by kind of problem."""
        return dict(sorted(Counter(problem.code for problem in self.row_problems).items()))

    def lines(self) -> list[str]:
        """Return the answer for a terminal: verdict, rules, rows to mend, what to do next."""
        return report_lines(self.request_id, self.verdict, self.problems, self.notes, self.rules, self.row_problems,
                            self.counts)  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Return the answer for machines. No value of a person is in it."""
        return {
            "request_id": self.request_id,
            "verdict": self.verdict,
            "problems": [problem.as_json() for problem in self.problems],
            "notes": [problem.as_json() for problem in self.notes],
            "rules": [ruling.as_json() for ruling in self.rules],
            "counts": {**self.counts, "by_reason": self.by_reason()},
            "row_problems": [problem.as_json() for problem in self.row_problems],
            "content_digest": self.content_digest,
        }


def check_folder(path: Path, today: date | None = None) -> Submission:
    """Check a request folder.

    Parameters
    ----------
    path : Path
        Folder with request.toml and the cohort file that it names.
    today : date, optional
        The day that "in the future" is judged by; the calendar's where left out.

    Returns
    -------
    Submission
        Always: also for a folder that does not exist.
    """
    today = today or date.today()
    if not path.is_dir():
        missing = Problem("no_folder", path.name, "There is no such folder.", "Make one with: jdl template FOLDER")
        return _submission(path, None, (missing,), None, None)
    request, problems = read_request(path / FILE_NAME, today)
    file: CohortFile | None = None
    people: People | None = None
    name = request.cohort.file if request else _only_cohort(path)
    if name is not None:
        try:
            file = read_cohort(path / name)
            people = read_people(file, request.service.delivery_years if request else (), today)
        except UnreadableError as error:
            problems = (*problems, error.problem(name))
        except OSError:
            problems = (*problems, Problem("cannot_open", name, "The file cannot be opened.", "Check who may read it."))
    return _submission(path, request, problems, file, people)


def _only_cohort(path: Path) -> str | None:
    """Return the name of the cohort file to look at where request.toml does not say, if there is just one."""
    found = [entry.name for entry in path.iterdir() if entry.suffix.lower() in (".csv", ".ods", ".xlsx")]
    return found[0] if len(found) == 1 else None


def _submission(
    path: Path,
    request: Request | None,
    problems: tuple[Problem, ...],
    file: CohortFile | None,
    people: People | None,
) -> Submission:
    facts = _facts(people.counts) if people else None
    rules = eligibility.judge(request, facts) if request else ()
    readable = request is not None and people is not None and not problems
    return Submission(
        folder=path.resolve().name,
        verdict=eligibility.admission(rules) if readable else "unreadable",
        request=request,
        problems=problems,
        notes=file.notes if file else (),
        rules=rules,
        row_problems=people.problems if people else (),
        counts=people.counts if people else NO_COUNTS,
        content_digest=_digest(request, people.admitted) if readable and request and people else "",
        file_digest=file.digest if file else "",
        rows=people.admitted if people else (),
        lost=people.lost if people else (),
    )


def _facts(counts: Mapping[str, int]) -> CohortFacts:
    return CohortFacts(
        rows=counts["rows"],
        people=counts["admitted"],
        incomplete=counts["incomplete_row"],
        end_for_start=counts["start_is_end"],
        outside_years=counts["outside_declared_years"],
    )


def _digest(request: Request, rows: tuple[CohortPerson, ...]) -> str:
    """Return a SHA-256 that does not depend on the file's format, encoding or order of columns."""
    metadata = request.as_metadata()
    metadata["cohort"].pop("file")
    content = {"metadata": metadata, "rows": [asdict(row) for row in rows]}
    text = json.dumps(content, sort_keys=True, default=date.isoformat, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
