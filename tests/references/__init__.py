"""Slow and plain: what the formulas say, as loops over numbers, to hold the fast code against."""
