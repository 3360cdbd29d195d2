"""Use cases of the terminal: tickets, records, the host that keeps shells, the relay of one socket."""
