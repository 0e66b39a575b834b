"""Measuring what the method costs, on the machine at hand: `bpkd bench loss` and `bpkd bench training`."""
