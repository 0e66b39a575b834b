"""Print the names of what an image installs, one a line; constraints.txt has their versions.

`requirements.py` for the API, `requirements.py train` for a worker. Runs before any package is there.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = (name for extra in sys.argv[1:] for name in project["optional-dependencies"][extra])
for requirement in (*project["dependencies"], *extras):
    sys.stdout.write(re.split(r"[<>=!~; ]", requirement)[0] + "\n")
