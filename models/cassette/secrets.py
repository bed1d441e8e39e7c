"""Takes secrets out of what is kept."""

import json
import re
from collections.abc import Sequence
from typing import Any

SCRUBBED = "[scrubbed]"
_LOOKS_SECRET = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"sk-[A-Za-z0-9_-]{16,}"                                    # OpenAI, Anthropic, OpenRouter
    r"|(?:gsk|xai|hf|pplx|r8|csk|fw|glpat|npm)[_-][A-Za-z0-9_-]{20,}"
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}"
    r"|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}"         # Google
    r"|AKIA[A-Z0-9]{16}|xox[abeprs]-[A-Za-z0-9-]{10,}"          # AWS, Slack
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"  # JSON web token
    r")|(?P<bearer>\b[Bb]earer\s+)[A-Za-z0-9._~+/-]{12,}=*"
)
_HINTS = (
    "sk-", "gsk", "xai", "hf_", "hf-", "pplx", "r8_", "r8-", "csk", "fw_", "fw-", "glpat", "npm_",
    "npm-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "AIza", "ya29.", "AKIA", "xox",
    "eyJ", "earer",
)
"""Every key begins with one of these. Looking for them takes a twentieth of the pattern's time,
and nearly no text has one."""
_SHORTEST = 6
"""Characters of the shortest secret that is looked for by its value."""


class Scrubber:
    """Replaces what looks like a key, and the secrets that it is told."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        """
        Args:
            secrets: exact values, such as the keys of all providers; too short ones are left out.
        """
        known = [secret for secret in secrets if len(secret) >= _SHORTEST]
        forms = {form for secret in known for form in (
            secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
        )}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._known is not None:
            text = self._known.sub(SCRUBBED, text)
        # A loop, not any(): its generator takes longer than what it asks.
        for hint in _HINTS:
            if hint in text:
                return _LOOKS_SECRET.sub(lambda m: (m["bearer"] or "") + SCRUBBED, text)
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value with no secret in any of its texts and keys."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value

    def finds(self, text: str) -> bool:
        """Tell whether `text` holds a secret."""
        return self.text(text) != text
