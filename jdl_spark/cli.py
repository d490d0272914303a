"""The person's door: one command a thing that a person does.

Why it starts no JVM: checking a request, reading a status and rendering a report answer at once. What
needs Spark is handed to spark-submit through `launch`, embedded by default.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from jdl_spark import __version__
from jdl_spark.errors import EnvironmentProblem, JdlError, UsageError

if TYPE_CHECKING:
    from jdl_spark.reports.linkage_document import LinkageDocument

app = typer.Typer(
    name="jdl",
    help="A Justice Data Lab: did people who used a service reoffend less than similar people who did not?\n\n"
    "The road of a request: [bold]template[/] > [bold]check[/] > [bold]submit[/] > [bold]run[/] > [bold]report[/].\n\n"
    "Before it, once a data year: [bold]init[/] > [bold]ingest[/] > [bold]release create[/].",
    epilog="Exit codes: 0 all well, 1 some requests failed, 2 wrong use or unreadable input, 3 refused by a rule, "
    "4 something is missing on this machine.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
release_app = typer.Typer(help="Pin the national tables as a data release.", no_args_is_help=True)
app.add_typer(release_app, name="release")
linkage_app = typer.Typer(help="Train linkage models, and look at them.", no_args_is_help=True)
app.add_typer(linkage_app, name="linkage")
review_app = typer.Typer(help="Let a person decide on doubtful links.", no_args_is_help=True)
app.add_typer(review_app, name="review")


class _TablesByDefault(TyperGroup):
    """`jdl link LEFT RIGHT` means `jdl link tables LEFT RIGHT`; a file called plan is given as ./plan."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["tables", *args]
        return super().parse_args(ctx, args)


link_app = typer.Typer(
    help="Link any two tables of people, or find who is listed several times in one.\n\n"
    "Example: jdl link left.csv right.csv --spec link.toml --out links.parquet\n\n"
    "The road: [bold]plan[/] (how much would be compared) > linking > [bold]report[/] (how far to trust it). "
    "Its options: jdl link tables --help",
    epilog='link.toml says which column is what: \\[left] id = "person", forename = "first_name", surname = '
    '"last_name", date_of_birth = "dob", and so on; the same for \\[right]. See docs/adhoc.md.',
    cls=_TablesByDefault,
    no_args_is_help=True,
)
app.add_typer(link_app, name="link")

Lake = Annotated[str, typer.Option("--lake", envvar="JDL_LAKE", help="Folder or URI of the lake.")]
Master = Annotated[
    str | None, typer.Option("--master", envvar="JDL_MASTER", help="Spark master URL; embedded if left out.")
]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for machines.")]
Settings = Annotated[Path | None, typer.Option("--methodology", help="Settings file; the shipped one if left out.")]
Release = Annotated[str | None, typer.Option("--release", help="Data release; the newest if left out.")]


def main() -> None:
    """Run the command line; a user's mistake ends in one sentence, not in a traceback."""
    if "--debug" in sys.argv:  # anywhere, and for the job as well
        sys.argv.remove("--debug")
        os.environ["JDL_DEBUG"] = "1"
    try:
        app()
    except JdlError as error:
        if os.environ.get("JDL_DEBUG"):
            raise
        print(f"jdl: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(line)


def _answer(answer: Any, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer.as_json(), indent=2, default=str))
    else:
        _say(answer.lines())


def _job(job: str, arguments: Sequence[str], lake: str, master: str | None, as_json: bool = False) -> None:
    from jdl_spark import launch

    words = [*arguments, "--lake", lake, *(["--json"] if as_json else [])]
    raise typer.Exit(launch.run(job, words, master))


