"""rawscript modules in plain JavaScript: they run where the expressions of the flow do.

Windmill runs them in a TypeScript runtime. Here `main` is called with nothing of a host around it:
no imports, no types, no network; what asks for more fails to parse, or is refused before.
"""

import json
import re
from typing import Any

from agentdyno.runners.openflow.evaluator import Evaluator

LANGUAGES = ("nativets", "bun", "deno")
"""Languages whose plain JavaScript is executed."""

_MAIN = re.compile(r"export\s+(?:default\s+)?((?:async\s+)?function\s+main\s*\(([^()]*)\))")
_IMPORT = re.compile(r"^\s*import\b", re.MULTILINE)


def script_refusal(language: object, content: object) -> str | None:
    """Return why a script cannot be executed here; null when it can."""
    if language not in LANGUAGES:
        return f"is written in `{language}`, and this engine executes JavaScript alone"
    if not isinstance(content, str) or not _MAIN.search(content):
        return "does not export a function `main` whose parameters are plain names"
    if _IMPORT.search(content):
        return "imports something, and this engine has nothing to import"
    return None


async def run_script(content: str, args: dict[str, Any], evaluator: Evaluator) -> Any:
    """Return what `main` returns, JSON; parameters get the arguments of their names.

    Raises:
        EvaluationError: it does not parse, throws, or overruns a limit.
    """
    match = _MAIN.search(content)
    assert match is not None, "the document was refused"
    names = [name.partition("=")[0].strip() for name in match[2].split(",") if name.strip()]
    given = ", ".join(f"$args[{json.dumps(name)}]" for name in names)
    code = f"{content[:match.start()]}{match[1]}{content[match.end():]}"
    return await evaluator.evaluate(
        f"const $main = async () => {{\n{code}\nreturn await main({given});\n}};\n"
        "return await $main();", {"$args": args},
    )
