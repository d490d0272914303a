"""Linkage documents of an invented linkage, as `jdl link` writes them."""

from __future__ import annotations

import math
from typing import Any


def model() -> dict[str, Any]:
    def field(name: str, levels: str, m: list[float], u: list[float]) -> dict[str, Any]:
        return {"name": name, "levels": levels.split(", "), "m": m, "u": u}

    return {
        "fields": [
            field(
                "forename",
                "else, jaro_winkler 0.8, initial, part, nickname, jaro_winkler 0.92, exact, swapped 0.92",
                [0.021, 0.018, 0.012, 0.009, 0.031, 0.049, 0.851, 0.009],
                [0.9262, 0.04, 0.01, 0.004, 0.0036, 0.0051, 0.011, 0.0001],
            ),
            field(
                "surname",
                "else, jaro_winkler 0.8, initial, part, jaro_winkler 0.92, exact",
                [0.051, 0.011, 0.004, 0.014, 0.041, 0.879],
                [0.9552, 0.03, 0.005, 0.003, 0.0041, 0.0027],
            ),
            field("middle", "else, same_initial, exact", [0.12, 0.11, 0.77], [0.9, 0.08, 0.02]),
            field(
                "birth",
                "else, same_year, one_part_off, one_digit_off, transposed, exact",
                [0.006, 0.009, 0.013, 0.022, 0.007, 0.943],
                [0.9721, 0.0183, 0.0072, 0.0023, 0.00005, 0.00005],
            ),
            field("sex", "else, exact", [0.006, 0.994], [0.5, 0.5]),
            field(
                "postcode",
                "else, outward, one_character_off, common, exact",
                [0.41, 0.11, 0.03, 0.02, 0.43],
                [0.9843, 0.0136, 0.001, 0.0009, 0.0002],
            ),
            field("pnc", "else, one_character_off, exact", [0.012, 0.019, 0.969], [0.99979, 0.0002, 0.00001]),
        ],
        "present": 0.874,
        "identities": 1_000_000,
        "link_probability": 0.9412,
        "calibration": [[-4.0, -4.4], [9.0, 8.1]],
        "relatives": [],
        "training": {
            "purpose": "cohort",
            "sessions": {
                "date": {"pairs": 812_345, "matches": 48_211.4, "iterations": 11, "converged": True},
                "names": {"pairs": 231_870, "matches": 47_302.9, "iterations": 14, "converged": True},
                "postcode_surname": {"pairs": 20_114, "matches": 18_007.2, "iterations": 60, "converged": False},
            },
        },
    }


