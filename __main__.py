"""`python -m agentdyno`."""

import sys

from agentdyno.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
