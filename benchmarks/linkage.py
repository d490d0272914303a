"""Measure linkage beside Splink on the same data in the same run; see benchmarks/README.md.

Each peer runs in a process of its own, one after the other. CPU seconds are those of the whole
process tree, memory is its proportional set size, and accuracy is counted in people.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import linkage_data, measure, report
from benchmarks.linkage_data import ABOUT, Size

SMALL_HEAP = "4g"
"""Of the JVM, where memory is measured: a JVM takes what it is given."""
SCALES = {"1m": 1_000_000, "10m": 10_000_000}
SLOPE = (100, 500)
"""Cohorts between which the cost of one more is measured."""


def data_folder(work: Path, size: Size, seed: int) -> Path:
    """Return the folder of a data set, made now if it is not there."""
    name = f"{size.identities // 1000}k-{size.people}-{size.cohorts}{'' if size.pnc else '-nopnc'}-seed{seed}"
    folder = work / name
    if not (folder / ABOUT).exists():
        print(f"making {folder}", flush=True)
        linkage_data.generate(folder, size, seed)
    return folder


def run_peer(module: str, data: Path, work: Path, *options: str) -> dict[str, Any]:
    """Run one peer to its end and return what it wrote, with load and memory.

    Parameters
    ----------
    module : the peer's module, which takes `--data` and `--out`.

    Returns
    -------
    dict
        What the module wrote; load_before (processes that wanted a core in the last minute); peak_mib by phase.
    """
    print(f"{module} {' '.join(options)} on {data.name}", flush=True)
    out, load = work / "peer.json", os.getloadavg()[0]
    samples = measure.run([sys.executable, "-m", module, "--data", str(data), "--out", str(out), *options])
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    peaks = {p["phase"]: round(measure.peak(samples, p["began"], p["ended"])) for p in found["phases"]}
    return found | {"load_before": load, "peak_mib": peaks}


def compare(work: Path, size: Size, seed: int, spark: bool, repeats: int) -> dict[str, Any]:
    """Run every peer on one data set."""
    data = data_folder(work, size, seed)
    peers = {
        "jdl_spark": run_peer("benchmarks.ours", data, work, "--repeats", str(repeats)),
        "Splink on DuckDB": run_peer("benchmarks.splink_peer", data, work),
    }
    if spark:
        peers["Splink on Spark"] = run_peer("benchmarks.splink_peer", data, work, "--engine", "spark")
    return {"data": json.loads((data / ABOUT).read_text(encoding="utf-8")), "peers": peers}


def scale(work: Path, size: Size, seed: int, repeats: int) -> dict[str, Any]:
    """Run our linkage on one and on ten million identities, with a small heap."""
    options = ("--repeats", str(repeats), "--driver-memory", SMALL_HEAP)
    runs = {}
    for name, identities in SCALES.items():
        data = data_folder(work, replace(size, identities=identities), seed)
        runs[name] = run_peer("benchmarks.ours", data, work, *options)
    return {"peers": runs}


def slope(work: Path, size: Size, seed: int, repeats: int) -> dict[str, Any]:
    """Run our linkage with few and with many cohorts of the same size against the same index."""
    people = size.people // size.cohorts * SLOPE[-1]
    data = data_folder(work, replace(size, people=people, cohorts=SLOPE[-1]), seed)
    options = ("--repeats", str(repeats))
    return {
        "peers": {
            f"{count} cohorts": run_peer("benchmarks.ours", data, work, *options, "--cohorts", str(count))
            for count in SLOPE
        }
    }


def main() -> None:
    """Read the command line, run, write `linkage.json` and `linkage.md`, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, action="append", help="data set; may be given several times (default 101)")
    parser.add_argument("--identities", type=int, default=Size.identities)
    parser.add_argument("--people", type=int, default=Size.people)
    parser.add_argument("--cohorts", type=int, default=Size.cohorts)
    parser.add_argument("--no-pnc", dest="pnc", action="store_false", help="cohorts without PNC identifiers")
    parser.add_argument("--spark", action="store_true", help="Splink on Spark as well (a quarter of an hour)")
    parser.add_argument("--scale", action="store_true", help="instead: our linkage at one and at ten million")
    parser.add_argument("--slope", action="store_true", help="instead: the cost of one more cohort")
    parser.add_argument("--repeats", type=int, default=3, help="of our linkage; the first warms the session up")
    parser.add_argument("--work", type=Path, default=Path("build/benchmark"), help="folder for data and results")
    told = parser.parse_args()
    told.work.mkdir(parents=True, exist_ok=True)
    size = Size(told.identities, told.people, told.cohorts, told.pnc)
    results, tables = [], []
    for seed in told.seed or [101]:
        if told.scale:
            results.append(scale(told.work, size, seed, told.repeats))
            tables.append(report.scaling(results[-1]))
        elif told.slope:
            results.append(slope(told.work, size, seed, told.repeats))
            tables.append(report.slope(results[-1], SLOPE))
        else:
            results.append(compare(told.work, size, seed, told.spark, told.repeats))
            tables.append(report.comparison(results[-1]))
        (told.work / "linkage.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (told.work / "linkage.md").write_text("\n".join(tables), encoding="utf-8")
        print(tables[-1], flush=True)


if __name__ == "__main__":
    main()
