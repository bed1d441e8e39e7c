"""When a failed step runs again: Windmill's rule, constant delays first, then exponential ones."""

from random import Random

from agentdyno.runners.openflow.attributes import Retry

_LONGEST_S = 6 * 3600.0
_LARGEST_BASE = 65535.0
_MOST_FAILURES = 1000


def delay(retry: Retry, failures: int, random: Random) -> float | None:
    """Return the seconds to wait after `failures` earlier failures and one more; null to give up.

    The exponent counts the constant retries too: constant 2 x 5 s, then exponential 3 x 2^n s
    gives 5, 5, 8, 16, 32.
    """
    if failures > _MOST_FAILURES:
        return None
    constant, exponential = retry.constant, retry.exponential
    if failures < constant.attempts:
        return min(constant.seconds, _LONGEST_S)
    if failures - constant.attempts >= exponential.attempts:
        return None
    try:
        base: float = exponential.seconds ** (failures + 1)
    except OverflowError:
        base = _LARGEST_BASE
    seconds = exponential.multiplier * min(base, _LARGEST_BASE)
    if exponential.random_factor:
        share = random.randrange(exponential.random_factor) / 100
        seconds += seconds * share * random.choice((-1, 1))
    return min(seconds, _LONGEST_S)
