"""The review page in a real browser, by its keys alone: what is decided is what the import reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from review_cases import HEADING, candidate, case, texts

from jdl_spark.review import answers, page

ANN = texts("Ann", "", "Lee", "05/03/1980", "F")
HOSTILE = texts("<script>document.title = 'broken'</script>", "<img src=x onerror=\"document.title='broken'\">", "Lee")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    cases = [
        case("00001", ANN, candidate("p1", ANN, HOSTILE), candidate("p2", ANN)),
        case("00002", HOSTILE, *(candidate(f"p{at}", HOSTILE) for at in range(3, 8))),
        case("00003", ANN, candidate("p8", ANN), kind="near"),
    ]
    (folder / "review.html").write_text(page.render(HEADING, cases), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[Browser]:
    with Browser(folder) as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Browser:
    browser.call("Page.navigate", url="about:blank")
    browser.wait("location.protocol === 'about:'")
    browser.open(folder / "review.html")
    browser.wait("document.body.classList.contains('ready')")
    return browser


def told(browser: Browser) -> str:
    return str(browser.ask("document.getElementById('told').textContent"))


def count(browser: Browser) -> str:
    return str(browser.ask("document.getElementById('count').textContent"))


def chosen(browser: Browser) -> str:
    return str(browser.ask("document.querySelector('.case.current .picked').id"))


def test_decisions_by_keys_come_out_as_the_file_that_the_import_reads(opened: Browser, folder: Path) -> None:
    opened.press("2", "s", "1", "s")
    assert "Candidate 2 is no longer the same person" in told(opened)
    assert count(opened) == "Case 1 of 3. 1 decided, 2 to do."
    opened.press("n", "5", "d", "n", "c", "n")
    assert told(opened) == "This was the last person."
    opened.press("p")
    assert chosen(opened) == "c-2-1"
    opened.ask("document.querySelector('#c-2-5 input[name=note]').value = '=moved \"house\"'")
    opened.ask("document.getElementById('reviewer').value = 'Zoë Lee'")
    opened.ask("document.getElementById('download').click()")
    path = folder / f"decisions-{HEADING.request_id}.csv"
    for _ in range(200):
        if path.is_file() and path.stat().st_size:
            break
        opened.ask("1")
    found = answers.read(path)
    assert found.problems == ()
    assert found.source == (HEADING.request_id, HEADING.run_id)
    rows = [(answer.code, answer.decision, answer.reviewer, answer.note) for answer in found.answers]
    assert rows == [("p1", "same", "Zoë Lee", ""), ("p7", "different", "Zoë Lee", '=moved "house"'),
                    ("p8", "unsure", "Zoë Lee", "")]  # fmt: skip
    assert opened.complaints() == []


def test_hostile_names_stay_names(opened: Browser) -> None:
    assert opened.ask("document.title") == f"Clerical review: {HEADING.request_id}"
    assert opened.ask("document.querySelectorAll('script').length") == 1
    assert opened.ask("document.querySelectorAll('img').length") == 0
    assert opened.complaints() == []


def test_keys_rest_while_somebody_types_or_reads_the_help_or_turns_them_off(opened: Browser) -> None:
    opened.ask("document.querySelector('#c-1-1 input[name=note]').focus()")
    opened.press("n", "s")
    assert opened.ask("document.querySelector('#c-1-1 input[name=note]').value") == "ns"
    assert count(opened) == "Case 1 of 3. 0 decided, 3 to do."
    opened.ask("document.activeElement.blur()")
    opened.press("?", "n")
    assert opened.ask("document.getElementById('help').open") is True
    opened.press("Escape")
    assert opened.ask("document.getElementById('help').open") is False
    opened.ask("document.getElementById('shortcuts').click()")
    opened.press("n", "s")
    assert count(opened) == "Case 1 of 3. 0 decided, 3 to do."


def test_a_decision_can_be_cleared(opened: Browser) -> None:
    opened.press("s", "x")
    assert told(opened) == "Candidate 1: no decision."
    assert count(opened).startswith("Case 1 of 3. 0 decided")


def test_the_page_asks_before_it_loses_decisions(opened: Browser) -> None:
    def asked() -> int:
        return sum(event.get("method") == "Page.javascriptDialogOpening" for event in opened.events)

    before = asked()
    opened.press("s")
    opened.call("Page.navigate", url="about:blank")
    opened.wait("location.protocol === 'about:'")
    assert asked() == before + 1


def test_nothing_is_remembered_unless_asked_for(opened: Browser, folder: Path) -> None:
    opened.press("s")
    assert opened.ask("sessionStorage.length") == 0
    opened.ask("document.getElementById('memory').click()")
    assert opened.ask("sessionStorage.length") == 1
    opened.open(folder / "review.html")
    opened.wait("document.body.classList.contains('ready')")
    assert count(opened).startswith("Case 1 of 3. 1 decided")
    opened.ask("document.getElementById('memory').click()")
    assert opened.ask("sessionStorage.length") == 0


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_runs_off_the_side(opened: Browser, width: int) -> None:
    opened.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    opened.press("n")
    assert opened.ask("document.documentElement.scrollWidth <= window.innerWidth")
