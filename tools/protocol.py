"""Constants of the Model Context Protocol; a test compares them with the official package.

They are repeated here because importing the official types costs 0.3 to 0.6 s of CPU.
"""

from agentdyno import __version__

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions that begin with `initialize`, oldest first."""
MODERN_VERSION = "2026-07-28"
"""The revision without sessions: `server/discover`, then requests that stand alone."""
VERSION_META = "io.modelcontextprotocol/protocolVersion"
SERVER_INFO_META = "io.modelcontextprotocol/serverInfo"

CLIENT_INFO = {"name": "agentdyno", "version": __version__}
SERVER_INFO = {"name": "agentdyno-tools", "version": __version__}

TRIAL_META = "agentdyno/trial"
AGENT_META = "agentdyno/agent"
"""Keys that the gateway adds to the `_meta` of every tools/call."""
STATE_URI = "state://trial"
"""Resource that holds a trial's end state, as JSON."""