def whole() -> dict[str, Any]:
    """Return a document with every part."""
    strangers = [round(3_000_000 * math.exp(-((bits + 22) ** 2) / 60)) for bits in range(-40, 40, 2)]
    same = [round(9_000 * math.exp(-((bits - 18) ** 2) / 70)) for bits in range(-40, 40, 2)]
    thresholds = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.9412, 0.97, 0.99, 0.995, 0.999, 0.9995]

    def accuracy(threshold: float) -> dict[str, float]:
        precision = 0.9999 - 0.012 * (1 - threshold) ** 1.5 - 0.0004 * (1 - threshold)
        recall = 0.988 - 0.004 * threshold - 0.02 * threshold**60 - 0.025 * threshold**700
        return {
            "threshold": threshold,
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / (precision + recall),
        }

    return {
        "title": "Cohorts of 2010 to offender identities",
        "model": model(),
        "histogram": [
            {"from": float(bits), "to": float(bits + 2), "pairs": a + b}
            for bits, a, b in zip(range(-40, 40, 2), strangers, same, strict=True)
        ],
        "probabilities": [
            {
                "from": round(place / 20, 2),
                "to": round((place + 1) / 20, 2),
                "people": round(6_100 * math.exp(-place / 1.1) + 52_000 * math.exp(-(19 - place) / 0.6) + 18),
            }
            for place in range(20)
        ],
        "unlinkable": [
            {"weight": float(bits), "share": 1 / (1 + math.exp(-(bits - 34) / 3.2))} for bits in range(0, 51, 5)
        ],
        "completeness": [
            {"field": "forename", "left": 1.0, "right": 0.9996},
            {"field": "surname", "left": 1.0, "right": 0.9998},
            {"field": "middle", "left": 0.22, "right": 0.41},
            {"field": "birth", "left": 0.996, "right": 0.991},
            {"field": "sex", "left": 0.999, "right": 0.998},
            {"field": "postcode", "left": 0.604, "right": 0.713},
            {"field": "pnc", "left": 0.31, "right": 1.0},
        ],
        "blocking": [
            {
                "rule": "forename up to nickname, first letter of the surname, year and month of birth",
                "pairs": 1_934_220,
                "people": 54_310,
                "largest_key": 6_120,
            },
            {"rule": "date_nickname", "pairs": 812_345, "people": 52_008, "largest_key": 944},
            {"rule": "transposed_nickname", "pairs": 402_116, "people": 30_220, "largest_key": 612},
            {"rule": "names", "pairs": 231_870, "people": 49_004, "largest_key": 8_841},
            {"rule": "postcode_forename", "pairs": 20_114, "people": 18_902, "largest_key": 77},
            {"rule": "pnc", "pairs": 18_330, "people": 18_330, "largest_key": 1},
        ],
        "left_out": [{"key": "names", "keys": 3, "versions": 41_202}],
        "waterfall": [
            {
                "title": "A sure link",
                "prior": -19.2,
                "fields": [
                    {"name": "forename", "level": "exact", "bits": 6.27, "frequency_bits": 3.1},
                    {"name": "surname", "level": "exact", "bits": 8.35, "frequency_bits": 1.4},
                    {"name": "middle", "level": "missing", "bits": 0.0, "frequency_bits": 0.0},
                    {"name": "birth", "level": "exact", "bits": 14.2, "frequency_bits": 0.0},
                    {"name": "sex", "level": "exact", "bits": 0.99, "frequency_bits": 0.0},
                    {"name": "postcode", "level": "else", "bits": -1.26, "frequency_bits": 0.0},
                    {"name": "pnc", "level": "missing", "bits": 0.0, "frequency_bits": 0.0},
                ],
                "total": 13.85,
                "probability": 0.99993,
            },
            {
                "title": "A pair for review",
                "prior": -19.2,
                "fields": [
                    {"name": "forename", "level": "nickname", "bits": 3.11, "frequency_bits": 0.0},
                    {"name": "surname", "level": "jaro_winkler 0.92", "bits": 3.32, "frequency_bits": 0.0},
                    {"name": "birth", "level": "transposed", "bits": 7.13, "frequency_bits": 0.0},
                    {"name": "sex", "level": "exact", "bits": 0.99, "frequency_bits": 0.0},
                    {"name": "postcode", "level": "outward", "bits": 3.02, "frequency_bits": 0.0},
                    {"name": "relatives", "level": "relatives", "bits": -0.6, "frequency_bits": 0.0},
                ],
                "total": -2.23,
                "probability": 0.176,
            },
        ],
        "calibration": [
            {"promised": 0.06, "observed": 0.05, "n": 412},
            {"promised": 0.31, "observed": 0.35, "n": 133},
            {"promised": 0.52, "observed": 0.49, "n": 118},
            {"promised": 0.74, "observed": 0.77, "n": 171},
            {"promised": 0.93, "observed": 0.921, "n": 940},
            {"promised": 0.9991, "observed": 0.9988, "n": 48_220},
        ],
        "labels": {
            "precision_recall": [accuracy(threshold) for threshold in thresholds],
            "best": accuracy(0.5),
            "at_operating_point": accuracy(0.9412),
        },
        "rates": {"expected_false_links": 0.00078, "expected_missed_links": 0.0212},
    }


def bare() -> dict[str, Any]:
    """Return a document with nothing but its title."""
    return {"title": "Two tables"}
