"""`python -m tenor` is the command `tenor`."""

from tenor.cli import main

raise SystemExit(main())
