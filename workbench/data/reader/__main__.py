"""The process that reads one file: `python -m workbench.data.reader PATH KIND NAME UNITS WANTED`."""

import sys

from workbench.data.reader.sandbox import main

sys.exit(main(*sys.argv[1:]))
