"""How good a judge is: agreement with people, what else moves his scores, and who is marked."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from scipy import stats

from agentdyno.cli.judge import judge
from agentdyno.cli.judgemarks import judge_lines
from agentdyno.core.errors import InputError, UsageError
from agentdyno.evals.judges.grade import graded
from agentdyno.evals.judges.labels import read_labels
from agentdyno.evals.judges.quality import Rated, mean, quality, slope
from agentdyno.experiments.calibrations import known
from agentdyno.tests.evals.judgeplays import judge_check, trial

SCENARIO = """\
name: priced
title: One price
user: [What does MSFT cost?]
agents:
  solo: {role: clerk, goal: tell prices, instructions: Be brief.}
pattern: {type: single, agent: solo}
script: script.yaml
checks:
- {id: says, type: contains, text: "410"}
- {id: right, type: judge, metric: GEval, steps: [Look for the price.], threshold: 0.6}
"""
SCRIPT = r"""
agents:
  solo: [{say: It costs 410 dollars.}]
  judge:
  - {when: "'babble' in users[0]", say: Splendid!}
  - {when: "'410' in user", say: '{"score": 9, "reason": "it is there"}'}
  - {say: '{"score": 2, "reason": "no price"}'}
"""


def rated(*pairs: tuple[float, float], length: int = 100) -> list[Rated]:
    return [Rated(labels=(label,), score=score, length=length) for label, score in pairs]


def test_agreement_and_kappa_are_of_verdicts_and_alpha_is_of_scores() -> None:
    found = quality(rated(*[(1, 0.9)] * 20, *[(1, 0.1)] * 5, *[(0, 0.9)] * 10, *[(0, 0.1)] * 15),
                    0.5)
    assert found["agreement"].value == 0.7
    assert found["agreement"].n == 50
    assert found["kappa"] == pytest.approx(0.4), "Cohen's own example: 0.70 where chance gives 0.50"
    assert 0 < found["alpha"] < 1
    perfect = quality(rated((1, 1), (0, 0), (0.5, 0.5)), 0.5)
    assert perfect["alpha"] == 1
    assert perfect["agreement"].value == 1
    assert quality(rated((1, 1), (1, 1)), 0.5)["kappa"] is None, "nothing varies"


def test_people_decide_by_majority_and_a_tie_is_in_no_agreement() -> None:
    def people(*labels: float) -> bool | None:
        return Rated(labels=labels, score=1, length=1).passes(0.6)

    assert [people(1, 0, 1), people(0, 0, 1), people(1, 0)] == [True, False, None]
    assert [people(0.7), people(0.5), people(0.5, 0.75)] == [True, False, True]
    found = quality([Rated(labels=(1, 0), score=0.9, length=1), *rated((1, 0.9))], 0.5)
    assert (found["cases"], found["undecided"], found["agreement"].n) == (2, 1, 1)


def test_agreement_among_people_is_told_beside_the_judges() -> None:
    split = [Rated(labels=labels, score=1, length=1) for labels in ((1, 1), (0, 0), (1, 0))]
    assert 0 < quality(split, 0.5)["human_alpha"] < 1
    assert quality(rated((1, 1), (0, 0)), 0.5)["human_alpha"] is None


def test_leniency_and_length_bias_are_those_that_were_planted() -> None:
    draw = random.Random(7)
    cases = []
    for _ in range(200):
        length, label = draw.randint(50, 5000), draw.random() * 0.5
        score = label + 0.05 * math.log2(length) - 0.2 + draw.gauss(0, 0.02)
        cases.append(Rated(labels=(label,), score=score, length=length))
    found = quality(cases, 0.5)
    assert found["length"].low < 0.05 < found["length"].high
    assert found["length"].high - found["length"].low < 0.01
    assert found["error"].value > 0.2
    fair = [Rated(labels=(one.labels[0],), score=one.labels[0] + draw.gauss(0, 0.02),
                  length=one.length) for one in cases]
    unbiased = quality(fair, 0.5)
    assert unbiased["length"].low < 0 < unbiased["length"].high
    assert quality(rated((1, 0.9), (0, 0.1), (1, 0.8)), 0.5)["length"] is None, "one length"


def test_position_bias_is_the_change_when_evidence_is_reversed() -> None:
    cases = [
        Rated(labels=(1,), score=score, length=10, reversed_score=score - drop)
        for score, drop in ((0.9, 0.1), (0.8, 0.2), (0.7, 0.3))
    ]
    assert quality(cases, 0.5)["position"].value == pytest.approx(-0.2)
    assert quality(rated((1, 1), (0, 0)), 0.5)["position"] is None


def test_intervals_are_those_of_scipy() -> None:
    draw = random.Random(3)
    xs = [draw.random() * 10 for _ in range(25)]
    ys = [0.3 * x + draw.gauss(0, 1) for x in xs]
    fit, found = stats.linregress(xs, ys), slope(xs, ys)
    assert found is not None
    half = stats.t.ppf(0.975, 23) * fit.stderr
    assert (found.value, found.low, found.high) == pytest.approx(
        (fit.slope, fit.slope - half, fit.slope + half))
    low, high = stats.ttest_1samp(ys, 0).confidence_interval(0.95)
    average = mean(ys)
    assert average is not None
    assert (average.low, average.high) == pytest.approx((low, high))
    assert mean([0.5]) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Expecting"),
        ('{"input": "i", "output": "o"}', "label or labels"),
        ('{"input": "i", "output": "o", "label": 1, "labels": [1]}', "label or labels"),
        ('{"input": "i", "output": "o", "label": 7}', "less than or equal"),
        ('{"input": "i", "output": "o", "label": 1, "colour": 2}', "colour"),
        ('{"label": 1}', "needs trial, or input and output"),
        ('{"trial": "abcdef", "input": "i", "output": "o", "label": 1}', "both"),
        ('{"id": "a", "input": "i", "output": "o", "label": 1}', "stands above"),
    ],
)
def test_each_wrong_line_of_a_file_of_labels_is_told(
    tmp_path: Path, line: str, message: str
) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"id": "a", "input": "i", "output": "o", "label": true}\n\n' + line + "\n")
    with pytest.raises(InputError, match=message) as told:
        read_labels(file)
    assert [problem.line for problem in told.value.problems] == [3]


def test_a_file_without_a_case_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text("\n")
    with pytest.raises(UsageError, match="holds no case"):
        read_labels(file)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "priced").mkdir()
    (tmp_path / "priced/scenario.yaml").write_text(SCENARIO)
    (tmp_path / "priced/script.yaml").write_text(SCRIPT)
    lines: list[dict[str, Any]] = [
        {"input": "Price?", "output": f"It is 410{' dollars' * n}.", "label": True}
        for n in range(6)
    ]
    lines += [{"input": "Price?", "output": "No idea" + "!" * n, "labels": [0, 0, n % 2]}
              for n in range(6)]
    lines += [{"id": "odd", "input": "Price?", "output": "babble", "label": 0},
              {"id": "wrong", "input": "Price?", "output": "410 or so", "label": False}]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, lines)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGENTDYNO_CALIBRATIONS", raising=False)
    return tmp_path


def command(*arguments: str) -> Result:
    return CliRunner().invoke(judge, arguments, standalone_mode=False, catch_exceptions=True)


def test_a_judge_is_held_against_labels_kept_and_no_longer_marked(folder: Path) -> None:
    pytest.importorskip("deepeval", reason="the extra deepeval is not installed")
    done = command("calibrate", "labels.jsonl", "--scenario", "priced", "--json")
    assert done.exception is None, done.exception
    [kept] = known(folder / "calibrations").values()
    assert (kept.check, kept.metric, kept.model, kept.cases) == ("right", "GEval", "scripted", 13)
    assert kept.agreement is not None
    assert kept.agreement.value == pytest.approx(12 / 13)
    assert kept.unscored[0].startswith("odd: the judge answered garbage twice")
    assert kept.position is not None
    assert kept.position.value == 0
    assert kept.calls == 13 * 2 + 2
    assert kept.length is not None
    shown = command("show", "priced.right").output
    for text in ("agreement", "kappa", "alpha", "length bias", "position bias", "odd: the judge"):
        assert text in shown
    listed = command("list").output
    assert "TaskCompletion" in listed
    assert "priced.right" in listed

    check = judge_check("GEval", id="right", steps=["Look for the price."], threshold=0.6)
    judged = _said(kept, check)
    assert judge_lines([judged]) == []
    other = _said(kept, check.model_copy(update={"threshold": 0.9}))
    [line] = judge_lines([other])
    assert line.startswith("uncalibrated: right judged with GEval by scripted (deepeval ")


def _said(kept: Any, check: Any) -> Any:
    from agentdyno.core.judged import Judged

    judged = Judged(metric="GEval", library=kept.library, version=kept.version, model=kept.model,
                    question=check.question, kind=check.kind, score=0.9, scores=(0.9,))
    assert judged.calibration == kept.judge
    return trial(verdicts=(graded(check, judged),))


def test_a_judge_whom_nobody_measured_is_marked_and_a_trial_without_judges_is_not(
    folder: Path
) -> None:
    check = judge_check("GEval", steps=["x"])
    from agentdyno.core.judged import Judged

    judged = Judged(metric="GEval", library="deepeval", version="4.3.1", model="openai:gpt-5-mini",
                    question=check.question, kind=check.kind, score=0.9, scores=(0.9,))
    assert judge_lines([trial(verdicts=(graded(check, judged),))]) == [
        "uncalibrated: good judged with GEval by openai:gpt-5-mini (deepeval 4.3.1); how good that "
        "judge is, nobody has measured (agentdyno judge calibrate)"
    ]
    assert judge_lines([trial()]) == []


@pytest.mark.parametrize(
    ("edit", "arguments", "message"),
    [
        (("type: judge, metric: GEval, steps: [Look for the price.], threshold: 0.6",
          "type: contains, text: x"), (), "no check of type judge"),
        (("user:", "user:"), ("--check", "rihgt"), "no check of type judge 'rihgt'"),
        (("- {id: says, type: contains", "- {id: done, type: judge, metric: TaskCompletion}\n"
          "- {id: says, type: contains"), (), "several judges: done, right"),
    ],
)
def test_a_check_that_cannot_be_found_is_told_with_those_that_can(
    folder: Path, edit: tuple[str, str], arguments: tuple[str, ...], message: str
) -> None:
    pytest.importorskip("deepeval", reason="the extra deepeval is not installed")
    (folder / "priced/scenario.yaml").write_text(SCENARIO.replace(*edit))
    if "no check of type judge" in message and not arguments:
        script = SCRIPT.split("  judge:")[0]
        (folder / "priced/script.yaml").write_text(script)
    done = command("calibrate", "labels.jsonl", "--scenario", "priced", *arguments)
    assert isinstance(done.exception, UsageError)
    assert message in done.exception.message


def test_a_damaged_calibration_is_told_and_not_taken_for_none(folder: Path) -> None:
    (folder / "calibrations").mkdir()
    (folder / "calibrations/x.json").write_text("{}")
    with pytest.raises(UsageError, match=r"x\.json is no calibration"):
        known(folder / "calibrations")
