"""The sentence, the table and the interval of a measure can never say different things."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reports import samples

from jdl_spark.publication.measures import compose_measures
from jdl_spark.reports import charts
from jdl_spark.results import Measure
from jdl_spark.settings import Methodology

SETTINGS = Methodology(version="test")
MINUS_ZERO = re.compile(r"-0(\.0*)?(?![\d.])")
NAMES = ("reoffended", "reoffences", "days_to_first", "days_free")
SIZES = {"reoffended": 1.0, "reoffences": 1.0, "days_to_first": 300.0, "days_free": 300.0}


def measure(outcome: str, att: float, half: float, p_value: float) -> Measure:
    """Return one composed measure; the rate beside it is always safe to show."""
    base = SIZES[outcome]
    row = samples.estimate(outcome, 0.0, 0.0, 0.0, p_value)
    row |= {
        "mean_treated": (0.5 + att / 2) * base,
        "mean_comparison": (0.5 - att / 2) * base,
        "att": att * base,
        "ci_low": (att - half) * base,
        "ci_high": (att + half) * base,
    }
    safe = samples.estimate("reoffended", 0.5, 0.5, 0.1, 0.9)
    rows = [row] if outcome == "reoffended" else [safe, row]
    found = compose_measures(rows, "Bridge mentoring", "people", SETTINGS)
    return next(m for m in found if m.outcome == outcome)


def words_of(found: Measure) -> str:
    return " ".join(
        (found.typical_words, found.estimate_sentence, found.can_say, found.chart_title, found.chart_alt, found.note)
    )


@given(
    st.sampled_from(NAMES),
    st.floats(-0.8, 0.8).filter(lambda att: abs(att) > 1e-8),
    st.floats(0, 4),
    st.sampled_from([0.0001, 0.01, 0.0495, 0.05]),
    st.sampled_from([0.0500001, 0.0501, 0.06, 0.5, 1.0]),
)
@example("reoffended", -0.05, 1.0, 0.05, 0.5)
@example("reoffended", -1e-7, 0.5, 0.01, 0.5)
@example("reoffended", 0.004, 1.0001, 0.05, 0.0501)
def test_sentence_table_and_interval_agree(
    outcome: str, att: float, ratio: float, p_significant: float, p_not: float
) -> None:
    significant = ratio <= 1
    p_value = p_significant if significant else p_not
    found = measure(outcome, att, abs(att) * ratio, p_value)
    if found.status == "withheld":  # a rate so extreme that few people are on one side
        assert outcome == "reoffended"
        assert not words_of(found).replace(found.note, "").strip()
        return
    low, high, difference = (Decimal(f.text) for f in (found.ci_low, found.ci_high, found.difference))
    p_says = found.p_value.text.startswith("<") or Decimal(found.p_value.text) <= Decimal("0.05")
    assert found.significant is significant is p_says
    assert (low > 0 or high < 0) is significant
    assert ("This is a statistically significant result." in found.estimate_sentence) is significant
    assert ("This is not a statistically significant result" in found.estimate_sentence) is not significant
    assert (" may " in found.can_say) is not significant
    assert ("is not statistically significant" in found.chart_title) is not significant
    assert found.finding == ("not_significant" if not significant else "increase" if att > 0 else "decrease")
    if significant:
        assert difference != 0
        upward = any(word in found.estimate_sentence for word in ("higher", "longer"))
        assert upward is (difference > 0)
    numbers = {Decimal(n) for n in re.findall(r"\d+(?:\.\d+)?", found.estimate_sentence)} - {Decimal(100)}
    assert numbers <= {abs(low), abs(high)}
    assert not MINUS_ZERO.search(words_of(found))


@given(st.sampled_from(NAMES), st.floats(-0.5, 0.5), st.floats(1.1, 5))
def test_absence_of_an_effect_is_never_claimed(outcome: str, att: float, ratio: float) -> None:
    found = measure(outcome, att, max(abs(att), 1e-3) * ratio, 0.3)
    assert "no effect" not in words_of(found)
    if found.status == "published":
        assert found.cannot_say.count("no effect") == 1


def test_no_effect_stands_only_in_what_cannot_be_said() -> None:
    for document in samples.all_kinds().values():
        for found in document.measures:
            assert "no effect" not in words_of(found)
        rest = (
            document.headline.sentence, document.headline.detail, *document.reason_words, *document.next_steps,
            *(note.text for note in (*document.caveats, *document.method)),
        )  # fmt: skip
        assert "no effect" not in " ".join(rest)


def test_published_forms() -> None:
    document = samples.published()
    rate = document.measures[0]
    assert rate.typical_number == "31"
    assert rate.typical_words == (
        "of the 100 men committed a proven reoffence within a one-year period (a rate of 31%), 12 men fewer than in "
        "the comparison group. This difference is statistically significant."
    )
    assert rate.can_say == (
        "This analysis provides evidence that, for every 100 men, support from Bridge mentoring decreases the number "
        "of proven reoffenders during a one-year period by between 5 and 20 men."
    )
    assert rate.cannot_say == (
        "This analysis shows that support from Bridge mentoring increases or has no effect on the reoffending rate of "
        "its participants."
    )
    assert document.measures[1].typical_number == "88"
    assert "54 reoffences fewer" in document.measures[1].typical_words


def test_not_significant_forms() -> None:
    document = samples.published(samples.NULL, attrition=samples.attrition(not_found=40, analysed=58))
    assert document.headline.sentence == (
        "This analysis does not show that Bridge mentoring had a statistically significant effect on a person’s "
        "reoffending behaviour."
    )
    assert "should not be taken to mean that the service fails to affect" in document.headline.detail
    needed = document.measures[0].people_needed
    assert needed is not None
    assert needed.value == 520  # 58 * (0.131 / 0.044)^2 = 514.9..., upward to two digits
    assert "submit again" in document.headline.detail
    assert document.measures[0].cannot_say.endswith(
        "decreases, increases or has no effect on the reoffending rate of its participants."
    )
    assert "has not been included due to low numbers of reoffenders" in document.measures[2].note


def test_a_womens_service_counts_women_in_every_sentence() -> None:
    document = samples.all_kinds()["null"]
    assert "women would be needed" in document.headline.detail
    assert "more women have used the service" in document.headline.detail
    for found in document.measures:
        words = (found.unit, found.explanation, found.typical_words, found.estimate_sentence, found.can_say)
        assert not any("people" in text for text in (*words, found.chart_title, found.chart_alt))
    assert document.measures[0].unit == "women in every 100"
    assert "fewer women" in charts.draw(document.measures[0])


def test_the_people_needed_are_not_named_where_no_service_has_that_many() -> None:
    found = samples.published([samples.estimate("reoffended", 0.4, 0.41, 0.1, 0.85)])
    assert found.measures[0].people_needed is None  # 194 * (0.1 / 0.01)^2 = 19,400
    assert "small beside its uncertainty" in found.headline.detail


def test_headline_does_not_deny_an_effect_that_another_measure_shows() -> None:
    estimates = [
        samples.estimate("reoffended", 0.4, 0.42, 0.1, 0.7),
        samples.estimate("reoffences", 1.0, 1.6, 0.3, 0.001),
    ]
    headline = samples.published(estimates).headline
    assert headline.sentence.endswith("effect on the one-year proven reoffending rate.")
    assert "Frequency of proven reoffending" in headline.detail


@pytest.mark.parametrize(
    ("att", "text"), [(-0.003, "similar to"), (0.0, "similar to"), (-0.012, "1 person fewer than")]
)
def test_a_difference_that_rounds_to_nothing_reads_similar(att: float, text: str) -> None:
    found = measure("reoffended", att, 0.05, 0.6)
    assert f"{text} " in found.typical_words


def test_bounds_on_zero_read_as_they_are() -> None:
    found = measure("reoffended", -0.05, 0.05, 0.0501)
    assert "lower by as many as 10 people, or the same" in found.estimate_sentence
    assert found.can_say.endswith("by up to 10 people, or may leave it as it is.")
    found = measure("reoffended", 0.05, 0.05, 0.0501)
    assert "higher by as many as 10 people, or the same" in found.estimate_sentence
    assert "may increase the number" in found.can_say
