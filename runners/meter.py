"""What a worker process used: CPU shared among the trials that ran together, and peak memory."""

import resource
import sys
import time
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


class CpuMeter:
    """Shares the process's CPU seconds evenly among the trials running at each moment.

    Between two starts or ends the set of running trials does not change, so each stretch is
    divided by its size: the shares sum exactly to what the process used while anything ran.
    """

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._cold: set[str] = set()
        self._warm = False
        self._last = time.process_time()

    def start(self, trial_id: str) -> None:
        """Begin to count for `trial_id`."""
        self._settle()
        self._shares[trial_id] = 0.0
        if not self._warm:
            self._cold.add(trial_id)

    def stop(self, trial_id: str) -> dict[str, Any]:
        """Stop counting for `trial_id`; returns the fields of `WorkerReport` that are measured."""
        self._settle()
        self._warm = True
        cold = trial_id in self._cold
        self._cold.discard(trial_id)
        return {"cpu_s": self._shares.pop(trial_id), "cold": cold, "peak_rss_mb": peak_rss_mb()}

    def _settle(self) -> None:
        now = time.process_time()
        if self._shares:
            share = (now - self._last) / len(self._shares)
            for trial_id in self._shares:
                self._shares[trial_id] += share
        self._last = now


def peak_rss_mb() -> float:
    """Return the highest resident memory of this process so far, in MiB."""
    if _STATUS.exists():
        # Linux keeps getrusage's maximum across exec, so it would count the harness's memory.
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024
