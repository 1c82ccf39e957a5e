"""`python -m tcn_robot` is the same as `tcn-robot`."""

import sys

from tcn_robot.cli import main

if __name__ == "__main__":
    sys.exit(main())
