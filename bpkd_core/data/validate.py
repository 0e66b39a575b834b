"""Look at every file of a dataset before anything is trained on it, and say what to mend, naming files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo
from bpkd_core.data.facts import Counts, Facts, Problem, inspect
from bpkd_core.data.layout import SPLITS, Pair, Split, fingerprint, has_split, list_files, list_pairs, read_classes
from bpkd_core.data.report import MOST_SAMPLES, ClassSummary, Finding, Report, SplitSummary
from bpkd_core.data.rules import RULES
from bpkd_core.errors import InvalidDataset

Progress = Callable[[int, int], None]
RARE_SHARE = 0.001


def check(root: Path | str, *, progress: Progress | None = None) -> Report:
    """Read every image and mask below `root` and report; progress(done, total) is called after each pair.

    A dataset that breaks the rules gives a report that is not `ok`, not an error; InvalidDataset is raised only where
    there is no folder to look at.
    """
    root = Path(root)
    if not root.is_dir():
        raise InvalidDataset(f"{root.name} is no folder; expected one with images, masks and classes.json.")
    problems: list[Problem] = []
    classes = _list_classes(root, problems)
    plan = _list_splits(root, problems)
    total, done = sum(map(len, plan.values())), 0
    facts: dict[Split, list[Facts]] = {split: [] for split in plan}
    for split, pairs in plan.items():
        for pair in pairs:
            facts[split].append(inspect(root, pair, len(classes) or IGNORE_INDEX))
            done += 1
            if progress:
                progress(done, total)
    problems += [problem for split in facts for fact in facts[split] for problem in fact.problems]
    counts: dict[Split, Counts] = {split: _add_up(facts[split]) for split in facts}
    problems += _find_duplicates(plan, facts, root) + _find_unlabelled(counts) + _judge_classes(classes, counts)
    return Report(
        findings=_to_findings(problems),
        splits=tuple(_summarise_split(root, split, counts[split], len(facts[split])) for split in facts),
        classes=tuple(_summarise_class(each, counts) for each in classes),
        sizes=dict(Counter(fact.size for split in facts for fact in facts[split] if fact.size).most_common()),
        evaluation_split="test" if "test" in plan else "val",
        sha256=fingerprint(root) if plan else "",
    )


def _list_classes(root: Path, problems: list[Problem]) -> tuple[ClassInfo, ...]:
    try:
        return read_classes(root)
    except InvalidDataset as error:
        rule = "bad_classes_json" if (root / "classes.json").exists() else "missing_classes_json"
        problems.append(Problem(rule, "classes.json", error.message))
        return ()


def _list_splits(root: Path, problems: list[Problem]) -> dict[Split, list[Pair]]:
    """The pairs of each split that training will see; test only if it has images of its own."""
    try:
        plan: dict[Split, list[Pair]] = {
            s: list_pairs(root, s) for s in SPLITS if s != "test" or has_split(root, "test")
        }
        used = {pair.mask for pairs in plan.values() for pair in pairs}
        masks = [path for split in SPLITS for path in list_files(root, f"masks/{split}", (".png",)).values()]
    except InvalidDataset as error:
        problems.append(Problem("bad_layout", error.message.split(" ")[0], error.message))
        return {}
    problems += [Problem("stray_mask", path.relative_to(root).as_posix()) for path in masks if path not in used]
    problems += [Problem("empty_split", f"images/{split}", split) for split, pairs in plan.items() if not pairs]
    return plan


def _find_duplicates(plan: dict[Split, list[Pair]], facts: dict[Split, list[Facts]], root: Path) -> list[Problem]:
    """Images outside train whose bytes are those of a train image."""
    seen = {fact.digest for fact in facts.get("train", [])}
    return [
        Problem("train_val_duplicate", pair.image.relative_to(root).as_posix())
        for split in facts
        if split != "train"
        for pair, fact in zip(plan[split], facts[split], strict=True)
        if fact.digest in seen
    ]


def _find_unlabelled(counts: dict[Split, Counts]) -> list[Problem]:
    """Splits whose masks were read and are void from edge to edge."""
    return [
        Problem("unlabelled_split", f"masks/{split}", split)
        for split, found in counts.items()
        if found[IGNORE_INDEX] > 0 and found[IGNORE_INDEX] == found.sum()
    ]


def _judge_classes(classes: tuple[ClassInfo, ...], counts: dict[Split, Counts]) -> list[Problem]:
    if "train" not in counts:
        return []
    everywhere = np.sum(list(counts.values()), axis=0)
    problems: list[Problem] = []
    for each in classes:
        if counts["train"][each.id] == 0:
            rule = "class_only_in_val" if everywhere[each.id] else "class_absent_in_train"
            problems.append(Problem(rule, each.name))
        elif _share(counts["train"], each.id) < RARE_SHARE:
            problems.append(Problem("rare_class", each.name))
    return problems


def _add_up(facts: list[Facts]) -> Counts:
    return sum((fact.counts for fact in facts), np.zeros(256, np.int64))


def _share(counts: Counts, class_id: int) -> float:
    return float(counts[class_id] / max(1, counts[:IGNORE_INDEX].sum()))


def _summarise_split(root: Path, split: Split, counts: Counts, images: int) -> SplitSummary:
    held_out = split == "val" and not has_split(root, "val")
    source = "a tenth of train, held out by the hash of its names" if held_out else f"images/{split}"
    return SplitSummary(split, images, source, float(counts[IGNORE_INDEX] / max(1, counts.sum())))


def _summarise_class(info: ClassInfo, counts: dict[Split, Counts]) -> ClassSummary:
    share: dict[Split, float] = {split: _share(counts[split], info.id) for split in counts}
    return ClassSummary(info.id, info.name, info.color, share)


def _to_findings(problems: list[Problem]) -> tuple[Finding, ...]:
    """One finding for each rule that was broken, in the order of the table."""
    found: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        found[problem.rule].append(problem)
    findings: list[Finding] = []
    for name, rule in RULES.items():
        if name not in found:
            continue
        places = tuple(problem.place for problem in found[name])
        details = dict.fromkeys(problem.detail for problem in found[name])
        message = rule.message.format(n=len(places), detail="; ".join(list(details)[:3])).strip()
        findings.append(
            Finding(rule.code, rule.severity, len(places), places[:MOST_SAMPLES], message, rule.fix.format())
        )
    return tuple(findings)
