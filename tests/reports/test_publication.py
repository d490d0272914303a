from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import samples

from jdl_spark.publication.found import compose_found
from jdl_spark.publication.match import compose_match, traffic_light
from jdl_spark.publication.people import REASONS, compose_attrition, compose_profile
from jdl_spark.reports import html
from jdl_spark.results import WITHHELD, LinkQuality, ResultDocument
from jdl_spark.settings import BalanceSettings, InferenceSettings, Methodology

THRESHOLD = 10


def test_a_result_is_published_with_everything_around_it() -> None:
    document = samples.published()
    assert (document.status, document.reason) == ("published", "ok")
    assert [m.status for m in document.measures] == ["published"] * 4
    assert document.provenance.methodology_digest == "0f3be7a1c2d4"
    assert document.provenance.synthetic
    assert document.headline.finding == "decrease"
    titles = {note.title for note in document.caveats}
    assert {"Not to be compared with other rates", "Not a ranking", "No endorsement and no assurance",
            "Historic impact only", "What the comparison group may have received",
            "Reoffending before the service started", "People who could not be linked"} <= titles  # fmt: skip


def rate_of(reoffenders: int, people: int, **changes: Any) -> list[dict[str, Any]]:
    sizes = {"n_treated": people, "n_comparison": 900, **changes}
    return [
        samples.estimate("reoffended", reoffenders / people, 0.4, 0.5, 0.9, **sizes),
        samples.estimate("reoffences", 0.5, 0.6, 0.5, 0.9, **sizes),
        samples.estimate("days_free", 300.0, 290.0, 50.0, 0.9, **sizes),
    ]


@pytest.mark.parametrize("reoffenders", [0, 1, 9, 51, 59, 60])
def test_few_reoffenders_or_few_others_withhold_everything(reoffenders: int) -> None:
    document = samples.published(rate_of(reoffenders, 60), attrition=samples.attrition(not_found=30, analysed=60))
    assert (document.status, document.reason) == ("too_few", "small_numbers")
    assert document.measures == ()
    assert document.match is None
    assert document.profile == ()
    assert document.headline.sentence == ""


@pytest.mark.parametrize("reoffenders", [10, 30, 50])
def test_enough_on_both_sides_are_shown(reoffenders: int) -> None:
    document = samples.published(rate_of(reoffenders, 60), attrition=samples.attrition(not_found=30, analysed=60))
    assert document.status == "published"
    assert document.measures[2].status == "withheld"  # no estimate of days to first
    assert document.measures[2].p_value.text == "[x]"


def test_a_comparison_group_without_reoffenders_withholds_the_rate() -> None:
    estimates = [samples.estimate("reoffended", 0.4, 0.005, 0.1, 0.001)]
    assert samples.published(estimates).status == "too_few"


def test_time_to_first_needs_thirty_reoffenders() -> None:
    rows = [*samples.REDUCTION[:2], samples.estimate("days_to_first", 100.0, 90.0, 20.0, 0.4, n_treated=29)]
    measure = samples.published(rows).measures[2]
    assert (measure.status, measure.treated.text) == ("withheld", WITHHELD)
    assert measure.unrounded is None
    rows[2] |= {"n_treated": 30}
    assert samples.published(rows).measures[2].status == "published"


@pytest.mark.parametrize(
    ("estimates", "status", "reason"),
    [
        ([], "failed", "no_estimate"),
        ([samples.estimate("reoffended", 0.3, 0.4, 0.1, 0.04, reason="no_spread")], "failed", "no_spread"),
        ([samples.estimate("reoffended", 0.3, 0.4, 0.1, 0.9, ci_low=-0.2, ci_high=-0.1)], "failed", "contradiction"),
        ([samples.estimate("reoffended", 0.3, 0.4, 0.2, 0.9, n_treated=190)], "failed", "contradiction"),
    ],
)
def test_a_headline_that_cannot_be_had_is_no_result(estimates: list[dict[str, Any]], status: str, reason: str) -> None:
    document = samples.published(estimates)
    assert (document.status, document.reason) == (status, reason)
    assert document.measures == ()


def test_fewer_than_thirty_analysed_are_too_few_whatever_the_item_says() -> None:
    settings = Methodology(version="t", inference=InferenceSettings(minimum_analysed=40))
    few = samples.attrition(not_found=50, analysed=39)
    document = samples.published(rate_of(15, 39), attrition=few, settings=settings)
    assert (document.status, document.reason) == ("too_few", "too_few_analysed")
    assert "39 of the people submitted could be analysed. At least 40 are needed" in document.reason_words[0]


