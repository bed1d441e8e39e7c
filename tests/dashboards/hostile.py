"""Texts that would do something if a page took them for more than text."""

MARK = "hostile-mark"
"""Part of every text, to find where it is shown."""

TEXTS: dict[str, str] = {
    "script": f"<script>window.pwned='{MARK}'</script>",
    "image": f"<img src=x onerror=\"window.pwned='{MARK}'\">",
    "svg": f"<svg/onload=\"window.pwned='{MARK}'\">",
    "frame": f"<iframe srcdoc=\"<script>parent.pwned='{MARK}'</script>\"></iframe>",
    "link": f"[click {MARK}](javascript:window.pwned=1)",
    "beacon": f"![{MARK}](http://evil.example/beacon.png)",
    "form": f"<form action=http://evil.example/><input name={MARK}></form>",
    "fence": f"```\n```html\n<b>{MARK}</b>\n",
    "latex": f"$\\href{{javascript:window.pwned=1}}{{{MARK}}}$",
    "directive": f":material/delete: :red[{MARK}] :smile:",
    "graphviz": f'"];evil [label="{MARK}" URL="javascript:window.pwned=1"];x["',
    "vega": f"{MARK} datum.x; {{signal: 'window.pwned=1'}} {{{{7*7}}}}",
    "jinja": f"{{{{ {MARK!r} }}}}{{% raw %}}",
    "bidi": f"\u202egpj.{MARK}\u2066\u200b",
    "control": f"\x00\x1b[31m{MARK}\x07\x7f\x9b",
    "surrogate": f"\ud800{MARK}",
    "spreadsheet": f"=HYPERLINK(\"http://evil.example\",\"{MARK}\")",
    "long": f"{MARK} " + "word " * 20_000,
}
"""By what they try."""

EVERYTHING = "\n".join(text for name, text in TEXTS.items() if name != "long")
"""All of them but the long one in one text."""
FORBIDDEN = ("<script", "<img", "<svg", "<iframe", "<form", "javascript:", "![")
"""What may stand in no markdown and no HTML of a page unescaped."""
