"""DeepEval's metrics that a check may name: what each looks at, and a fresh instance of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from agentdyno.core.checkjudge import NEEDS_CONTEXT, NEEDS_EXPECTED, JudgeCheck
from agentdyno.evals.judges.faults import NothingToJudge
from agentdyno.evals.judges.material import Material


class Metric(NamedTuple):
    """What is to be known of one metric without importing DeepEval."""

    looks_at: str
    calls: str
    """Model calls of one measurement."""


METRICS: Mapping[str, Metric] = {
    "GEval": Metric("what `consider` names, by your own words", "1, 2 with criteria"),
    "TaskCompletion": Metric("input, output and trace: was the task done", "2"),
    "ArgumentCorrectness": Metric("input and tools called: were the arguments right", "2"),
    "StepEfficiency": Metric("trace: were there needless steps", "2"),
    "PlanQuality": Metric("trace: is the plan complete and sensible", "3"),
    "PlanAdherence": Metric("trace: was the plan kept to", "3"),
    "AnswerRelevancy": Metric("input and output: does every statement belong there", "3"),
    "Faithfulness": Metric("output and context: is every claim borne out", "4"),
    "ContextualPrecision": Metric("input, expected and context: is what matters first", "2"),
    "ContextualRecall": Metric("expected and context: is everything in there", "2"),
    "ContextualRelevancy": Metric("input and context: does it belong there", "1 per text + 1"),
}
"""By the name that a check says."""

_NO_PLAN = ("There are no plans", "There were no plans")
_PARAMS = {
    "input": "INPUT", "output": "ACTUAL_OUTPUT", "expected": "EXPECTED_OUTPUT",
    "context": "RETRIEVAL_CONTEXT", "tools": "TOOLS_CALLED",
}


def need(check: JudgeCheck, shown: Material) -> None:
    """Refuse what DeepEval would give full marks for, or could not measure.

    Raises:
        NothingToJudge: the trial holds nothing of what the metric looks at.
    """
    considered = check.consider if check.metric == "GEval" else ()
    if check.metric == "ArgumentCorrectness" and not shown.tools:
        raise NothingToJudge("no tool was called, so there are no arguments to judge")
    if not shown.context and (check.metric in NEEDS_CONTEXT or "context" in considered):
        raise NothingToJudge("nothing was retrieved: no tool result, no context in the check")
    if shown.expected is None and (check.metric in NEEDS_EXPECTED or "expected" in considered):
        raise NothingToJudge("the case gives no expected answer")


def case_of(shown: Material) -> Any:
    """Return `shown` as DeepEval's test case."""
    from deepeval.test_case import LLMTestCase, ToolCall

    case = LLMTestCase(
        input=shown.input, actual_output=shown.output, expected_output=shown.expected,
        retrieval_context=list(shown.context) or None,
        tools_called=[
            ToolCall(name=tool.name, input_parameters=tool.arguments, output=tool.result)
            for tool in shown.tools
        ],
    )
    # Private, and the only way in beside its own tracer: held by the tests of every trace metric.
    case._trace_dict = shown.trace or {
        "name": "agent", "type": "agent", "input": shown.input, "output": shown.output,
        "children": [],
    }
    return case


def instance(check: JudgeCheck, model: Any) -> Any:
    """Return a metric of its own for one measurement: DeepEval's keep state."""
    from deepeval import metrics
    from deepeval.test_case import SingleTurnParams

    if check.metric == "GEval":
        return metrics.GEval(
            name=check.id, criteria=check.criteria, evaluation_steps=list(check.steps) or None,
            evaluation_params=[SingleTurnParams[_PARAMS[name]] for name in check.consider],
            model=model, threshold=check.threshold,
        )
    kind = getattr(metrics, f"{check.metric}Metric")
    return kind(model=model, threshold=check.threshold, eval_mode="llm")


def has_no_plan(reason: str) -> bool:
    """Tell whether a metric gave full marks for want of a plan."""
    return reason.startswith(_NO_PLAN)


