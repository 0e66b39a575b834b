"""`python -m service.cli`: the command `bpkd` where no script is installed."""

import sys

from service.cli import main

sys.exit(main())
