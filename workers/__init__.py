"""Entry points of the background processes; no business rule lives here."""
