"""`python -m fer_export` is the command `fer-export`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