def _optional(**options: object) -> list[str]:
    return [
        word
        for name, value in options.items()
        if value is not None
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


# --- this machine -------------------------------------------------------------------------


@app.command()
def setup() -> None:
    """Fetch the two Delta jars once and check them; no job ever downloads anything. Example: jdl setup"""
    from jdl_spark import environment

    for jar in environment.fetch_delta_jars():
        typer.echo(f"{jar} is right")


@app.command()
def doctor(
    lake: Annotated[str | None, typer.Option("--lake", envvar="JDL_LAKE", help="Look at this lake as well.")] = None,
    as_json: Json = False,
) -> None:
    """Say what is right on this machine and what is missing. Example: jdl doctor --lake /data/lab"""
    from jdl_spark import doctor as examination

    findings = examination.examine(lake)
    if as_json:
        typer.echo(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        _say([f"{'ok     ' if f.right else 'MISSING'}  {f.what}: {f.words}" for f in findings])
        _say(["", "All is well." if all(f.right for f in findings) else "Mend what is missing, then ask again."])
    if not all(finding.right for finding in findings):
        raise typer.Exit(EnvironmentProblem.exit_code)


@app.command()
def version() -> None:
    """Print the version. Example: jdl version"""
    typer.echo(__version__)


# --- national data ------------------------------------------------------------------------


@app.command()
def init(
    lake: Lake = "lake",
    key_file: Annotated[
        Path | None, typer.Option(help="File with the pseudonym key in hexadecimal; a new random key if left out.")
    ] = None,
    master: Master = None,
) -> None:
    """Create the tables of a lake, with their constraints. Example: jdl init --lake /data/lab"""
    _job("init", _optional(key_file=key_file), lake, master)


@app.command()
def ingest(
    table: Annotated[str, typer.Argument(help="National table, for instance sentences.")],
    source: Annotated[str, typer.Argument(metavar="FILE", help="CSV or Parquet: a file, a folder or a Hadoop URI.")],
    mapping: Annotated[Path, typer.Option(help="Mapping file: columns, date formats, code lists.")],
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Load a national extract. Example: jdl ingest sentences sentences.csv --mapping sentences.toml

    Rows that break a rule go to the quarantine with a reason. Loading the same file twice changes nothing.
    """
    _job("ingest", [table, source, "--mapping", str(mapping)], lake, master, as_json)


@release_app.command("create")
def release_create(
    name: Annotated[str, typer.Argument(help="For instance 2011, the newest year with complete follow-up.")],
    outcomes_to: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day up to which outcomes are complete.")],
    shards: Annotated[
        int | None, typer.Option(min=1, help="Slices of the prepared tables; by size if left out.")
    ] = None,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Pin the national tables as they are now. Example: jdl release create 2011 --outcomes-to 2013-06-30"""
    day = outcomes_to.date().isoformat()
    _job("create_release", [name, "--outcomes-to", day, *_optional(shards=shards)], lake, master, as_json)


@release_app.command("list")
def release_list(lake: Lake = "lake", master: Master = None, as_json: Json = False) -> None:
    """List the data releases of the lake. Example: jdl release list --json"""
    _job("create_release", [], lake, master, as_json)


@app.command()
def maintain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Put small files together and remove old ones. Example: jdl maintain --lake /data/lab --dry-run

    Results and releases stay as they are. Files of older versions are removed after the retention of their zone, never
    those of a version that a release pins; what killed writes left behind is removed after a day. Run it every night.
    """
    _job("maintain", ["--dry-run"] if dry_run else [], lake, master, as_json)


@app.command()
def generate(
    out: Annotated[Path, typer.Argument(help="Folder to write extracts, mappings, requests and truth to.")],
    identities: Annotated[int, typer.Option(min=1_000, help="Offender identities.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same nation.")] = 2013,
    as_of: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="What is known by this day; a later day adds to it.")
    ] = datetime(2013, 6, 30),
    requests: Annotated[str, typer.Option(help="demo, or many:N for N requests.")] = "demo",
    as_json: Json = False,
) -> None:
    """Make a synthetic nation to try the lab on. No real record is used. Example: jdl generate nation"""
    from jdl_spark.synthetic import nation

    summary = nation.generate(out, identities=identities, seed=seed, as_of=as_of.date(), requests=requests)
    if as_json:
        typer.echo(json.dumps(summary, indent=2, default=str))
        return
    _say([f"{rows:>12,}  {table}" for table, rows in summary["rows"].items()])
    _say([f"{len(summary['requests']):>12}  requests in {out / 'requests'}"])


# --- requests -----------------------------------------------------------------------------


@app.command()
def template(
    folder: Annotated[Path, typer.Argument(help="New folder.")],
    request_id: Annotated[str | None, typer.Option("--id", help="Request id, for instance BRIDGE-2010.")] = None,
) -> None:
    """Write a request folder to fill in. Example: jdl template my-request"""
    from jdl_spark.requests.template import write_template

    _say([f"wrote {path}" for path in write_template(folder, request_id)])
    _say([f"Fill in the files, then ask: jdl check {folder}"])


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Request folder with request.toml and a cohort file.")],
    as_json: Json = False,
) -> None:
    """Say everything that is wrong with a request, at once, before it is handed in. Example: jdl check my-request"""
    from jdl_spark.requests.check import check_folder

    submission = check_folder(folder)
    _answer(submission, as_json)
    raise typer.Exit({"accepted": 0, "needs_decision": 0, "refused": 3}.get(submission.verdict, 2))


@app.command()
def submit(
    folders: Annotated[list[Path], typer.Argument(help="Request folders.")],
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Hand in one request or many. Example: jdl submit requests/*"""
    _job("submit", [str(folder) for folder in folders], lake, master, as_json)


@app.command()
def decide(
    request: Annotated[str, typer.Argument(help="Request id.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    accept: Annotated[bool | None, typer.Option("--accept/--refuse", help="The decision.")] = None,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Decide on a request that needs it. Example: jdl decide CLEARWAY-2010 --accept --by "A. Lee" --reason "..." """
    if accept is None:
        raise UsageError("say --accept or --refuse")
    word = "--accept" if accept else "--refuse"
    _job("decide", [request, word, "--by", by, "--reason", reason], lake, master, as_json)


# --- linkage models -----------------------------------------------------------------------

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="Model id or its beginning; or what it is for: the newest such model."),
]


@linkage_app.command("train")
def linkage_train(
    release: Release = None,
    again: Annotated[bool, typer.Option("--again", help="Also where the models are there already.")] = False,
    methodology: Settings = None,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Train the linkage models of a release and say what was found. Example: jdl linkage train --release 2011

    Models that are there already stay. With --again they are trained once more, for instance after many more people
    have been submitted; a model that comes out different gets the next number, and later runs use it.
    """
    words = [*_optional(release=release, methodology=methodology), *(["--again"] if again else [])]
    _job("train_linkage", words, lake, master, as_json)


@linkage_app.command("list")
def linkage_list(lake: Lake = "lake", as_json: Json = False) -> None:
    """List the linkage models of the lake. Example: jdl linkage list --lake /data/lab"""
    from jdl_spark import documents

    cards = documents.read_models(_documents(lake))
    if as_json:
        typer.echo(json.dumps([card.summary() for card in cards], indent=2))
    else:
        _say([card.heading for card in cards])


@linkage_app.command("show")
def linkage_show(model: Model = "cohort", lake: Lake = "lake", as_json: Json = False) -> None:
    """Show m, u and the weight of every level of a linkage model. Example: jdl linkage show cohort --lake /data/lab"""
    from jdl_spark import documents

    _answer(documents.find_model(_documents(lake), model), as_json)


@linkage_app.command("report")
def linkage_report(
    model: Model = "cohort",
    out: Annotated[Path, typer.Option(help="Web page to write.")] = Path("linkage.html"),
    charts: Annotated[Path | None, typer.Option(help="Folder for the charts as SVG files.")] = None,
    lake: Lake = "lake",
) -> None:
    """Draw a linkage model of the lake. Example: jdl linkage report cohort --lake /data/lab --out linkage.html"""
    from jdl_spark import documents
    from jdl_spark.reports import linkage_reading

    card = documents.find_model(_documents(lake), model)
    document = linkage_reading.parse({"title": card.heading, "model": dict(card.parameters)})
    _say(_linkage_page(document, out, charts))


# --- runs ---------------------------------------------------------------------------------


@app.command()
def run(
    requests: Annotated[list[str] | None, typer.Argument(help="Request ids.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All requests of the lake.")] = False,
    release: Release = None,
    methodology: Settings = None,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Carry requests to published documents, together. Example: jdl run BRIDGE-2010 --release 2011"""
    if bool(requests) == everything:
        raise UsageError("name the requests to run, or say --all")
    words = [*(requests or []), *_optional(release=release, methodology=methodology)]
    _job("run_requests", words, lake, master, as_json)


@app.command()
def reprocess(
    release: Annotated[str, typer.Option(help="Data release to run every request on.")],
    methodology: Settings = None,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Run every request again on a data release. Example: jdl reprocess --release 2012"""
    _job("reprocess_all", _optional(release=release, methodology=methodology), lake, master, as_json)


@app.command()
def status(
    run_id: Annotated[str | None, typer.Argument(metavar="RUN", help="Run id; the newest if left out.")] = None,
    lake: Lake = "lake",
    as_json: Json = False,
) -> None:
    """Say what a run is doing or did: its stages, what became of each request. Example: jdl status --lake /data/lab"""
    from jdl_spark import documents

    _answer(documents.read_status(_documents(lake), run_id), as_json)


@app.command("hash")
def hash_(
    run_id: Annotated[str | None, typer.Argument(metavar="RUN", help="Run id; the newest if left out.")] = None,
    tables: Annotated[bool, typer.Option("--tables", help="The hash of each table as well.")] = False,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Print one SHA-256 over all results of a run. Example: jdl hash --lake /data/lab

    Two runs found the same, bit for bit, if and only if they have the same hash: on one machine or on a cluster, today
    or after a worker was lost. Where it differs, --tables shows in which tables.
    """
    _job("hash_run", [*([run_id] if run_id else []), *(["--tables"] if tables else [])], lake, master, as_json)


@app.command()
def report(
    requests: Annotated[list[str] | None, typer.Argument(help="Request ids; all if left out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the reports.")] = Path("reports"),
    run_id: Annotated[str | None, typer.Option("--run", help="Run id; each request's newest if left out.")] = None,
    lake: Lake = "lake",
) -> None:
    """Render results as HTML, CSV and JSON. Example: jdl report BRIDGE-2010 --out reports"""
    from jdl_spark import documents, reports

    folder = _documents(lake)
    if not requests and run_id is None:
        reports.render_index(folder, out)
        typer.echo(f"all requests: {out / 'index.html'}")
        return
    for name, path in documents.find_results(folder, requests or [], run_id).items():
        reports.render(path, out / name)
        typer.echo(f"{name}: {out / name / 'index.html'}")


def _documents(lake: str) -> Path:
    folder = Path(lake.removeprefix("file:")) / "documents"
    if "://" in lake or not folder.is_dir():
        raise UsageError(f"there are no documents at {folder}; run requests first, or name the lake with --lake")
    return folder


@app.command()
def evaluate(
    truth: Annotated[Path, typer.Option(help="Truth folder of a synthetic nation.")],
    run_id: Annotated[str | None, typer.Option("--run", help="Run id; the newest if left out.")] = None,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Compare a run with the planted truth of a synthetic nation. Example: jdl evaluate --truth nation/truth"""
    _job("evaluate", ["--truth", str(truth), *_optional(run=run_id)], lake, master, as_json)


# --- clerical review ----------------------------------------------------------------------


@review_app.command("export")
def review_export(
    request: Annotated[str, typer.Argument(help="Request id.")],
    out: Annotated[Path, typer.Option(help="Folder for the files. They hold names: choose it with care.")],
    run_id: Annotated[str | None, typer.Option("--run", help="Run id; the newest if left out.")] = None,
    which: Annotated[str, typer.Option(help="ambiguous, linked, near or all.")] = "ambiguous",
    limit: Annotated[int | None, typer.Option(min=1, help="Most people; the most uncertain come first.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of an earlier export.")] = False,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Write a page and a CSV file to decide in. Example: jdl review export BRIDGE-2010 --out review

    The files hold names, dates of birth and police identifiers. Delete them after use.
    """
    words = [request, "--out", str(out), "--which", which, *_optional(run=run_id, limit=limit)]
    _job("review_export", [*words, *(["--force"] if force else [])], lake, master, as_json)


@review_app.command("import")
def review_import(
    file: Annotated[Path, typer.Argument(help="The file from the page, or the CSV file filled in.")],
    reviewer: Annotated[str | None, typer.Option(help="Who decided, where a row does not say.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file and store nothing.")] = False,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Take decisions in; the next run obeys them. Example: jdl review import decisions.csv --reviewer "A. Lee" """
    words = [str(file), *_optional(reviewer=reviewer), *(["--dry-run"] if dry_run else [])]
    _job("review_import", words, lake, master, as_json)


@review_app.command("list")
def review_list(
    request: Annotated[str | None, typer.Argument(help="Request id; all if left out.")] = None,
    lake: Lake = "lake",
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Count who waits for a decision, and who is decided. Example: jdl review list --json"""
    _job("review_list", [request] if request else [], lake, master, as_json)


# --- data from outside the request road ---------------------------------------------------

Spec = Annotated[Path, typer.Option(help="Spec file; see docs/adhoc.md.")]


@app.command()
def analyse(
    data: Annotated[str, typer.Argument(help="CSV or Parquet with one row per person.")],
    spec: Spec,
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Match and compare in a table that is already linked. Example: jdl analyse data.csv --spec spec.toml --out out"""
    _job("analyse", [data, "--spec", str(spec), "--out", str(out)], "lake", master, as_json)


Left = Annotated[str, typer.Argument(help="CSV or Parquet: people to look for.")]
Right = Annotated[
    str | None, typer.Argument(help="CSV or Parquet: people to look among; none: LEFT is searched for duplicates.")
]


@link_app.command("tables")
def link_tables(
    left: Left,
    spec: Spec,
    right: Right = None,
    out: Annotated[Path | None, typer.Option(help="Parquet file for the links.")] = None,
    train: Annotated[
        Path | None, typer.Option(help="Write the model that is trained here; without --out nothing is linked.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Link with this model, of --train or of Splink, instead of training one.")
    ] = None,
    evaluate: Annotated[
        str | None, typer.Option(help="CSV or Parquet of true pairs (left_id, right_id) to hold the links against.")
    ] = None,
    master: Master = None,
    as_json: Json = False,
) -> None:
    """Link two tables of people, or one with itself. Example: jdl link left.csv right.csv --spec s.toml --out l.parquet

    `tables` may be left out. Without --model, a model is trained on the two tables first; keep it with --train.

    Beside the links a document is written that tells how they were made; see it with: jdl link report LINKS
    """
    words = [left, *([right] if right else []), "--spec", str(spec)]
    _job("link", [*words, *_optional(out=out, train=train, model=model, evaluate=evaluate)], "lake", master, as_json)


@link_app.command("plan")
def link_plan(left: Left, spec: Spec, right: Right = None, master: Master = None, as_json: Json = False) -> None:
    """Count the pairs of each blocking rule before linking. Example: jdl link plan left.csv right.csv --spec s.toml

    For each rule: its pairs, the people who meet anybody, and the key with the most pairs; then the pairs of all rules
    together, the keys that are too full to be looked up, and how complete each field is. Nothing is compared.
    """
    words = [left, *([right] if right else []), "--spec", str(spec), "--plan"]
    _job("link", words, "lake", master, as_json)


@link_app.command("report")
def link_report(
    links: Annotated[Path, typer.Argument(help="The file of links, or the document beside it.")],
    out: Annotated[Path, typer.Option(help="Web page to write.")] = Path("linkage.html"),
    charts: Annotated[Path | None, typer.Option(help="Folder for the charts as SVG files.")] = None,
) -> None:
    """Draw how a linkage was made and how far to trust it. Example: jdl link report links.parquet --out linkage.html"""
    from jdl_spark.reports import linkage_reading

    path = links.with_suffix(".linkage.json") if links.suffix == ".parquet" else links
    _say(_linkage_page(linkage_reading.read(path), out, charts))


def _linkage_page(document: LinkageDocument, out: Path, charts: Path | None) -> list[str]:
    from jdl_spark.reports import linkage_charts, linkage_page

    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(linkage_page.render(document), encoding="utf-8")
    drawn = linkage_charts.write_charts(document, charts) if charts else []
    return [str(path) for path in (out, *drawn)]


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Folder for nation, lake and reports.")] = Path("demo"),
    identities: Annotated[int, typer.Option(min=1_000, help="Offender identities of the nation.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Seed of the nation.")] = 2013,
    master: Master = None,
) -> None:
    """Show the whole road on a synthetic nation, in a few minutes. Example: jdl demo --identities 100000"""
    words = ["--folder", str(folder), "--identities", str(identities), "--seed", str(seed)]
    _job("demo", words, str(folder / "lake"), master)


if __name__ == "__main__":
    main()
