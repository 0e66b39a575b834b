"""Stand-ins that are real where it matters: processes that speak the real protocol and do none of the work."""
