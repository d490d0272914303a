"""Who the registers say they are: offenders with aliases, and claimants under identities of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic.calendar import year_of
from jdl_spark.synthetic.corruption import ALIAS_RATES, CLAIMANT_RATES, OFFENDER_RATES, Written, write_down
from jdl_spark.synthetic.names import Ints, NameModel, Texts
from jdl_spark.synthetic.people import People, Places, draw_people, make_relatives

_ALIASES = 0.35  # further name versions per offender, on average
_CLAIMS = 0.80  # offenders with a benefit or employment record
_TWO_RECORDS = 0.015  # of those, under two identities
_DISTRACTOR_RELATIVES = 0.12  # of other claimants, who live with an offender
_CHECK_LETTERS = "ZABCDEFGHJKLMNPQRTUVWXY"


@dataclass
class Register:
    """Name versions, sorted by (identity, version).

    Attributes
    ----------
    identity : int64. Number of the identity; version 1 is the main record.
    """

    identity: Ints
    version: Ints
    written: Written


@dataclass
class Claimants:
    """The benefit and employment register.

    Attributes
    ----------
    register : one identity per claimant.
    offender : int64, shape (claimants,). The person, if an offender, else -1.
    other : int64, shape (claimants,). The row in `others`, if no offender, else -1.
    others : people who never offended.
    """

    register: Register
    offender: Ints
    other: Ints
    others: People


def offender_register(people: People, places: Places, seed: int) -> Register:
    """Write every offender down, main record first, then aliases (some only an older or a newer address)."""
    random = generator("synthetic", seed, "register", "offender")
    size = len(people)
    aliases = random.geometric(1 / (1 + _ALIASES), size) - 1
    main = write_down(random, people, np.arange(size), places, OFFENDER_RATES)
    of = np.repeat(np.arange(size), aliases)
    alias = write_down(random, people, of, places, ALIAS_RATES)
    stranger = np.flatnonzero(random.random(len(of)) < 0.12)  # a mother's, partner's or invented surname
    alias.surname[stranger] = people.surname[random.integers(0, size, len(stranger))]
    written = Written.stack([main, alias])
    written.surname[:] = [name.upper() for name in written.surname]
    return _sorted(np.concatenate([np.arange(size), of]), written)


def claimant_register(people: People, places: Places, names: NameModel, seed: int) -> Claimants:
    """Write most offenders, and as many other people, into the benefit and employment records."""
    random = generator("synthetic", seed, "register", "claimant")
    holders = np.flatnonzero(random.random(len(people)) < _CLAIMS)
    twice = holders[random.random(len(holders)) < _TWO_RECORDS]
    offender = np.concatenate([holders, twice])
    born = people.born[random.permutation(len(people))[: len(holders)]]
    others = draw_people(names, places, born + random.integers(-400, 400, len(born)), 0.46, seed, "claimant")
    near = np.flatnonzero(random.random(len(others)) < _DISTRACTOR_RELATIVES)
    make_relatives(random, names, others, near, people, random.integers(0, len(people), len(near)))
    order = random.permutation(len(offender) + len(others))
    number_offender = np.concatenate([offender, np.full(len(others), -1)])[order]
    number_other = np.concatenate([np.full(len(offender), -1), np.arange(len(others))])[order]
    written = Written.stack(
        [
            write_down(random, people, offender, places, CLAIMANT_RATES),
            write_down(random, others, np.arange(len(others)), places, CLAIMANT_RATES),
        ]
    ).take(order)
    aliases = np.flatnonzero((number_offender >= 0) & (random.random(len(order)) < 0.12))
    second = write_down(random, people, number_offender[aliases], places, ALIAS_RATES)
    register = _sorted(np.concatenate([np.arange(len(order)), aliases]), Written.stack([written, second]))
    return Claimants(register, number_offender, number_other, others)


def pnc_ids(onset: Ints, first: int = 0) -> Texts:
    """Return the Police National Computer identifier of each offender: year/serial and check letter.

    The check letter is that of the public description: the remainder, divided by 23, of the
    two-digit year and the seven-digit serial written together.

    Parameters
    ----------
    onset : int64, shape (n,). Day of the first recorded offence.
    first : number of the first of these offenders; ten million of them have distinct serials.
    """
    year = year_of(onset)
    serial = (np.arange(first, first + len(onset)) * 7919 + 104_729) % 10_000_000
    letters = [_CHECK_LETTERS[(int(y) % 100 * 10_000_000 + int(s)) % 23] for y, s in zip(year, serial, strict=True)]
    return np.array([f"{y}/{s:07d}{c}" for y, s, c in zip(year, serial, letters, strict=True)], dtype=object)


def _sorted(identity: Ints, written: Written) -> Register:
    order = np.argsort(identity, kind="stable")
    identity = identity[order]
    starts = np.flatnonzero(np.concatenate([[True], identity[1:] != identity[:-1]]))
    sizes = np.diff(np.append(starts, len(identity)))
    version = np.arange(len(identity)) - np.repeat(starts, sizes) + 1
    return Register(identity, version, written.take(order))
