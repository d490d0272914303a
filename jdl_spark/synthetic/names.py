"""Names as a nation bears them: skewed by decade and community, with a long composed tail."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from jdl_spark.synthetic import name_lists as lists

Texts = NDArray[np.object_]
Ints = NDArray[np.int64]

COMMUNITIES = (
    "english",
    "irish",
    "welsh",
    "scottish",
    "muslim",
    "sikh",
    "hindu",
    "african",
    "caribbean",
    "east_european",
    "chinese",
)
COMMUNITY_SHARES = np.array([0.665, 0.035, 0.045, 0.035, 0.055, 0.012, 0.013, 0.035, 0.055, 0.04, 0.01])
ETHNICITY_OF = ("white", "white", "white", "white", "asian", "asian", "asian", "black", "black", "white", "other")
FOREIGN_SHARES = np.array([0.004, 0.15, 0.0, 0.0, 0.30, 0.25, 0.25, 0.55, 0.18, 0.93, 0.60])
NEW_YEAR_SHARES = np.array([0.0, 0.004, 0.0, 0.0, 0.07, 0.02, 0.01, 0.14, 0.01, 0.01, 0.05])
"""Share of the foreign-born whose birth date is recorded as 1 January for want of a better one."""
_DECADES = (1930, 1950, 1960, 1970, 1980, 1990)
_MEN_BY_DECADE = dict(lists.ENGLISH_MEN)
_WOMEN_BY_DECADE = dict(lists.ENGLISH_WOMEN)
_OWN_FORENAMES = {
    "irish": (lists.IRISH_WOMEN, lists.IRISH_MEN), "welsh": (lists.WELSH_WOMEN, lists.WELSH_MEN),
    "scottish": (lists.SCOTTISH_WOMEN, lists.SCOTTISH_MEN), "muslim": (lists.MUSLIM_WOMEN, lists.MUSLIM_MEN),
    "sikh": (lists.SIKH_WOMEN, lists.SIKH_MEN), "hindu": (lists.HINDU_WOMEN, lists.HINDU_MEN),
    "african": (lists.AFRICAN_WOMEN, lists.AFRICAN_MEN), "caribbean": (lists.CARIBBEAN_WOMEN, lists.CARIBBEAN_MEN),
    "east_european": (lists.EAST_EUROPEAN_WOMEN, lists.EAST_EUROPEAN_MEN),
    "chinese": (lists.CHINESE_WOMEN, lists.CHINESE_MEN),
}  # fmt: skip
_SHARE_OF_ENGLISH_FORENAMES = {"irish": 0.45, "welsh": 0.6, "scottish": 0.55, "caribbean": 0.3, "chinese": 0.2}
_SURNAMES = {
    "english": lists.ENGLISH_SURNAMES, "irish": lists.IRISH_SURNAMES, "welsh": lists.WELSH_SURNAMES,
    "scottish": lists.SCOTTISH_SURNAMES, "muslim": lists.MUSLIM_SURNAMES, "sikh": lists.SIKH_SURNAMES,
    "hindu": lists.HINDU_SURNAMES, "african": lists.AFRICAN_SURNAMES, "caribbean": lists.ENGLISH_SURNAMES,
    "east_european": lists.EAST_EUROPEAN_SURNAMES, "chinese": lists.CHINESE_SURNAMES,
}  # fmt: skip
_PARTS = {
    "english": (
        "Ash Black Brad Bram Brock Brom Burn Cald Chad Charl Clay Clif Cran Crow Dal Den Dray East Ed Ell Fair Farn "
        "Gold Gran Green Grim Had Hal Hart Hath Hazel Hol Horn Hud Ing Kel Kirk Lang Leigh Lind Lock Long Mars Mel Mid "
        "Nor Oak Old Pem Pick Rad Ram Raw Red Rip Roth Ruth Sel Shep Sher Stan Staple Stock Strat Swin Thorn Thur Tre "
        "Under Wake Wal War Wat Wel Wes Whit Win Wood Wool Wyth",
        "ford ton ley worth wood field ham by burn well shaw stead thorpe wick bury gate bourne croft den dale brook "
        "more land man er cott combe hurst mere wright son house",
    ),
    "irish": (
        "O' Mc Mac Fitz",
        "Grath Cabe Namara Keown Guinness Hale Loughlin Gowan Dermott Manus Mahon Rourke Shea Dwyer "
        "Hara Keefe Leary Malley Toole Grady Riordan Hanlon Kinney Elroy Avoy Entee Ilroy Quaid Patrick William",
    ),
    "scottish": (
        "Mac Mc Gil Aber Kil Dun",
        "Arthur Askill Bean Corkindale Dougall Ewan Gillivray Innes Intosh Killop Nab "
        "Neil Pherson Quarrie Rae Taggart Vicar christ nethy bride bar das",
    ),
    "muslim": (
        "Abdul Fazal Ghulam Noor Shams Zia Sira Mu Ha Kha Na Sa Ta Ra",
        "ddin rehman llah jid bib med shid zal kir wab eem meed tar far qat",
    ),
    "sikh": ("Bas Bhu Cha Dha Gar Hay Kan Lal Pan Sam Tha Dul", "ra ndi wal ch jal har ia nger oria"),
    "hindu": ("Ba Bha Cha Da Ga Ka La Ma Pa Ra Sa Va", "ndya tt rekh vda dhia jani kar wala ria gela nkhla"),
    "african": (
        "Ade Olu Oko Chi Nwa Aki Oye Ogun Ife Eme Mu Nka Ta Ba Se Ka",
        "bayo wale moh nedu chukwu ntola bode delem anyi nike kwe tendwa lanle sanmi keng mba",
    ),
    "east_european": (
        "Kowal Jan Wis Now Mal Piotr Sob Gor Krol Wojc Pawl Maz Kras Dob Ru Bal Vas Pet Ion Star",
        "ski cki ewski owicz czyk iak escu eanu auskas evicius ov enko insky ak ek ov",
    ),
    "chinese": ("X Zh Q Sh H J Y W", "u ao ie iang ong ou en i"),
}


@dataclass(frozen=True)
class Vocabulary:
    """Texts and the cumulative probability of each."""

    texts: Texts
    cumulative: NDArray[np.float64]

    def draw(self, random: np.random.Generator, size: int) -> Texts:
        """Return `size` texts, object array of str."""
        at = np.searchsorted(self.cumulative, random.random(size), side="right")
        return np.asarray(self.texts[np.minimum(at, len(self.texts) - 1)], dtype=object)


def skewed(common: list[str], tail: list[str], tail_share: float, exponent: float, offset: float) -> Vocabulary:
    """Weigh common texts by rank, (rank + offset) to the power -exponent (Zipf and Mandelbrot), and a flatter tail."""
    head = (np.arange(len(common)) + 1.0 + offset) ** -exponent
    rest = (np.arange(len(tail)) + 30.0) ** -0.6
    weights = np.concatenate([head / head.sum() * (1 - tail_share), rest / max(rest.sum(), 1e-9) * tail_share])
    return Vocabulary(np.array([*common, *tail], dtype=object), np.cumsum(weights / weights.sum()))


def _spellings(name: str) -> list[str]:
    swaps = (("ph", "f"), ("y", "ie"), ("ee", "ie"), ("c", "k"), ("i", "y"), ("ey", "y"), ("ll", "l"), ("n", "nn"))
    found = [name[0] + name[1:].replace(old, new, 1) for old, new in swaps if old in name[1:]]
    return [other for other in dict.fromkeys(found) if other != name]


def _forename_vocabulary(text: str) -> Vocabulary:
    """Common names by Zipf; behind them the unusual spellings of the same names."""
    common = list(dict.fromkeys(text.split()))
    tail = dict.fromkeys(spelling for name in common for spelling in _spellings(name))
    return skewed(common, [name for name in tail if name not in common], 0.035, exponent=0.8, offset=3.0)


def _surname_vocabulary(community: str) -> Vocabulary:
    """Common names by Zipf; behind them the tail composed of name parts, in a fixed shuffled order."""
    common = _SURNAMES[community].split()
    parts = _PARTS.get("english" if community in ("welsh", "caribbean") else community)
    tail: list[str] = []
    if parts is not None:
        links = ("", "ing", "er", "en") if parts is _PARTS["english"] else ("",)
        tail = ["".join(name) for name in product(parts[0].split(), links, parts[1].split())]
        tail = sorted(dict.fromkeys(tail), key=lambda name: (len(name) * 7919 + sum(map(ord, name)) * 104729) % 10007)
    rare = [name for name in tail if name not in common]
    return skewed(common, rare, 0.3 if rare else 0.0, exponent=0.75, offset=2.0)


class NameModel:
    """Draws names given community, sex and year of birth."""

    def __init__(self) -> None:
        self._surnames = {community: _surname_vocabulary(community) for community in COMMUNITIES}
        by_decade = {False: _WOMEN_BY_DECADE, True: _MEN_BY_DECADE}
        self._english = {
            (man, decade): _forename_vocabulary(names) for man, of in by_decade.items() for decade, names in of.items()
        }
        self._own = {
            (community, man): _forename_vocabulary(names[int(man)])
            for community, names in _OWN_FORENAMES.items()
            for man in (False, True)
        }

    def forenames(self, random: np.random.Generator, community: Ints, man: NDArray[np.bool_], year: Ints) -> Texts:
        """Return a forename each; `community` indexes COMMUNITIES, `year` is the year of birth."""
        out = np.empty(len(community), dtype=object)
        english = np.zeros(len(community), dtype=bool)
        borrowed = random.random(len(community))
        for number, name in enumerate(COMMUNITIES):
            here = community == number
            if name == "english":
                english |= here
                continue
            takes = borrowed < _SHARE_OF_ENGLISH_FORENAMES.get(name, 0.04)
            english |= here & takes
            for is_man in (False, True):
                rows = np.flatnonzero(here & ~takes & (man == is_man))
                out[rows] = self._own[name, is_man].draw(random, len(rows))
        decade = np.searchsorted(np.array(_DECADES[1:]), year, side="right")
        for number, first in enumerate(_DECADES):
            for is_man in (False, True):
                rows = np.flatnonzero(english & (decade == number) & (man == is_man))
                out[rows] = self._english[is_man, first].draw(random, len(rows))
        return out

    def surnames(self, random: np.random.Generator, community: Ints) -> Texts:
        """Return a surname each; 2 % of the British ones are double-barrelled."""
        out = np.empty(len(community), dtype=object)
        for number, name in enumerate(COMMUNITIES):
            rows = np.flatnonzero(community == number)
            out[rows] = self._surnames[name].draw(random, len(rows))
        double = np.flatnonzero((community < 4) & (random.random(len(community)) < 0.02))
        second = self._surnames["english"].draw(random, len(double))
        for row, other in zip(double, second, strict=True):
            out[row] = f"{out[row]}-{other}"
        return out


def nicknames() -> dict[str, tuple[str, ...]]:
    """Return forename to the short forms it goes by."""
    pairs = (entry.split(":") for entry in lists.NICKNAMES.split())
    return {name: tuple(short.split(",")) for name, short in pairs}
