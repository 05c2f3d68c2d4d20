"""`python -m mtbench_pytest.cli`: the command without its script."""

import sys

from mtbench_pytest.cli import main

sys.exit(main())