def test_a_handful_analysed_is_not_told() -> None:
    few = samples.attrition(not_found=90, analysed=4)
    document = samples.unpublished("too_few", "too_few_analysed", "only 4 people", attrition=few)
    text = document.to_json()
    assert "Fewer than 10 of the people submitted" in text
    assert document.attrition is not None
    assert document.attrition.submitted.text == WITHHELD
    assert '"94"' not in text
    assert '"4"' not in text


@pytest.mark.parametrize("kind", ["too_few", "refused", "undecided", "waiting", "failed"])
def test_a_request_without_result_says_why_and_what_next(kind: str) -> None:
    document: ResultDocument = samples.all_kinds()[kind]
    assert document.status == kind
    assert document.reason_words
    assert document.next_steps
    assert document.measures == ()


def test_a_refusal_quotes_the_rule_and_withholds_small_counts() -> None:
    rules = [
        {"code": "minimum_cohort", "outcome": "refused", "words": "at least 60 people are needed; there are 7 people."},
        {"code": "note", "outcome": "accepted", "words": "not shown"},
    ]
    document = samples.unpublished("refused", "minimum_cohort", "x", rules)
    assert document.reason_words == ("At least 60 people are needed; there are fewer than 10 people.",)
    assert "Add further sites" in " ".join(document.next_steps)


def test_a_refusal_by_decision_uses_its_message() -> None:
    document = samples.unpublished("refused", "refused_by_decision", "refused by decision: out of scope")
    assert document.reason_words == ("Refused by decision: out of scope",)


def test_a_refused_request_may_leave_everything_out() -> None:
    request = samples.request(metadata=json.dumps({"service": {"delivery_years": ["2010"]}}), intake="{}")
    document = samples.unpublished("refused", "incomplete_metadata", "the service has no name", request=request)
    assert document.service.name == "(name not stated)"
    assert document.service.delivery_years == ()
    assert ResultDocument.from_json(document.to_json()) == document
    assert "The service has no name" in html.report(document)


def test_an_unknown_status_is_a_broken_program() -> None:
    with pytest.raises(ValueError, match="unknown status"):
        samples.published(item=samples.item("done"))


# --- people -----------------------------------------------------------------------------------


def test_every_reason_of_the_road_has_words() -> None:
    from jdl_spark.runs import ROAD

    assert set(ROAD) - {"analysed"} == set(REASONS)


@given(st.dictionaries(st.sampled_from(sorted(REASONS)), st.integers(0, 60), max_size=8), st.integers(0, 60))
def test_the_chain_adds_up_and_shows_no_small_number(lost: dict[str, int], analysed: int) -> None:
    chain = compose_attrition(samples.attrition(**lost, analysed=analysed), THRESHOLD)
    assert chain is not None
    figures = [chain.submitted, chain.analysed, *(row.people for row in chain.rows), *(row.left for row in chain.rows)]
    assert all(f.value is None or f.value == 0 or f.value >= THRESHOLD for f in figures)
    total_lost = sum(lost.values())
    if chain.submitted.value is not None:
        left = chain.submitted.value
        for row in chain.rows:
            assert row.people.value is not None
            left -= row.people.value
            assert row.left.value == left
        assert left == chain.analysed.value == analysed
    else:
        small = (0 < total_lost < THRESHOLD, 0 < analysed < THRESHOLD, 0 < analysed + total_lost < THRESHOLD)
        assert any(small)
        assert all(row.share.value is None and row.left.value is None for row in chain.rows)


def test_attrition_of_nothing_is_nothing() -> None:
    assert compose_attrition([], THRESHOLD) is None


def test_profile_merges_small_categories_and_drops_what_everybody_shares() -> None:
    rows = compose_profile({"Sex": {"Men": 60}, "Age": {"young": 40, "middle": 12, "old": 8}}, THRESHOLD)
    assert [(r.characteristic, r.category, r.people.text) for r in rows] == [
        ("Age", "young", "40"),
        ("Age", "middle, old", "20"),
    ]
    assert compose_profile(None, THRESHOLD) == ()


# --- how well people were found ---------------------------------------------------------------


def found(**changes: Any) -> LinkQuality:
    """Return what is published about a request's links, beside the chain of the samples."""
    quality = compose_found(samples.quality(**changes), compose_attrition(samples.attrition(**samples.CHAIN), 10), 10)
    assert quality is not None
    return quality


