"""How schemas change: levels, changes, windows. Pure."""
