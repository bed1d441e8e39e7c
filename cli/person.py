"""Who sits before the command line."""

import getpass
import os


def os_user() -> str:
    """Return the name of the user who runs the command; the number of one without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
