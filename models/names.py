"""What expressions and templates of a script may use; `state.py` says what each one means."""

NAMES = (
    "block", "called", "called_now", "calls_now", "chance", "count", "error", "failed", "find",
    "has_tool", "result", "results", "turn", "user", "users", "vars",
)


class Helpers:
    """Marks a class whose public methods scripts may call without the sandbox looking first."""

    __slots__ = ()
