"""Pure rules of money: rating, holds, runway. No I/O, no clock, integers only."""
