"""The child process that runs JavaScript: a script that knows the standard library and an engine.

Frames on both pipes are a 4-byte big-endian length and that many bytes. A request is two frames:
the function body and the variables, both JSON. A reply is one: `v` and the value's JSON, or `e`
and the error's text; `ready` comes before all others. Every request gets a fresh context, so
nothing leaks from one to the next.
"""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable
from typing import BinaryIO

PRELUDE = """(body, variables) => {
  const AsyncFunction = (async () => {}).constructor;
  const { parse, stringify } = JSON;
  const answer = text => { globalThis.reply = text; };
  const fail = e => answer("e" + (e === null ? "null (thrown, or out of memory)" : String(e)));
  answer("");
  try {
    const known = parse(variables);
    if (known.results) known.results = new Proxy(known.results, {
      get: (all, id) => typeof id !== "string" || Object.hasOwnProperty.call(all, id)
        ? all[id] : null,
    });
    new AsyncFunction(...Object.keys(known), parse(body))(...Object.values(known))
      .then(value => { answer("v" + (stringify(value) ?? "null")); }).catch(fail);
  } catch (e) { fail(e); }
}"""
UNSETTLED = "eit waits for something that never comes, or overran its time limit"

Run = Callable[[str, str, float, int], str]
"""Body JSON, variables JSON, seconds and bytes allowed -> reply."""


def quickjs_engine() -> Run:
    """Return QuickJS, the engine that Windmill itself uses."""
    import quickjs  # type: ignore[import-untyped, unused-ignore]

    def run(body: str, variables: str, seconds: float, memory: int) -> str:
        context = quickjs.Context()
        context.set_memory_limit(memory)
        context.set_max_stack_size(256 << 10)
        context.set_time_limit(seconds)
        deadline = time.process_time() + seconds
        try:
            context.eval(PRELUDE)(body, variables)
            while context.execute_pending_job():
                if time.process_time() > deadline:
                    return UNSETTLED
        except quickjs.JSException as error:
            return f"e{error}"
        return context.get("reply") or UNSETTLED

    return run


def mini_racer_engine() -> Run:
    """Return V8, for Pythons and machines that QuickJS has no wheel for."""
    from py_mini_racer import JSEvalException, MiniRacer

    def run(body: str, variables: str, seconds: float, memory: int) -> str:
        with MiniRacer() as context:
            try:
                context.eval(
                    f"({PRELUDE})({json.dumps(body)}, {json.dumps(variables)})",
                    timeout_sec=seconds, max_memory=memory,
                )
                return str(context.eval("globalThis.reply", timeout_sec=seconds)) or UNSETTLED
            except JSEvalException as error:
                return f"e{error}"

    return run


ENGINES: dict[str, Callable[[], Run]] = {
    "quickjs": quickjs_engine, "mini-racer": mini_racer_engine,
}


def _frame(stream: BinaryIO) -> str | None:
    head = stream.read(4)
    return stream.read(int.from_bytes(head, "big")).decode() if len(head) == 4 else None


def _reply(stream: BinaryIO, text: str) -> None:
    data = text.encode("utf-8", "replace")
    stream.write(len(data).to_bytes(4, "big") + data)
    stream.flush()


def _limit_address_space(size: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def main(engine: str, seconds: float, memory: int, wall: float) -> None:
    """Serve until the parent closes the pipe.

    A regular expression cannot be interrupted in QuickJS: the parent kills this process then, and
    the alarm does so if the parent is gone.
    """
    run = ENGINES[engine]()
    if engine == "quickjs":  # V8 reserves far more address space than it uses
        _limit_address_space(256 << 20)
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    _reply(replies, "ready")
    while (body := _frame(requests)) is not None and (variables := _frame(requests)) is not None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 2 * wall)
        reply = run(body, variables, seconds, memory)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        _reply(replies, reply)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
