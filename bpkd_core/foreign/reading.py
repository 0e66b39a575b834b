"""How a file is read, with nothing left open: what the probe found, and what a run keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpkd_core.bundle import ClassInfo
from bpkd_core.errors import InvalidSpec
from bpkd_core.spec.foreign import Pixels, Scores
from bpkd_core.spec.section import Section

Channels = tuple[tuple[int, ...], ...]


class Reading(Section):
    """input, output: as in the specification. channels: the file's classes that make each class of the dataset.

    Every class of the dataset has its entry, an empty one where the file does not know it.
    """

    input: Pixels
    output: Scores
    channels: Channels

    @property
    def known(self) -> tuple[int, ...]:
        """The ids of the dataset's classes that the file knows."""
        return tuple(index for index, own in enumerate(self.channels) if own)


def identity(count: int) -> Channels:
    """The file's classes are the dataset's, in the same order."""
    return tuple((index,) for index in range(count))


def map_classes(given: Mapping[int, int | str], classes: Sequence[ClassInfo], found: int) -> Channels:
    """The channels of each class of the dataset, from a map of the file's class index to our id or name.

    found: how many classes the file scores. Raises InvalidSpec for a class that one of the two does not have, and for a
    map that leads to fewer than two classes.
    """
    ids = {each.name: each.id for each in classes}
    channels: list[list[int]] = [[] for _ in classes]
    for index, ours in sorted(given.items()):
        target = ids.get(ours) if isinstance(ours, str) else ours
        if target is None or not 0 <= target < len(classes):
            raise InvalidSpec(
                f"teacher.classes leads to {ours!r}; expected an id from 0 to {len(classes) - 1} or one of "
                f"{', '.join(ids)}.",
                param="teacher.classes",
            )
        if not 0 <= index < found:
            raise InvalidSpec(
                f"teacher.classes names the file's class {index}, and the file scores {found}; expected 0 to "
                f"{found - 1}.",
                param="teacher.classes",
            )
        channels[target].append(index)
    if sum(map(bool, channels)) < 2:
        raise InvalidSpec(
            "teacher.classes leads to fewer than two classes of the dataset; a teacher that tells none apart teaches "
            "nothing.",
            param="teacher.classes",
        )
    return tuple(map(tuple, channels))


def match_names(names: Sequence[str], classes: Sequence[ClassInfo]) -> Channels | None:
    """The channels of each class by name, for a file that names its own; None where not every name is found."""
    indices = {name: index for index, name in enumerate(names)}
    if not all(each.name in indices for each in classes):
        return None
    return tuple((indices[each.name],) for each in classes)
