"""`python -m dms` is the `dms` command."""

import sys

from dms.cli import main

sys.exit(main())