def test_rates_of_wrong_and_missed_links_are_per_thousand_and_in_words() -> None:
    quality = found()
    assert (quality.false_links.text, quality.missed_links.text) == ("3", "88")
    assert quality.sentences[0] == (
        "About 3 in 1,000 of the people we counted as found are expected to be somebody else."
    )
    assert quality.sentences[1].startswith("About 88 in 1,000 of the people who are expected to be in the national")
    few = found(false_link_rate=0.0004)
    assert (few.false_links.value, few.false_links.text) == (None, "<1")
    assert few.sentences[0].startswith("Fewer than 1 in 1,000 of the people")


@pytest.mark.parametrize(("linked", "text"), [(9, WITHHELD), (0, "[x]"), (10, "3")])
def test_rates_that_rest_on_few_people_are_withheld(linked: int, text: str) -> None:
    quality = found(linked=linked, false_link_rate=None if linked == 0 else 0.003)
    assert quality.false_links.text == text
    assert ("Too few" in quality.sentences[0]) == (linked < 10)


def test_ambiguous_people_are_shown_only_as_the_chain_shows_them() -> None:
    assert found().ambiguous.text == "18"
    assert found(ambiguous=0).ambiguous.text == "0"
    merged = compose_attrition(samples.attrition(not_found=200, ambiguous=12, under_14=3, analysed=60), THRESHOLD)
    assert merged is not None
    assert ("under_14", "ambiguous") in {row.reasons[::-1] for row in merged.rows}
    quality = compose_found(samples.quality(ambiguous=12), merged, THRESHOLD)
    assert quality is not None
    assert quality.ambiguous.text == WITHHELD


def test_two_routes_that_disagree_often_enough_are_told_with_their_interval() -> None:
    quality = found()
    assert [(row.routes, row.people.text) for row in quality.routes] == [
        (("agree",), "182"), (("disagree",), "11"), (("only_direct",), "27"), (("only_through_offender",), "34"),
    ]  # fmt: skip
    assert (quality.disagreement.text, quality.disagreement_low.text, quality.disagreement_high.text) == (
        "5.7%", "3.2%", "10.0%",
    )  # fmt: skip
    assert "different ones for 5.7% of the people (95% confidence interval 3.2% to 10.0%)" in quality.sentences[-1]


def test_a_rare_disagreement_cannot_be_worked_out() -> None:
    quality = found(disagree=3, disagreement_rate=3 / 185)
    assert [row.people.text for row in quality.routes] == ["182", "34", "30"]
    assert quality.routes[-1].routes == ("disagree", "only_direct")
    assert {quality.disagreement.text, quality.disagreement_low.text, quality.disagreement_high.text} == {WITHHELD}
    assert "rests on too few people to be shown" in quality.sentences[-1]
    assert "185" not in str(quality)


def test_routes_that_never_disagree_or_cannot_be_compared() -> None:
    same = found(disagree=0, disagreement_rate=0.0, disagreement_low=0.0, disagreement_high=0.0207)
    assert "the same one every time" in same.sentences[-1]
    assert (same.disagreement.text, same.disagreement_high.text) == ("0.0%", "2.1%")
    merged = found(agree=40, disagree=0, only_direct=4, only_through_offender=0,
                   disagreement_rate=0.0, disagreement_low=0.0, disagreement_high=0.0877)  # fmt: skip
    assert [row.people.text for row in merged.routes] == ["44"]
    assert "the same one every time" in merged.sentences[-1]
    assert (merged.disagreement.text, merged.disagreement_high.text) == ("0.0%", WITHHELD)  # 8.8% would tell the 40
    nothing = dict.fromkeys(("disagreement_rate", "disagreement_low", "disagreement_high"))
    apart = found(agree=0, disagree=0, **nothing)
    assert "Nobody was found in both ways" in apart.sentences[-1]
    none = found(agree=0, disagree=0, only_direct=0, only_through_offender=0, **nothing)
    assert none.routes == ()
    assert len(none.sentences) == 3
    assert compose_found(None, None, THRESHOLD) is None


@given(st.lists(st.integers(0, 40), min_size=4, max_size=4))
def test_no_small_number_of_people_is_shown_by_route(counts: list[int]) -> None:
    routes = dict(zip(("agree", "disagree", "only_direct", "only_through_offender"), counts, strict=True))
    both = counts[0] + counts[1]
    rate = counts[1] / both if both else None
    quality = found(**routes, disagreement_rate=rate, disagreement_low=rate, disagreement_high=rate)
    assert all(row.people.value is None or row.people.value >= THRESHOLD for row in quality.routes)
    if quality.disagreement_high.value is not None:
        shown = {row.routes: row.people.value for row in quality.routes}
        assert all(count == 0 or shown[(route,)] == count for route, count in list(routes.items())[:2])


