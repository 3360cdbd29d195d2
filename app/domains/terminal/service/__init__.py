"""Use cases of the terminal: tickets and records; on a terminal host the shells and the relay of one socket; in a web
process the way to the host."""
