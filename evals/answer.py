"""Checks of what the team said."""

import json
import math
import re
from pathlib import Path

from agentdyno.core.check import (
    Computed,
    ContainsCheck,
    JsonSchemaCheck,
    NumericCheck,
    RegexCheck,
)
from agentdyno.core.trial import Trial
from agentdyno.evals.finding import Finding, Unanswered, excerpt, failed, passed
from agentdyno.evals.reference import expected_number

_JSON_BLOCK = re.compile(r"^[ \t]*```json\b[^\n]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_CONTEXT = 60
"""Characters of evidence on each side of a match."""


def answer_to(trial: Trial, turn: int | None) -> str:
    """Return the answer to `turn`; raises `Unanswered` when there is none."""
    number = turn or len(trial.user_turns)
    if not 0 < number <= len(trial.answers):
        raise Unanswered(
            f"there is no answer to user turn {number}; the team gave {len(trial.answers)} answers"
        )
    return trial.answers[number - 1]


def _around(text: str, start: int, end: int) -> str:
    return excerpt(text[max(0, start - _CONTEXT) : end + _CONTEXT])


def contains(trial: Trial, check: ContainsCheck, folder: Path) -> Finding:
    """Look for a text, white space matching any white space."""
    pattern = r"\s+".join(re.escape(word) for word in check.text.split())
    flags = re.IGNORECASE if check.ignore_case else re.NOFLAG
    return _search(answer_to(trial, check.turn), re.compile(pattern, flags), check.absent)


def regex(trial: Trial, check: RegexCheck, folder: Path) -> Finding:
    """Search for a regular expression."""
    return _search(answer_to(trial, check.turn), re.compile(check.pattern), check.absent)


def _search(answer: str, pattern: re.Pattern[str], absent: bool) -> Finding:
    match = pattern.search(answer)
    if match is None:
        return (passed if absent else failed)(f"not in the answer: {excerpt(answer)}")
    there = f"the answer says {_around(answer, match.start(), match.end())}"
    return failed(there) if absent else passed(there)


def json_schema(trial: Trial, check: JsonSchemaCheck, folder: Path) -> Finding:
    """Validate the answer's JSON."""
    # A tenth of a second that scenarios without such a check need not spend.
    import jsonschema.validators

    text = answer_to(trial, check.turn)
    if check.source == "block":
        blocks = _JSON_BLOCK.findall(text)
        if not blocks:
            return failed(f"the answer has no ```json block: {excerpt(text)}")
        text = blocks[-1]
    try:
        value = json.loads(text)
    except ValueError as error:
        return failed(f"not JSON ({error}): {excerpt(text)}")
    validator = jsonschema.validators.validator_for(
        check.answer_schema, default=jsonschema.validators.Draft202012Validator
    )(check.answer_schema)
    errors = sorted(validator.iter_errors(value), key=lambda error: error.json_path)
    if errors:
        what = "; ".join(f"{error.json_path}: {error.message}" for error in errors)
        return failed(excerpt(what, 300))
    return passed(f"satisfies the schema: {excerpt(text)}")


def numeric(trial: Trial, check: NumericCheck, folder: Path) -> Finding:
    """Compare a number in the answer, or the sum of several, with the expected one."""
    expected = check.expected
    target = expected_number(expected, folder) if isinstance(expected, Computed) else expected
    answer = answer_to(trial, check.turn)
    matches = list(re.finditer(check.find, answer))
    if not matches:
        return failed(f"no match of {check.find} in the answer: {excerpt(answer)}")
    counted = matches if check.take == "sum" else matches[:1]
    quoted = "; ".join(_around(answer, match.start(), match.end()) for match in counted)
    number = 0.0
    for match in counted:
        part = _number(match[1] or "")
        if part is None:
            return failed(f"{match[1]!r} is no number: {quoted}")
        number += part
    tolerance = max(check.rel_tol * abs(target), check.abs_tol)
    comparison = f"{number:.10g} against {target:.10g}, tolerance {tolerance:.3g}: {quoted}"
    return (passed if _holds(check, number - target, tolerance) else failed)(comparison)


def _holds(check: NumericCheck, difference: float, tolerance: float) -> bool:
    match check.compare:
        case "at_least":
            return difference >= -tolerance
        case "at_most":
            return difference <= tolerance
    return abs(difference) <= tolerance


def _number(text: str) -> float | None:
    """Read a number as people write it: `1,234.5`, `−3`, `$12`, `4.5 %`."""
    plain = text.strip().strip("$€£% \u00a0").replace("\u2212", "-")
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", plain):
        plain = plain.replace(",", "")
    if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", plain):
        number = float(plain)
        return number if math.isfinite(number) else None
    return None
