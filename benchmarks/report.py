"""The tables of the benchmark of linkage, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Peer = dict[str, Any]


def comparison(result: dict[str, Any]) -> str:
    """Return the table of one data set: peers side by side, and below it what their probabilities promise."""
    data, peers = result["data"], result["peers"]
    share = data["present_rows_that_differ"]["any"]
    heading = (
        f"**Seed {data['seed']}: {data['identities']:,} identities ({data['versions']:,} name versions), "
        f"{data['people']:,} people in {data['cohorts']} cohorts, {'with' if data['pnc'] else 'without'} "
        f"PNC identifiers; {100 * share:.1f} % of present rows differ from their main record**\n\n"
    )
    return heading + _table(peers, _ACCURACY + _COST) + "\n" + _calibration(peers) + "\n"


def scaling(result: dict[str, Any]) -> str:
    """Return the table of our linkage at two sizes, and how their costs compare."""
    small, large = result["peers"].values()
    table = _table(result["peers"], _ACCURACY[:4] + _COST)
    ratios = ", ".join(f"{name} {_ratio(large, small, key):.1f}" for name, key in (("CPU", "cpu"), ("wall", "wall")))
    return f"{table}\nTen times the identities cost, in train and link, times: {ratios}.\n"


def slope(result: dict[str, Any], cohorts: Sequence[int]) -> str:
    """Return the table of our linkage at two numbers of cohorts, and what one more costs."""
    few, many = (sum(_work(peer, "cpu")) for peer in result["peers"].values())
    each = (many - few) / (cohorts[-1] - cohorts[0])
    return f"{_table(result['peers'], _COST)}\nOne more cohort costs {each:.4f} CPU s.\n"


def _table(peers: dict[str, Peer], rows: Sequence[tuple[str, Callable[[Peer], str]]]) -> str:
    lines = ["| | " + " | ".join(peers) + " |", "|---" * (len(peers) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(show(peer) for peer in peers.values()) + " |" for name, show in rows]
    return "\n".join(lines) + "\n"


def _calibration(peers: dict[str, Peer]) -> str:
    """Return, by promised probability of the best identity, how many people, what is promised, and what is true."""
    names = list(peers)
    lines = ["| promised probability | " + " | ".join(f"{name}: people, promised, right" for name in names) + " |",
             "|---" * (len(names) + 1) + "|"]  # fmt: skip
    bins = [peers[name]["accuracy"]["calibration"] for name in names]
    for same in zip(*bins, strict=True):
        cells = [f"{b['people']:,}, {b['promised']:.4f}, {b['right']:.4f}" if b["people"] else "none" for b in same]
        lines.append(f"| {same[0]['from']:g} to {same[0]['to']:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _work(peer: Peer, key: str) -> tuple[float, float]:
    """Return the seconds of training and of linking; of several repeats the best after the first."""
    warm = [[p[key] for p in peer["phases"] if p["phase"] == phase] for phase in ("train", "link")]
    train, link = (values[1:] or values for values in warm)
    both = min(zip(train, link, strict=True), key=sum)
    return both[0], both[1]


def _ratio(large: Peer, small: Peer, key: str) -> float:
    return sum(_work(large, key)) / sum(_work(small, key))


def _phase(peer: Peer, name: str) -> dict[str, float]:
    return next((p for p in peer["phases"] if p["phase"] == name), {"wall": 0.0, "cpu": 0.0})


def _decision(name: str) -> Callable[[Peer], str]:
    def show(peer: Peer) -> str:
        found = peer["accuracy"][name]
        return f"{found['precision']:.5f} / {found['recall']:.4f}"

    return show


def _best(peer: Peer) -> str:
    best = peer["accuracy"]["best_f1"]
    return f"**{best['f1']:.5f}** ({best['precision']:.4f} / {best['recall']:.4f})"


def _promised(peer: Peer) -> str:
    found = peer["accuracy"]["default"]
    return f"{found['promised_precision']:.5f}, is {found['precision']:.5f}"


def _absent(peer: Peer) -> str:
    found = peer["accuracy"]["default"]["absent_linked"]
    return " / ".join(f"{100 * found[name]:.2f} %" for name in ("all", "relatives", "strangers"))


def _seconds(phase: str) -> Callable[[Peer], str]:
    at = ("train", "link").index(phase)
    return lambda peer: f"{_work(peer, 'cpu')[at]:.1f} ({_work(peer, 'wall')[at]:.1f})"


def _total(peer: Peer) -> str:
    return f"**{sum(_work(peer, 'cpu')):.1f}** ({sum(_work(peer, 'wall')):.1f})"


def _prepare(peer: Peer) -> str:
    found = _phase(peer, "prepare")
    return f"{found['cpu']:.1f} ({found['wall']:.1f})"


_ACCURACY: tuple[tuple[str, Callable[[Peer], str]], ...] = (
    ("best F1 over thresholds (precision / recall)", _best),
    ("default operating point: precision / recall", _decision("default")),
    ("precision promised there", _promised),
    ("absent people linked there: all / relatives / strangers", _absent),
    ("at probability 0.9: precision / recall", _decision("at_0.9")),
    ("at probability 0.99: precision / recall", _decision("at_0.99")),
    ("recall at precision 0.999", lambda peer: f"{peer['accuracy']['recall_at_precision']['0.999']:.4f}"),
    ("blocking recall", lambda peer: f"{peer['blocking_recall']:.5f}"),
)
_COST: tuple[tuple[str, Callable[[Peer], str]], ...] = (
    ("train, CPU s (wall s)", _seconds("train")),
    ("link, CPU s (wall s)", _seconds("link")),
    ("train and link, CPU s (wall s)", _total),
    ("prepare the index, CPU s (wall s)", _prepare),
    ("peak memory from the index on, MiB", lambda peer: f"{peer['peak_mib']['all']:,}"),
    ("load average before", lambda peer: f"{peer['load_before']:.1f}"),
)
