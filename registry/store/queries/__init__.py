"""One question per function, by noun. Plain SQL that both engines read; no rule of the domain lives here."""
