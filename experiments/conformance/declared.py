"""Whether a runner's class says the same as its row, and whether what both name is there."""

import asyncio
import json
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.pattern import PATTERNS
from agentdyno.runners import registry
from agentdyno.runners.ref import RunnerRef
from agentdyno.runners.switches import worker_environment

_SCRIPT = Path(__file__).with_name("_declares.py")
_BOOT = Path(registry.__file__).with_name("_boot.py")


async def declared_wrong(ref: RunnerRef) -> Mapping[str, Sequence[str]]:
    """Return by pattern what is wrong with the declaration of `ref`, in its environment.

    Raises:
        EnvironmentFault: the runner's class cannot be imported there.
    """
    rows = ref.teamwork.patterns
    names = sorted({path for support in rows.values() for path in support.classes})
    told = await _ask(ref, names)
    wrong: dict[str, list[str]] = {pattern: [] for pattern in PATTERNS}
    for pattern in PATTERNS:
        support = rows.get(pattern)
        row = [support.kind, support.how, list(support.classes)] if support else None
        if told["patterns"].get(pattern) != row:
            wrong[pattern].append(
                f"the row says {row}, the class {told['patterns'].get(pattern)}"
            )
        for path in support.classes if support else ():
            if reason := told["problems"][path]:
                wrong[pattern].append(f"{path} cannot be imported: {reason}")
    for pattern in sorted(set(told["patterns"]) - set(PATTERNS)):
        wrong.setdefault(pattern, []).append(f"there is no pattern {pattern!r}")
    return wrong


async def _ask(ref: RunnerRef, names: Sequence[str]) -> dict[str, dict[str, str | list[object]]]:
    modules = [f"{name}={file}" for name, file in ref.modules.items()]
    with tempfile.TemporaryDirectory(prefix="agentdyno-") as home:
        process = await asyncio.create_subprocess_exec(
            str(ref.python), "-P", str(_SCRIPT), str(_BOOT), ref.path, *modules,
            stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=home, env=worker_environment(Path(home)),
        )
        out, errors = await process.communicate(json.dumps({"names": list(names)}).encode())
    if process.returncode:
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        raise EnvironmentFault(
            f"the class of {ref.label} cannot be imported: {' '.join(last)}",
            f"correct {ref.path.partition(':')[0]}, or agentdyno env sync {ref.label}",
        )
    answer: dict[str, dict[str, str | list[object]]] = json.loads(out.splitlines()[-1])
    return answer
