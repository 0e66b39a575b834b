"""Where the labels come from that the student learns."""

from __future__ import annotations

from typing import Literal

LabelSource = Literal["dataset", "teacher", "mixed"]
"""`dataset`: the masks. `teacher`: the teacher's answers, on every image, its mask unread. `mixed`: the mask where an
image has one, else the teacher's answer."""
