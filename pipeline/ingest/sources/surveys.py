"""Surveys as CSV: NPS, CSAT, CES and text, one response a row, as survey tools export them.

Documentation: Typeform, "Export responses"; Qualtrics, "Understanding your dataset"; SurveyMonkey, "Exporting survey
results"; Delighted, "Listing survey responses"; Hotjar, "Export survey responses".

| field | canonical column |
| --- | --- |
| response_id, ResponseId, Respondent ID, id; # and Number with the time | event_id, with the question |
| submitted_at, Submit Date (UTC), EndDate, End Date, RecordedDate, created_at, Date Submitted, Timestamp | occurred_at |
| user_id, ExternalReference, Hotjar User ID, person_id, customer_id | user_id; Hotjar's: anonymous_id |
| anonymous_id, device_id | anonymous_id |
| response id, as above | response_id |
| trigger, survey_trigger | survey_trigger |
| stage, survey_stage, journey_stage | properties.stage |
| survey_id, survey, Survey, SurveyID, else the source's survey_id | survey_id |
| question_id, question | question_id |
| url, Source URL, page, permalink | url |
| Country, country | country |
| Device, device | device_type |
| language, UserLanguage | language |
| score, rating, answer | score |
| choice | choice |
| comment, text, feedback | text |
| any other column | one event per answered question: score where it is a number up to 10, else text |

A header's own words are the question; headers are compared by their letters and digits. Columns of e-mail addresses,
telephone numbers, names, places and IP addresses are dropped. An answer like "10 - Extremely likely" is 10. Without a response id one is made from the row's content.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.core.product_sources import Source
from pipeline.ingest.faults import RecordLeftOut
from pipeline.ingest.scrub import plain_name
from pipeline.ingest.sources.base import Format
from pipeline.ingest.sources.fields import Fields, derived_id, first, number, properties, take, text
from pipeline.ingest.sources.times import Clock

_FIELDS: dict[str, tuple[str, ...]] = {
    "response": ("responseid", "respondentid", "id", "requestid"),
    "ordinal": ("#", "number"),
    "time": (
        "submittedat",
        "submitdateutc",
        "enddate",
        "recordeddate",
        "createdat",
        "datesubmitted",
        "responsereceivedat",
        "timestamp",
        "date",
    ),
    "user_id": ("userid", "externalreference", "personid", "customerid"),
    "anonymous_id": ("anonymousid", "deviceid", "hotjaruserid"),
    "survey_id": ("surveyid", "survey"),
    "survey_trigger": ("surveytrigger", "trigger"),
    "stage": ("stage", "surveystage", "journeystage"),
    "question_id": ("questionid", "question"),
    "url": ("url", "sourceurl", "page", "permalink", "externalurl"),
    "country": ("country",),
    "device_type": ("device",),
    "language": ("language", "userlanguage"),
    "score": ("score", "rating", "answer", "starrating"),
    "choice": ("choice",),
    "text": ("comment", "comments", "text", "feedback"),
}
# What tools add about the sending and not about the answer.
_ABOUT = frozenset(
    {
        "startdateutc", "stagedateutc", "startdate", "status", "progress", "finished", "tags", "durationinseconds",
        "responsetype", "distributionchannel", "collectorid", "networkid", "browser", "os", "surveytype", "channel",
        "completed", "updatedat",
    }
)  # fmt: skip
_DROPPED_NAMES = {
    "ipaddress": "address",
    "ip": "address",
    **dict.fromkeys(("email", "emailaddress", "recipientemail", "customeremail", "respondentemail"), "e-mail"),
    **dict.fromkeys(("phone", "phonenumber", "telephone", "mobile", "mobilenumber"), "telephone number"),
    **dict.fromkeys(("name", "fullname", "firstname", "lastname", "username", "user", "customername"), "name"),
    **dict.fromkeys(("recipientfirstname", "recipientlastname"), "name"),
    "locationlatitude": "exact place",
    "locationlongitude": "exact place",
}
# Times that no column takes, though they may tell whether the file writes day or month first.
_STARTED = ("startdate", "startdateutc", "stagedateutc", "updatedat")
_SECOND_HEADER = frozenset({"response", "openendedresponse", "otherpleasespecify"})
# 9, 9.0, 9/10, "10 - Extremely likely", "0 (not at all)"; but neither "5-10 employees" nor "9:30".
_SCORE = re.compile(
    r"^\s*(\d{1,2})(?:\.0+)?(?:\s*/\s*(\d{1,2}))?\s*(?:(?:[-\u2013\u2014:]\s+[^\d\s].*)|(?:\(.*\)))?\s*$", re.DOTALL
)
_HIGHEST_SCORE = 10
_HAS_WORDS = re.compile(r"[^\W\d_]{2}")
# How a header that comes twice is told apart.
_REPEATED = re.compile(r" \(\d+\)$")
_TAG = re.compile(r"<[^>]{1,200}>")


@dataclass
class _Responses:
    """The rows of one file; the first may be a second header."""

    source: Source
    clock: Clock
    rows: int = 0

    def __call__(self, row: Fields) -> Iterable[Fields]:
        self.rows += 1
        return _events(self.source, self.clock, row, is_first=self.rows == 1)


def _events(source: Source, clock: Clock, row: Fields, *, is_first: bool) -> Iterable[Fields]:
    for name in [name for name in row if _key(_REPEATED.sub("", name)) in _DROPPED_NAMES]:
        del row[name]
    names = {_key(name): name for name in reversed(list(row))}
    times = _present(names, _FIELDS["time"])
    if _is_header(row, names, times, is_first=is_first):
        raise RecordLeftOut("header_row")
    if str(row.get(names.get("status", ""), "")).lower() == "survey preview":
        raise RecordLeftOut("preview")
    taken = {column: first(row, _present(names, known), text) for column, known in _FIELDS.items() if column != "time"}
    for name in _present(names, _STARTED):
        clock.note(row[name], name)
    at = clock.take(row, *times)
    about = {name: row.pop(name) for lower, name in names.items() if lower in _ABOUT and name in row}
    ordinal, response, stage = (taken.pop(name) for name in ("ordinal", "response", "stage"))
    if response is None:
        # Numbers begin anew with each export; the time tells them apart.
        response = derived_id("ordinal", at, ordinal) if ordinal else derived_id("response", at, taken, row)
    shared: Fields = {
        **{
            column: taken[column]
            for column in ("user_id", "anonymous_id", "url", "country", "device_type", "language", "survey_trigger")
        },
        "survey_id": taken["survey_id"] or source.survey_id,
        "response_id": response,
        "kind": "survey_answered",
        "occurred_at": at,
        "properties": properties({"stage": stage} if stage else None, about),
    }
    if shared["device_type"]:
        shared["device_type"] = shared["device_type"].lower()
    answers = list(_answers(taken, row))
    if not answers:
        raise RecordLeftOut("no_answer")
    return [
        {**shared, "event_id": derived_id(shared["survey_id"], response, answer["question_id"]), **answer}
        for answer in answers
    ]


def _is_header(row: Fields, names: dict[str, str], times: list[str], *, is_first: bool) -> bool:
    """Whether a row goes on with the header.

    Qualtrics writes the questions' words and ids as two more rows below it, SurveyMonkey the choices as one.
    """
    if times:
        words = {_key(str(row[name])) for name in times}
        return bool(words & {*_FIELDS["time"]}) or any("ImportId" in str(value) for value in row.values())
    has_id = any(name in names for name in (*_FIELDS["response"], *_FIELDS["ordinal"]))
    words = [value for value in row.values() if number(value) is None]
    return not has_id and (
        (is_first and len(words) == len(row)) or any(_key(str(each)) in _SECOND_HEADER for each in words)
    )


def _key(header: str) -> str:
    """A header as it is compared."""
    plain = _plain(header)
    return plain_name(plain) or plain


def _present(names: dict[str, str], known: Iterable[str]) -> list[str]:
    return [names[name] for name in known if name in names]


def _answers(taken: Fields, row: Fields) -> Iterable[Fields]:
    """The row's named answer, if it has one, and one per further column that was answered."""
    named = {"question_id": taken["question_id"], "choice": taken["choice"], "text": taken["text"]}
    score = _score(taken["score"])
    if score is None and taken["score"] is not None:
        named["choice"] = named["choice"] or taken["score"]
    if score is not None or named["choice"] or named["text"]:
        yield {**named, "score": score}
    for header in sorted(row):
        answer = take(row, header, text)
        if answer is not None:
            result = _score(answer)
            # "10 - Extremely likely" is a score, and may be a comment that begins with a number: the words are kept beside.
            words = answer if result is not None and _HAS_WORDS.search(answer) else None
            yield {
                "question_id": _plain(header),
                "score": result,
                "choice": words,
                "text": answer if result is None else None,
            }


def _plain(header: str) -> str:
    """A header without markup and repeated blanks."""
    return " ".join(_TAG.sub(" ", header).split())


def _score(answer: str | None) -> int | None:
    result = _SCORE.match(answer or "")
    score, highest = (int(result[1]), int(result[2] or _HIGHEST_SCORE)) if result else (None, 0)
    return score if score is not None and score <= min(highest, _HIGHEST_SCORE) else None


FORMAT = Format(
    documentation="Typeform, Export responses; Qualtrics, Understanding your dataset; Delighted, Listing survey responses",
    begin=_Responses,
    dropped=_DROPPED_NAMES,
    repeated_headers=True,
)
