"""bpkd_core: the library. It knows no job, no database and no HTTP; `python -m bpkd_core` runs a recipe by hand."""

from importlib.metadata import version

__version__ = version("bpkd")