# --- match ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("smd", "light"),
    [(0.0, "green"), (0.05, "green"), (-0.05, "green"), (0.0501, "amber"), (0.1, "amber"), (-0.1001, "red"),
     (float("inf"), "red"), (float("nan"), "not_measured"), (None, "not_measured")],
)  # fmt: skip
def test_traffic_light(smd: float | None, light: str) -> None:
    assert traffic_light(smd, BalanceSettings()) == light


def test_printed_smd_is_on_the_side_of_its_light() -> None:
    match = samples.published(balance=samples.balance(0.0503)).match
    assert match is not None
    last = match.balance[-1]
    assert (last.light, last.smd_after.text) == ("amber", "0.0503")
    assert match.verdict == "acceptable"


def test_shares_of_few_people_are_withheld_in_the_balance_table() -> None:
    match = samples.published().match
    assert match is not None
    means = {row.covariate: row.mean_treated.text for row in match.balance}
    assert "sex_f" not in means  # nobody differs: no row
    assert means["programme"] == WITHHELD  # 0.03 of 194 people
    assert means["age"] == "31.40"
    assert [row.label for row in match.balance if row.covariate == "index_quarter"] == ["Index quarter"]


def test_balance_follows_the_order_of_the_labels_and_prints_shares_in_per_cent() -> None:
    rows = samples.balance()
    straight = compose_match(samples.model(), rows, 194, 903, samples.LABELS, samples.SETTINGS)
    shuffled = compose_match(samples.model(), rows[::-1], 194, 903, samples.LABELS, samples.SETTINGS)
    assert straight == shuffled
    assert straight is not None
    names = [row.covariate for row in straight.balance]
    assert names == [*(name for name in samples.LABELS if name in names), "index_quarter"]
    black = next(row for row in straight.balance if row.covariate == "ethnicity_black")
    assert (black.mean_treated.text, black.mean_treated.value, black.mean_comparison.text) == ("55%", 55.0, "54%")


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("constant", "Foreign national (the same for everybody)"),
        ("separation", "Foreign national (tells the two groups apart completely)"),
        ("separation, set apart where not 0", "Foreign national (only found in one of the two groups)"),
        ("linear combination of sex_f, ethnicity_black", "Foreign national (known from Women, Black)"),
    ],
)
def test_why_a_covariate_was_left_out_is_said_in_words(cause: str, words: str) -> None:
    model = samples.model(dropped=[f"nationality_foreign: {cause}"])
    match = compose_match(model, samples.balance(), 194, 903, samples.LABELS, samples.SETTINGS)
    assert match is not None
    assert match.left_out == (words,)


def test_a_red_light_asks_for_caution_beside_the_headline() -> None:
    document = samples.published(balance=samples.balance(0.2))
    assert document.match is not None
    assert document.match.red == 1
    assert "caution" in document.headline.caution
    assert samples.published().headline.caution == ""


def test_balance_without_spread_or_measure() -> None:
    rows = samples.balance()
    rows[-1] |= {"smd": float("inf"), "mean_treated": None, "mean_comparison": None}
    rows[-3] |= {"smd": None}
    match = compose_match(samples.model(), rows, 194, 903, {}, samples.SETTINGS)
    assert match is not None
    assert match.balance[-1].smd_after.text == "no spread"
    assert match.balance[-1].light == "red"
    assert match.balance[-2].smd_after.text == "[x]"
    assert compose_match(None, rows, 194, 903, {}, samples.SETTINGS) is None


# --- caveats ----------------------------------------------------------------------------------


def test_declared_exclusions_and_end_dates_become_caveats() -> None:
    cohort = {"everybody": False, "exclusions": [{"reason": "Only completers.", "systematic": True}]}
    request = samples.request(cohort=cohort, intake=json.dumps({"rows": 412, "start_is_end": 57}))
    notes = {note.title: note.text for note in samples.published(request=request).caveats}
    assert "Only completers." in notes["People left out for a systematic reason"]
    assert "57 people" in notes["End dates in place of start dates"]
    few = samples.request(intake=json.dumps({"start_is_end": 3}))
    notes = {note.title: note.text for note in samples.published(request=few).caveats}
    assert "a small number of people" in notes["End dates in place of start dates"]
