"""The requests of the synthetic nation: twelve of different character, or any number of plain ones."""

from __future__ import annotations

from dataclasses import dataclass, field

from jdl_spark.errors import UsageError
from jdl_spark.stats.randomness import generator

TREATED, GARBLED, INCOMPLETE, ABSENT, NO_SENTENCE, MISALIGNED, REOFFENDED, DUPLICATE = (
    "treated", "garbled", "incomplete", "absent", "no_sentence", "misaligned", "reoffended", "duplicate",
)  # fmt: skip
FATES = (TREATED, GARBLED, INCOMPLETE, ABSENT, NO_SENTENCE, MISALIGNED, REOFFENDED, DUPLICATE)
"""What a submitted row is in truth. Only `treated` rows can be analysed by a perfect lab."""


@dataclass(frozen=True)
class RequestSpec:
    """One request to make up.

    Attributes
    ----------
    rows : submitted rows. `fates` gives the shares of rows that are not `treated`.
    effect : planted change of the one-year proven reoffending rate among the treated, probability.
    lean : log-odds of being served, per standard deviation of age, of the log of sanctions so far,
        and per whole year of recorded work in the year before. Nothing else steers who is served:
        all three can be seen by the lab, so that matching can be right.
    """

    id: str
    organisation: str
    service: str
    description: str
    kind: str
    setting: str
    target_group: str
    years: tuple[int, ...]
    sites: tuple[str, ...]
    rows: int
    effect: float
    lean: tuple[float, float, float]
    fates: dict[str, float] = field(default_factory=dict)
    women: bool = False
    format: str = "csv"
    dirty: bool = False
    basis: str = "consent"
    exclusion: str = ""
    shares_two_with: str = ""
    fixed_size: bool = False


_MOTIVATED = (0.35, -0.4, 0.6)  # older, fewer sanctions, in work
_HIGH_RISK = (-0.35, 0.6, -0.7)
_USUAL = {GARBLED: 0.04, INCOMPLETE: 0.02, ABSENT: 0.10, NO_SENTENCE: 0.06, MISALIGNED: 0.08, DUPLICATE: 0.01}


