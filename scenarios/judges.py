"""Who judges a scenario's trials: one pseudo-agent, whose model all its judge checks share."""

from agentdyno.core.checkjudge import JudgeCheck
from agentdyno.core.errors import Problem
from agentdyno.core.judged import JUDGE
from agentdyno.core.scenario import Scenario
from agentdyno.core.spec import AgentSpec
from agentdyno.core.yamlfile import YamlDocument


def judge_of(
    scenario: Scenario, document: YamlDocument, problems: list[Problem]
) -> AgentSpec | None:
    """Return the judge of `scenario`; null where no check has one.

    Args:
        problems: where it is told that there can be no such judge.
    """
    checks = [check for check in scenario.checks if isinstance(check, JudgeCheck)]
    if not checks:
        return None
    if JUDGE in scenario.agents:
        problems.append(document.problem(
            ("agents", JUDGE), "this is the name of the judge that `checks` asks for"
        ))
    first = checks[0].model
    problems += [
        document.problem(("checks",), (
            f"check {other.id!r} asks the model {other.model!r}, and {checks[0].id!r} asks "
            f"{first!r}; all judges of one scenario share a model"
        ))
        for other in checks if other.model != first
    ]
    return AgentSpec(
        name=JUDGE, role="judge", goal="judge trials", instructions="as each metric says",
        model=first,
    )
