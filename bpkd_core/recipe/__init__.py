"""The work of a run's stages; bpkd_core/run.py has their order."""
