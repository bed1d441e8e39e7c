"""Run every public function of one quirks file and print what became of each, as one JSON line."""

import importlib.util
import json
import traceback


def main(file: str) -> None:
    """Load `file` and call its functions."""
    spec = importlib.util.spec_from_file_location("quirks", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ended = {}
    for name, quirk in vars(module).items():
        if name.startswith("_") or getattr(quirk, "__module__", "") != "quirks":
            continue
        if isinstance(quirk, type):
            continue
        try:
            quirk()
            ended[name] = ""
        except Exception:
            ended[name] = traceback.format_exc()
    print("\n" + json.dumps(ended), flush=True)