def demo() -> list[RequestSpec]:
    """Return the twelve requests of the demonstration."""
    return [
        RequestSpec(
            "BRIDGE-2010",
            "The Bridge Trust",
            "Bridge mentoring",
            "A volunteer mentor meets each person weekly in the last months of the sentence. "
            "Meetings deal with plans for work, family and money after release.",
            "mentoring",
            "custody",
            "men and women leaving prison",
            (2009, 2010),
            ("Leeds", "Hull"),
            1200,
            -0.09,
            _MOTIVATED,
            _USUAL,
        ),
        RequestSpec(
            "KICKSTART-2009",
            "Kickstart Community Action",
            "Kickstart challenge weeks",
            "Two weeks of strict outdoor activity under former army instructors. "
            "People are referred by their supervising officer early in the order.",
            "other",
            "community",
            "people on community orders",
            (2008, 2009),
            ("Birmingham", "Coventry", "Stoke"),
            1200,
            0.08,
            _HIGH_RISK,
            {**_USUAL, REOFFENDED: 0.05},
        ),
        RequestSpec(
            "CANVAS-2010",
            "Open Canvas",
            "Art in the evenings",
            "Evening classes in painting and print-making led by working artists. "
            "Classes run for ten weeks and end with an exhibition in the prison.",
            "arts",
            "custody",
            "people in prison",
            (2009, 2010),
            ("Manchester",),
            420,
            0.0,
            (0.3, -0.2, 0.3),
            {GARBLED: 0.13, INCOMPLETE: 0.12, ABSENT: 0.25, NO_SENTENCE: 0.10, MISALIGNED: 0.10, DUPLICATE: 0.02},
            format="xlsx",
        ),
        RequestSpec(
            "HARBOUR-2011",
            "Safe Harbour Housing",
            "Harbour tenancies",
            "A tenancy of six months in a shared house with a support worker. "
            "The worker helps with deposits, benefits and keeping the peace with neighbours.",
            "accommodation",
            "community",
            "people without an address",
            (2010, 2011),
            ("Plymouth",),
            44,
            -0.05,
            _HIGH_RISK,
            {ABSENT: 0.08, MISALIGNED: 0.05},
            fixed_size=True,
        ),
        RequestSpec(
            "SAFEHOME-2010",
            "Safe Home",
            "Safe Home groups",
            "A group programme of twenty weeks for men who were violent towards a partner. "
            "Sessions are led by two trained facilitators.",
            "domestic_violence",
            "community",
            "men convicted of violence in the home",
            (2010,),
            ("Cardiff",),
            180,
            0.0,
            (0.2, 0.0, 0.0),
            {**_USUAL, REOFFENDED: 0.03},
        ),
        RequestSpec(
            "CLEARWAY-2010",
            "Clearway Recovery",
            "Clearway day programme",
            "A structured day programme of twelve weeks for people with drug or alcohol problems. "
            "It combines group work, key work and help into training.",
            "drugs_alcohol",
            "community",
            "people with drug or alcohol problems",
            (2009, 2010),
            ("Liverpool", "Bootle"),
            320,
            -0.05,
            _HIGH_RISK,
            {**_USUAL, ABSENT: 0.18, REOFFENDED: 0.06},
        ),
        RequestSpec(
            "WILLOW-2009",
            "Willow Women's Centre",
            "Willow one-stop support",
            "A women's centre offers one place for advice on debts, housing, children and abuse. "
            "Each woman has a key worker and may bring her children.",
            "women",
            "both",
            "women in prison or on orders",
            (2008, 2009, 2010),
            ("Bristol", "Exeter"),
            340,
            -0.06,
            (0.3, 0.3, 0.2),
            {**_USUAL, ABSENT: 0.20, REOFFENDED: 0.04},
            women=True,
            format="ods",
        ),
        RequestSpec(
            "PATHFINDER-0710",
            "Pathfinder North",
            "Pathfinder work coaching",
            "Coaches prepare people for interviews, go with them to employers and stay in touch for a year. "
            "The same manual is used at all sites.",
            "employment",
            "both",
            "people leaving prison or on orders",
            (2007, 2008, 2009, 2010),
            ("Newcastle", "Middlesbrough", "Sheffield", "Leeds"),
            600,
            -0.04,
            _MOTIVATED,
            {**_USUAL, REOFFENDED: 0.03},
        ),
        RequestSpec(
            "LEDGER-2011",
            "Ledger Money Advice",
            "Ledger debt clinic",
            "Advisers list each person's debts, deal with creditors and open bank accounts. "
            "Most people are seen three times.",
            "finance",
            "community",
            "people with debts on probation",
            (2010, 2011),
            ("Nottingham St Ann’s", "Derby"),
            380,
            0.0,
            (0.4, 0.2, 0.4),
            {
                GARBLED: 0.10,
                INCOMPLETE: 0.13,
                ABSENT: 0.16,
                NO_SENTENCE: 0.08,
                MISALIGNED: 0.10,
                REOFFENDED: 0.05,
                DUPLICATE: 0.05,
            },
            dirty=True,
        ),
        RequestSpec(
            "HORIZON-2012",
            "Horizon Works",
            "Horizon workshop",
            "A workshop in which people earn a certificate in joinery or tiling. "
            "Instructors keep contact with local building firms.",
            "employment",
            "custody",
            "people in the last year of a sentence",
            (2012,),
            ("Norwich",),
            360,
            -0.06,
            _MOTIVATED,
            {**_USUAL, ABSENT: 0.14},
        ),
        RequestSpec(
            "WAITLIST-2010",
            "The Bridge Trust",
            "Bridge mentoring waiting list",
            "People who were referred for a mentor and accepted, but for whom no mentor was found. "
            "They received no service; the list is submitted as a placebo cohort.",
            "mentoring",
            "custody",
            "people leaving prison",
            (2009, 2010),
            ("Leeds", "Hull"),
            520,
            0.0,
            _MOTIVATED,
            _USUAL,
        ),
        RequestSpec(
            "OPENDOOR-2010",
            "Open Door Families",
            "Family visits and parenting",
            "Family days and a parenting course of eight sessions for people with children. "
            "A worker writes to the family and keeps the line open after release.",
            "family",
            "custody",
            "parents in prison",
            (2009, 2010),
            ("Leicester", "Nottingham"),
            400,
            -0.03,
            (0.3, 0.0, 0.2),
            {GARBLED: 0.10, INCOMPLETE: 0.06, ABSENT: 0.30, NO_SENTENCE: 0.10, MISALIGNED: 0.14, DUPLICATE: 0.02},
            basis="public_function",
            exclusion="People who left the course in the first week were not recorded.",
            shares_two_with="BRIDGE-2010",
        ),
    ]


def many(count: int, seed: int) -> list[RequestSpec]:
    """Return plain requests of 60 to 400 rows with random effects, a quarter of them zero."""
    random = generator("synthetic", seed, "many")
    kinds = ("mentoring", "education", "employment", "accommodation", "thinking", "family")
    specs = []
    for number in range(count):
        setting = ("custody", "community", "both")[int(random.integers(3))]
        effect = 0.0 if random.random() < 0.25 else round(float(random.normal(-0.03, 0.05)), 3)
        lean = tuple(round(float(x), 2) for x in random.normal(0, 0.4, 3))
        first = int(random.integers(2007, 2011))
        fates = {fate: share * float(random.uniform(0.5, 2.5)) for fate, share in _USUAL.items()}
        if setting != "custody":
            fates[REOFFENDED] = 0.03
        specs.append(
            RequestSpec(
                f"MANY-{number + 1:04d}", f"Organisation {number + 1}", f"Service {number + 1}",
                "A service made up for measuring the lab. It has no content of its own.",
                kinds[int(random.integers(len(kinds)))], setting, "anybody", (first, first + 1), ("Site",),
                int(random.integers(60, 401)), max(min(effect, 0.15), -0.15), (lean[0], lean[1], lean[2]), fates,
                fixed_size=True,
            )
        )  # fmt: skip
    return specs


def requests(wanted: str, seed: int) -> list[RequestSpec]:
    """Return the requests that `wanted` names: `demo`, `many:N` or `none`.

    Raises
    ------
    UsageError
        If it names nothing.
    """
    if wanted == "demo":
        return demo()
    if wanted == "none":
        return []
    word, _, number = wanted.partition(":")
    if word == "many" and number.isdigit() and int(number) >= 1:
        return many(int(number), seed)
    raise UsageError(f"requests must be demo, none or many:N (N at least 1), not {wanted!r}")
