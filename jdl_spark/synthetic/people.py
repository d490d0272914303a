"""The human beings of the nation, before anybody writes their names down.

Also who lives with whom: relatives, twins and namesakes share addresses and surnames, which is what
makes linkage hard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic.calendar import day_number, new_year, year_of
from jdl_spark.synthetic.names import (
    COMMUNITIES,
    COMMUNITY_SHARES,
    FOREIGN_SHARES,
    NEW_YEAR_SHARES,
    Ints,
    NameModel,
    Texts,
)

Bools = NDArray[np.bool_]

POSTCODE_AREAS = (
    ("B", "West Midlands", 10), ("BD", "West Yorkshire", 5), ("BS", "Avon and Somerset", 4), ("CF", "Wales", 5),
    ("CV", "West Midlands", 3), ("DE", "Derbyshire", 4), ("E", "London", 6), ("HU", "Humberside", 4),
    ("L", "Merseyside", 7), ("LE", "Leicestershire", 4), ("LS", "West Yorkshire", 6), ("M", "Greater Manchester", 9),
    ("N", "London", 5), ("NE", "Northumbria", 6), ("NG", "Nottinghamshire", 5), ("NR", "Norfolk and Suffolk", 3),
    ("PL", "Devon and Cornwall", 4), ("S", "South Yorkshire", 6), ("SA", "Wales", 3), ("SE", "London", 7),
    ("SO", "Hampshire", 4), ("ST", "Staffordshire", 3), ("SW", "London", 4), ("TS", "Teesside", 4),
)  # fmt: skip
AREAS = tuple(sorted({area for _, area, _ in POSTCODE_AREAS}))
_UNIT_LETTERS = np.array(list("ABDEFGHJLNPQRSTUWXYZ"), dtype=object)
_SHARE_WITH_RELATIVE = 0.06  # of identities; twice that live with a relative in the same register
_RELATIVES = ("sibling", "twin", "namesake", "partner")
_RELATIVE_SHARES = np.array([0.55, 0.10, 0.15, 0.20])


@dataclass
class People:
    """One entry per person; `int64` days since 1970-01-01.

    Attributes
    ----------
    community : index into names.COMMUNITIES. foreign, man : bool.
    born : day of birth, as recorded officially (1 January where nobody knew better).
    forename, middle_names, surname : str; an empty text where there is no middle name.
    later_surname : str; the surname taken during the years in view, empty for no change.
    postcode, later_postcode : index into Places.postcodes.
    """

    community: Ints
    foreign: Bools
    man: Bools
    born: Ints
    forename: Texts
    middle_names: Texts
    surname: Texts
    later_surname: Texts
    postcode: Ints
    later_postcode: Ints

    def __len__(self) -> int:
        return len(self.born)


class Places:
    """The nation's postcodes, some far fuller than others, and the probation area of each."""

    def __init__(self, count: int, seed: int) -> None:
        random = generator("synthetic", seed, "places")
        shares = np.array([share for _, _, share in POSTCODE_AREAS], dtype=np.float64)
        self._in = random.choice(len(POSTCODE_AREAS), size=count, p=shares / shares.sum())
        district, sector = random.integers(1, 30, count), random.integers(0, 10, count)
        units = _UNIT_LETTERS[random.integers(0, len(_UNIT_LETTERS), (2, count))]
        heads = [POSTCODE_AREAS[number][0] for number in self._in]
        self.postcodes: Texts = np.array(
            [f"{h}{d} {s}{a}{b}" for h, d, s, a, b in zip(heads, district, sector, *units, strict=True)], dtype=object
        )
        area_of = np.array([AREAS.index(area) for _, area, _ in POSTCODE_AREAS])
        self.area: Ints = area_of[self._in].astype(np.int64)
        crowd = random.pareto(1.6, count) + 0.3  # hostels and estates hold many
        self._cumulative = np.cumsum(crowd / crowd.sum())

    def draw(self, random: np.random.Generator, size: int) -> Ints:
        """Return `size` postcode indices."""
        at = np.searchsorted(self._cumulative, random.random(size), side="right")
        return np.minimum(at, len(self.postcodes) - 1).astype(np.int64)


def draw_people(names: NameModel, places: Places, born: Ints, female_share: float, seed: int, register: str) -> People:
    """Draw as many people as there are birth days, with names, homes and relatives among themselves.

    Parameters
    ----------
    born : int64, shape (n,). Days since 1970-01-01.
    female_share : probability. 0.19 among offenders, more among other claimants.
    register : names the stream of random numbers.
    """
    random = generator("synthetic", seed, "people", register)
    size = len(born)
    community = random.choice(len(COMMUNITIES), size=size, p=COMMUNITY_SHARES).astype(np.int64)
    man = random.random(size) >= female_share
    foreign = random.random(size) < FOREIGN_SHARES[community]
    year = year_of(born)
    guessed = foreign & (random.random(size) < NEW_YEAR_SHARES[community])
    born = np.where(guessed, new_year(year), born)
    people = People(
        community, foreign, man, born, names.forenames(random, community, man, year), _blank(size),
        names.surnames(random, community), _blank(size), places.draw(random, size), places.draw(random, size),
    )  # fmt: skip
    has_middle = np.flatnonzero(random.random(size) < np.where(community < 4, 0.62, 0.2))
    people.middle_names[has_middle] = names.forenames(
        random, community[has_middle], man[has_middle], year[has_middle] - 25
    )
    _settle_relatives(random, names, people)
    _marry(random, names, people)
    stays = random.random(size) < 0.55
    people.later_postcode[stays] = people.postcode[stays]
    return people


def make_relatives(
    random: np.random.Generator, names: NameModel, people: People, rows: Ints, of: People, others: Ints
) -> None:
    """Turn people of one register into relatives of people of another, living at the same address."""
    kind = random.choice(len(_RELATIVES), size=len(rows), p=_RELATIVE_SHARES)
    for column in ("community", "foreign", "surname", "postcode", "later_postcode"):
        getattr(people, column)[rows] = getattr(of, column)[others]
    twin, namesake, partner = (kind == _RELATIVES.index(name) for name in ("twin", "namesake", "partner"))
    people.born[rows[twin]] = of.born[others[twin]]
    people.man[rows[namesake]] = of.man[others[namesake]]
    people.man[rows[partner]] = ~of.man[others[partner]]
    renamed = rows[~namesake]
    people.forename[renamed] = names.forenames(
        random, people.community[renamed], people.man[renamed], year_of(people.born[renamed])
    )
    people.forename[rows[namesake]] = of.forename[others[namesake]]


def _settle_relatives(random: np.random.Generator, names: NameModel, people: People) -> None:
    count = int(len(people) * _SHARE_WITH_RELATIVE)
    chosen = random.permutation(len(people))[: 2 * count]
    make_relatives(random, names, people, chosen[:count], people, chosen[count:])


def _marry(random: np.random.Generator, names: NameModel, people: People) -> None:
    """Give some people the other surname under which one of the registers will know them."""
    chance = np.where(people.man, 0.012, 0.16)
    rows = np.flatnonzero(random.random(len(people)) < chance)
    people.later_surname[rows] = names.surnames(random, people.community[rows])
    for row in rows[random.random(len(rows)) < 0.12]:
        people.later_surname[row] = f"{people.surname[row]}-{people.later_surname[row]}"


def _blank(size: int) -> Texts:
    return np.full(size, "", dtype=object)


def earliest_birth() -> int:
    """Return the day before which nobody of the nation was born."""
    return day_number(1925, 1, 1)
