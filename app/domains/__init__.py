"""The twelve domains. Each owns the tables of one PostgreSQL schema; `docs/tour.md` walks through them."""
