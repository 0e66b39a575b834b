"""Archives of strangers: unpacked by our own rules, or refused with one sentence.

An archive is data. Only regular files come out of it, below one folder, under names that mean the same on every system;
bytes are counted while they are written, because what an archive says of its own size may be a lie.
"""

from bpkd_core.data.archives.limits import Limits
from bpkd_core.data.archives.unpacking import Unpacked, is_archive, unpack

__all__ = ["Limits", "Unpacked", "is_archive", "unpack"]
