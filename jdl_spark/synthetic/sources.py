"""How each national extract looks at its source: columns, codes, date styles, and the mapping file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """One extract. `columns`: our column to the source's; `codes`: our column to {source code: our code}."""

    table: str
    format: str
    columns: dict[str, str]
    dates: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    delimiter: str = ","

    @property
    def file(self) -> str:
        """Name of the extract's file."""
        return f"{self.table}.{self.format}"

    def mapping(self) -> str:
        """Return the mapping file for `jdl ingest`."""
        lines = [f'table = "{self.table}"', f'format = "{self.format}"']
        if self.format == "csv":
            lines.append(f"delimiter = {json.dumps(self.delimiter)}")
        lines += ["", "[columns]", *(f"{ours} = {json.dumps(theirs)}" for ours, theirs in self.columns.items())]
        if self.dates:
            lines += ["", "[dates]", *(f"{ours} = {json.dumps(pattern)}" for ours, pattern in self.dates.items())]
        for ours, codes in self.codes.items():
            lines += ["", f"[codes.{ours}]", *(f"{json.dumps(a)} = {json.dumps(b)}" for a, b in codes.items())]
        return "\n".join(lines) + "\n"

    def code_of(self, column: str) -> dict[str, str]:
        """Return our code to the source's (the first one listed)."""
        out: dict[str, str] = {}
        for theirs, ours in self.codes[column].items():
            out.setdefault(ours, theirs)
        return out


_SEX_WORDS = {"1": "M", "2": "F", "9": ""}
_DAY = "dd/MM/yyyy"
_COMPACT = "yyyyMMdd"

SOURCES: dict[str, Source] = {
    source.table: source
    for source in (
        Source(
            "offender_identities",
            "parquet",
            {
                "offender_id": "PERSON_NO",
                "version_no": "NAME_SEQ",
                "forename": "FIRST_NAME",
                "middle_names": "OTHER_NAMES",
                "surname": "FAMILY_NAME",
                "date_of_birth": "DOB",
                "sex": "SEX_CODE",
                "postcode": "POST_CODE",
                "pnc_id": "PNC_ID",
            },
            codes={"sex": _SEX_WORDS},
        ),
        Source(
            "benefit_identities",
            "parquet",
            {
                "claimant_id": "ORCHID",
                "version_no": "VERSION",
                "forename": "forename_1",
                "middle_names": "forename_2",
                "surname": "surname",
                "date_of_birth": "birth_date",
                "sex": "gender",
                "postcode": "postcode",
            },
            dates={"date_of_birth": _COMPACT},
            codes={"sex": {"MALE": "M", "FEMALE": "F", "NOT KNOWN": ""}},
        ),
        Source(
            "offenders",
            "csv",
            {"offender_id": "PERSON_NO", "sex": "SEX_CODE", "ethnicity": "IC_CODE", "nationality": "NATIONALITY"},
            codes={
                "sex": _SEX_WORDS,
                "ethnicity": {
                    "IC1": "white",
                    "IC2": "white",
                    "IC3": "black",
                    "IC4": "asian",
                    "IC5": "other",
                    "IC6": "other",
                    "IC9": "",
                },
                "nationality": {"GB": "uk", "XX": "foreign", "ZZ": ""},
            },
            delimiter="|",
        ),
        Source(
            "sentences",
            "csv",
            {
                "sentence_id": "SENTENCE_NO",
                "offender_id": "PERSON_NO",
                "disposal": "DISP_CODE",
                "sentence_date": "SENT_DATE",
                "start_date": "START_DATE",
                "release_date": "REL_DATE",
                "length_days": "LENGTH_DAYS",
                "area": "AREA_NAME",
            },
            dates={"sentence_date": _DAY, "start_date": _DAY, "release_date": _DAY},
            codes={
                "disposal": {
                    "IMP": "custody",
                    "YOI": "custody",
                    "SSO": "suspended",
                    "COM": "community",
                    "YRO": "community",
                }
            },
        ),
        Source(
            "offences",
            "parquet",
            {
                "offence_id": "OFFENCE_NO",
                "offender_id": "PERSON_NO",
                "offence_date": "OFF_DATE",
                "offence_group": "HO_GROUP",
                "severity": "SEVERITY",
                "outcome_kind": "RESULT",
                "outcome_date": "RESULT_DATE",
                "recordable": "RECORDABLE",
                "breach": "BREACH_IND",
                "sentence_id": "SENTENCE_NO",
            },
            codes={
                "offence_group": {
                    "VAP": "violence",
                    "ROB": "robbery",
                    "POD": "public_order",
                    "THF": "theft",
                    "BUR": "burglary",
                    "FRD": "fraud",
                    "DRG": "drugs",
                    "MOT": "motoring",
                    "SEX": "sexual",
                    "CDM": "criminal_damage",
                    "TER": "terrorism",
                    "OTH": "other",
                },
                "outcome_kind": {
                    "CONV": "conviction",
                    "CAU": "caution",
                    "RPD": "reprimand",
                    "WNG": "warning",
                    "PND": "penalty_notice",
                    "NFA": "none",
                },
            },
        ),
        Source(
            "programme_attendance",
            "csv",
            {
                "attendance_id": "ATTENDANCE_NO",
                "offender_id": "PERSON_NO",
                "programme": "PROGRAMME",
                "start_date": "FIRST_SESSION",
                "end_date": "LAST_SESSION",
                "completed": "COMPLETED",
            },
            dates={"start_date": _DAY, "end_date": _DAY},
        ),
        Source(
            "benefit_spells",
            "parquet",
            {
                "spell_id": "SPELL",
                "claimant_id": "ORCHID",
                "benefit": "BEN_TYPE",
                "start_date": "SPELL_FROM",
                "end_date": "SPELL_TO",
            },
            dates={"start_date": _COMPACT, "end_date": _COMPACT},
            codes={"benefit": {"JSA": "jsa", "ESA": "esa", "IB": "esa", "IS": "is", "PIB": "other"}},
        ),
        Source(
            "employment_spells",
            "parquet",
            {"spell_id": "P45_NO", "claimant_id": "ORCHID", "start_date": "EMP_FROM", "end_date": "EMP_TO"},
        ),
    )
}
"""Every national extract, by our table's name."""
