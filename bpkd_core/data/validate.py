"""Look at every file of a dataset before anything is trained on it, and say what to mend, naming files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from bpkd_core.data.archives import unpack
from bpkd_core.data.base import IGNORE_INDEX, ClassInfo
from bpkd_core.data.facts import Counts, Facts, inspect
from bpkd_core.data.judgement import find_duplicates, judge_classes, judge_splits, share, to_findings
from bpkd_core.data.layout import AUTO, SPLITS, Layout, Pair, Problem, Split, open_layout
from bpkd_core.data.report import ClassSummary, Finding, Report, SplitSummary
from bpkd_core.data.rules import RULES
from bpkd_core.errors import InvalidDataset, UnsafeArchive
from bpkd_core.spec.labels import LabelSource

Progress = Callable[[int, int], None]


def check(
    root: Path | str, *, layout: str = AUTO, labels: LabelSource = "dataset", progress: Progress | None = None
) -> Report:
    """Read every image and mask below `root` and report; progress(done, total) is called after each pair.

    layout: a name of the catalog, or "auto". labels: as in the specification; with "teacher" no mask of train is read,
    and with "mixed" images may lack theirs. A dataset that breaks the rules gives a report that is not `ok`, not an
    error; InvalidDataset is raised only where there is no folder to look at, or none of the layout that was named.
    """
    found = open_layout(root, layout)
    problems: list[Problem] = []
    classes = _list_classes(found, problems)
    plan = _list_splits(found, labels, problems)
    extra = found.unlabelled() if plan and labels != "dataset" else []
    every = [pair for pairs in plan.values() for pair in pairs] + extra
    facts = _inspect_all(found, every, progress)
    problems += [problem for fact in facts.values() for problem in fact.problems]
    problems += [_unlabelled(found, pair) for pair in every if pair.mask is None]
    counts: dict[Split, Counts] = {split: _add_up(plan[split], facts) for split in plan}
    problems += find_duplicates(plan, facts, found.root)
    problems += judge_splits(found, counts, classes) + judge_classes(counts, classes) + found.remarks(classes)
    return Report(
        layout=found.name,
        findings=to_findings(problems, found),
        splits=tuple(_summarise_split(found, split, counts[split], plan[split]) for split in plan),
        classes=tuple(_summarise_class(each, counts) for each in classes),
        sizes=dict(Counter(fact.size for fact in facts.values() if fact.size).most_common()),
        evaluation_split="test" if "test" in plan else "val",
        sha256=found.fingerprint() if plan else "",
        unlabelled=len(found.unlabelled()) if plan else 0,
    )


def check_archive(
    archive: Path,
    target: Path,
    *,
    layout: str = AUTO,
    labels: LabelSource = "dataset",
    progress: Progress | None = None,
) -> Report:
    """Unpack an archive into `target`, which is made, and check what came out; progress counts bytes, then pairs.

    An archive that is unsafe or damaged gives a report with that one finding, and no folder. Raises as :func:`check`,
    and StorageFull.
    """
    try:
        unpack(archive, target, progress=progress)
    except UnsafeArchive as error:
        rule = RULES["unsafe_archive"]
        finding = Finding(rule.code, rule.severity, 1, error.samples, error.message, rule.fix)
        return Report(layout, (finding,), (), (), {}, "val", "")
    return check(target, layout=layout, labels=labels, progress=progress)


def _list_classes(layout: Layout, problems: list[Problem]) -> tuple[ClassInfo, ...]:
    try:
        return layout.classes()
    except InvalidDataset as error:
        definitions = [path.relative_to(layout.root).as_posix() for path in layout.definitions()]
        rule = "bad_classes_json" if definitions else "missing_classes_json"
        problems.append(Problem(rule, (definitions or ["classes.json"])[0], error.message))
        return ()


def _list_splits(layout: Layout, labels: LabelSource, problems: list[Problem]) -> dict[Split, list[Pair]]:
    """The pairs of each split that training will see; test only if it has images of its own."""
    try:
        splits: list[Split] = [split for split in SPLITS if split != "test" or layout.stored("test")]
        plan: dict[Split, list[Pair]] = {split: _as_used(layout.pairs(split), split, labels) for split in splits}
        used = {pair.mask for split in SPLITS for pair in layout.stored(split)}
        strays = [path for path in layout.masks() if path not in used]
        lone_train = bool(layout.unlabelled()) and labels != "dataset"
    except InvalidDataset as error:
        problems.append(Problem("bad_layout", error.message.split(" ")[0], error.message))
        return {}
    problems += [Problem("stray_mask", path.relative_to(layout.root).as_posix()) for path in strays]
    empty: list[Split] = [s for s, pairs in plan.items() if not pairs and not (s == "train" and lone_train)]
    problems += [Problem("empty_split", layout.place(split), split) for split in empty]
    return plan


def _as_used(pairs: list[Pair], split: Split, labels: LabelSource) -> list[Pair]:
    """The pairs without the masks that this run will not read."""
    if labels == "dataset":
        return pairs
    blind = labels == "teacher" and split == "train"
    return [replace(pair, mask=None) if blind or not pair.labelled else pair for pair in pairs]


def _inspect_all(layout: Layout, pairs: list[Pair], progress: Progress | None) -> dict[Pair, Facts]:
    facts: dict[Pair, Facts] = {}
    for pair in pairs:
        facts[pair] = inspect(layout, pair)
        if progress:
            progress(len(facts), len(pairs))
    return facts


def _unlabelled(layout: Layout, pair: Pair) -> Problem:
    return Problem("unlabelled_images", pair.image.relative_to(layout.root).as_posix())


def _add_up(pairs: list[Pair], facts: Mapping[Pair, Facts]) -> Counts:
    return sum((facts[pair].counts for pair in pairs), np.zeros(256, np.int64))


def _summarise_split(layout: Layout, split: Split, counts: Counts, pairs: list[Pair]) -> SplitSummary:
    void_share = float(counts[IGNORE_INDEX] / max(1, counts.sum()))
    labelled = sum(pair.labelled for pair in pairs)
    return SplitSummary(split, len(pairs), layout.source(split), void_share, labelled)


def _summarise_class(info: ClassInfo, counts: dict[Split, Counts]) -> ClassSummary:
    found: dict[Split, float] = {split: share(counts[split], info.id) for split in counts}
    return ClassSummary(info.id, info.name, info.color, found)
