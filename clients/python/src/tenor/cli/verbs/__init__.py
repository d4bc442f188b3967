"""One module for each verb: `configure(parser)` adds its arguments, `run(arguments, output)` does it."""
