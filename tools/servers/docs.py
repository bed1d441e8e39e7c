"""Docs: full-text search (SQLite FTS5, bm25) and reading over a folder of .md and .txt files."""

import re
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentdyno.tools.servers.base import State, Tool, ToolError, ToolProcess

Args = dict[str, Any]

_STOP_WORDS = frozenset((
    *("a", "an", "the", "this", "that", "it", "its", "they", "their", "there", "we", "our", "you"),
    *("your", "i", "is", "are", "was", "be", "do", "does", "has", "have", "had", "can", "will"),
    *("of", "on", "in", "to", "for", "from", "at", "by", "as", "with", "and", "or", "if"),
    *("what", "when", "where", "which", "who", "why", "how"),
))


class Library:
    """An in-memory index of one folder, made once."""

    def __init__(self, folder: Path) -> None:
        self._texts = {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*"))
            if path.suffix in (".md", ".txt") and path.is_file()
        }
        self._titles = {name: _title(name, text) for name, text in self._texts.items()}
        self._index = sqlite3.connect(":memory:")
        self._index.execute(
            "CREATE VIRTUAL TABLE page USING fts5"
            "(document UNINDEXED, title, body, tokenize='porter unicode61')"
        )
        self._index.executemany(
            "INSERT INTO page VALUES (?, ?, ?)",
            [(name, self._titles[name], text) for name, text in self._texts.items()],
        )

    @property
    def documents(self) -> tuple[str, ...]:
        """Names of all documents."""
        return tuple(self._texts)

    def list_documents(self, _: State, __: Args) -> dict[str, Any]:
        """Return every document with its title and length."""
        return {"documents": [
            {"document": name, "title": self._titles[name], "chars": len(text)}
            for name, text in self._texts.items()
        ]}

    def search(self, _: State, arguments: Args) -> dict[str, Any]:
        """Return the best documents for any of the query's words."""
        words = re.findall(r"\w+", arguments["query"])
        if not words:
            raise ToolError("search: the query has no words.")
        # bm25 knows how rare a word is only in a large corpus; in ten pages "what" is a rare word.
        words = [word for word in words if word.lower() not in _STOP_WORDS] or words
        # Quoted, so that no word is taken for an operator of FTS5.
        match = " OR ".join(f'"{word}"' for word in words)
        rows = self._index.execute(
            "SELECT document, title, snippet(page, 2, '', '', '...', 24), bm25(page, 0, 4, 1) "
            "FROM page WHERE page MATCH ? ORDER BY bm25(page, 0, 4, 1), document LIMIT ?",
            (match, int(arguments.get("limit", 5))),
        )
        return {"query": arguments["query"], "hits": [
            {
                "document": d, "title": t, "snippet": " ".join(s.split()),
                "score": float(f"{-rank:.4g}"),
            }
            for d, t, s, rank in rows
        ]}

    def read(self, _: State, arguments: Args) -> dict[str, Any]:
        """Return a document, or a part of it."""
        name = arguments["document"]
        if name not in self._texts:
            known = ", ".join(self._texts)
            raise ToolError(f"read: there is no document {name!r}. Documents: {known}.")
        text, start = self._texts[name], arguments.get("start", 0)
        if start > len(text):
            raise ToolError(f"read: start {start} is beyond the end of {name}, {len(text)}.")
        part = text[start:start + arguments.get("max_chars", 4000)]
        return {
            "document": name, "title": self._titles[name], "start": start,
            "end": start + len(part), "total_chars": len(text), "text": part,
        }

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools over this folder."""
        return (
            Tool(
                name="search", run=self.search, optional=frozenset({"limit"}),
                description="Search the documents for words; best matches first.",
                parameters={"query": {"type": "string"}, "limit": {
                    "type": "integer", "minimum": 1, "maximum": 20,
                    "description": "How many documents to return; default 5."}},
            ),
            Tool(
                name="read", run=self.read, optional=frozenset({"start", "max_chars"}),
                description="Read a document.",
                parameters={
                    "document": {"type": "string", "description": "Name as search returns it."},
                    "start": {"type": "integer", "minimum": 0, "maximum": 10_000_000,
                              "description": "First character; default 0."},
                    "max_chars": {"type": "integer", "minimum": 1, "maximum": 20_000,
                                  "description": "Default 4000."},
                },
            ),
            Tool(name="list_documents", run=self.list_documents,
                 description="List all documents with their titles."),
        )


def _title(name: str, text: str) -> str:
    heading = re.search(r"^#+\s+(.+)$", text, re.MULTILINE)
    return heading[1].strip() if heading else Path(name).stem


def main(arguments: Sequence[str]) -> None:
    """Serve the folder that the only argument names."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.exit(f"docs needs one argument, an existing folder; given: {list(arguments)}")
    library = Library(Path(arguments[0]))
    if not library.documents:
        sys.exit(f"docs found no .md or .txt file in {arguments[0]}")
    ToolProcess("docs", library.tools()).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
