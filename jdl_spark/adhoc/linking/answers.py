"""What `jdl link` and `jdl link plan` answer, in the terminal and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SIDES = ("left", "right", "table")
_LOST = {
    "no_blocking_rule": "no blocking rule brings them together",
    "too_unlike": "too unlike to be a candidate",
    "outranked": "another identity is likelier",
    "not_sure_enough": "not sure enough",
}


@dataclass(frozen=True)
class Told:
    """What a linkage found, or a training.

    Attributes
    ----------
    content : what `link.link_tables` returns
    """

    content: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return everything for machines."""
        return dict(self.content)

    def lines(self) -> list[str]:
        """Return everything for people."""
        told = self.content
        lines = [*_read(told), "compared by " + ", ".join(told["fields"])]
        if told["not_weighed"]:
            lines.append(f"the model does not weigh {', '.join(told['not_weighed'])}")
        if "out" in told:
            lines += ["", *self._linked()]
        if "truth, best" in told:
            lines += ["", *self._true()]
        files = {name: told[name] for name in ("out", "clusters", "document", "model") if name in told}
        lines += ["", *(f"{name:<10}{path}" for name, path in files.items())]
        if "out" in told:
            return [*lines, "", f"See it: jdl link report {told['out']}"]
        return [
            *lines,
            "",
            f"Link with it: jdl link LEFT RIGHT --spec SPEC --model {told['model']} --out LINKS.parquet",
        ]

    def _linked(self) -> Iterator[str]:
        told = self.content
        what = "pairs" if "table" in told else "people"
        yield f"{told['linked']:>12,}  {what} linked, from a probability of {told['linked_from']:.4g} on"
        yield f"{told['ambiguous']:>12,}  {what} ambiguous: somebody must look"
        if "table" in told:
            yield f"{told['different_people']:>12,}  different people"
        else:
            yield f"{told['not_linked']:>12,}  people not found"
        if "expected_false_links" in told:
            yield (
                f"the model expects {_per_cent(told['expected_false_links'])} of the links to be wrong, and "
                f"{_per_cent(told['expected_missed_links'])} of those who have a candidate to be missed"
            )
        yield from _left_out(told["left_out"])

    def _true(self) -> Iterator[str]:
        told = self.content
        yield f"against {told['truth, true pairs']:,} true pairs{'':>10}from   precision    recall        F1"
        for name, words in (("at operating point", "where people are linked"), ("best", "best")):
            at = told[f"truth, {name}"]
            rates = f"{at['precision']:>12.4f}{at['recall']:>10.4f}{at['f1']:>10.4f}"
            yield f"{words:<30}{at['threshold']:>12.4f}{rates}"
        yield f"{told['truth, wrong']:>12,}  links are wrong"
        for why, count in told["truth, lost"].items():
            yield f"{count:>12,}  true pairs are missed: {_LOST[why]}"


@dataclass(frozen=True)
class Plan:
    """What linking two tables would compare.

    Attributes
    ----------
    content : rows, people and unreadable dates of either side; completeness, blocking and left_out as in the
        linkage document; `pairs`: of all rules together, each once
    """

    content: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the plan for machines."""
        return self.content

    def lines(self) -> list[str]:
        """Return the plan for people: a table of fields, one of rules, and what is left out."""
        one_table = "table" in self.content
        sides = f"{'filled':>8}" if one_table else f"{'left':>8}{'right':>8}"
        told = [*_read(self.content), "", f"{'field':<12}{sides}"]
        for row in self.content["completeness"]:
            told.append(f"{row['field']:<12}{row['left']:>8.1%}" + ("" if one_table else f"{row['right']:>8.1%}"))
        told += ["", f"{'pairs':>15}{'people':>12}{'largest key':>14}  rule: records that share ..."]
        told += [
            f"{row['pairs']:>15,}{row['people']:>12,}{row['largest_key']:>14,}  {row['rule']}"
            for row in self.content["blocking"]
        ]
        told.append(
            f"{self.content['pairs']:>15,}{'':>26}  together, each pair of rows once"
            + (" from either side" if one_table else "")
        )
        told.append("largest key: pairs under the value that makes the most; all of them are compared")
        return told + list(_left_out(self.content["left_out"]))


def _read(told: Mapping[str, Any]) -> list[str]:
    lines = []
    for name in SIDES:
        if name in told:
            side = told[name]
            lines.append(f"{name}: {side['rows']:,} rows, {side['people']:,} people")
            if side["unreadable_dates"]:
                lines[-1] += f"; {side['unreadable_dates']:,} dates could not be read and count as missing"
    return lines


def _left_out(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield (
            f"not looked up: {row['keys']:,} values of {row['key']}, which {row['versions']:,} rows "
            "share; raise largest_block in the spec's [linkage] to look them up as well"
        )


def _per_cent(share: float) -> str:
    return f"{100 * share:.2f}%"
