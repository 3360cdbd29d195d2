"""Pure rules of money: rating, holds, runway, calendar periods. Integers only; no I/O and no clock."""
