"""The check of how similar an answer is to a text."""

import re
from pathlib import Path

from agentdyno.core.check import SimilarityCheck
from agentdyno.core.trial import Trial
from agentdyno.evals.answer import answer_to
from agentdyno.evals.finding import Finding, excerpt, failed, passed

_SPACE = re.compile(r"\s+")


def similarity(trial: Trial, check: SimilarityCheck, folder: Path) -> Finding:
    """Compare the answer with the text by the metric; runs of white space count as one blank."""
    answer = answer_to(trial, check.turn)
    one, other = (_SPACE.sub(" ", text).strip() for text in (check.text, answer))
    if check.ignore_case:
        one, other = one.casefold(), other.casefold()
    value = _measure(check.metric, one, other)
    told = f"{check.metric} similarity {value:.4f}, asked for {check.at_least:g}: {excerpt(answer)}"
    return (passed if value >= check.at_least else failed)(told)


def _measure(metric: str, one: str, other: str) -> float:
    # Imported where it is used: few scenarios ask for it.
    from rapidfuzz import fuzz
    from rapidfuzz.distance import Indel, JaroWinkler, Levenshtein

    match metric:
        case "levenshtein":
            return Levenshtein.normalized_similarity(one, other)
        case "indel":
            return Indel.normalized_similarity(one, other)
        case "jaro_winkler":
            return JaroWinkler.normalized_similarity(one, other)
        case "token_sort":
            return fuzz.token_sort_ratio(one, other) / 100
    return fuzz.token_set_ratio(one, other) / 100
