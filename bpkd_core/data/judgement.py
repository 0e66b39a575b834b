"""What is wrong with a dataset as a whole, beyond its single files; and problems turned into findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo
from bpkd_core.data.facts import Counts, Facts
from bpkd_core.data.layout import Layout, Pair, Problem, Split
from bpkd_core.data.report import MOST_SAMPLES, Finding
from bpkd_core.data.rules import RULES

RARE_SHARE = 0.001
AllCounts = Mapping[Split, Counts]


def find_duplicates(plan: Mapping[Split, Sequence[Pair]], facts: Mapping[Pair, Facts], root: Path) -> list[Problem]:
    """Images outside train whose bytes are those of a train image."""
    seen = {facts[pair].digest for pair in plan.get("train", [])} - {""}
    others = [pair for split in plan if split != "train" for pair in plan[split]]
    return [
        Problem("train_val_duplicate", pair.image.relative_to(root).as_posix())
        for pair in others
        if facts[pair].digest in seen
    ]


def judge_splits(layout: Layout, counts: AllCounts, classes: Sequence[ClassInfo]) -> list[Problem]:
    """Splits whose masks were read and are void from edge to edge, or hold a single class."""
    names = {each.id: each.name for each in classes}
    problems: list[Problem] = []
    for split, found in counts.items():
        present = np.flatnonzero(found[:IGNORE_INDEX])
        if found.sum() and not present.size:
            problems.append(Problem("unlabelled_split", layout.place(split), split))
        elif present.size == 1:
            rule = "one_class_split" if split == "train" else "one_class_measured"
            problems.append(Problem(rule, layout.place(split), names.get(int(present[0]), str(present[0]))))
    return problems


def judge_classes(counts: AllCounts, classes: Sequence[ClassInfo]) -> list[Problem]:
    """Classes that train lacks or hardly shows; nothing where train was not labelled."""
    if "train" not in counts or not counts["train"].sum():
        return []
    everywhere = np.sum(list(counts.values()), axis=0)
    problems: list[Problem] = []
    for each in classes:
        if counts["train"][each.id] == 0:
            rule = "class_only_in_val" if everywhere[each.id] else "class_absent_in_train"
            problems.append(Problem(rule, each.name))
        elif share(counts["train"], each.id) < RARE_SHARE:
            problems.append(Problem("rare_class", each.name))
    return problems


def share(counts: Counts, class_id: int) -> float:
    """The part of a class of the labelled pixels, 0 .. 1."""
    return float(counts[class_id] / max(1, counts[:IGNORE_INDEX].sum()))


def to_findings(problems: Sequence[Problem], layout: Layout) -> tuple[Finding, ...]:
    """One finding for each rule that was broken, in the order of the table, with the layout's own fixes."""
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
        fix = layout.fixes.get(name) or rule.fix.format()
        findings.append(Finding(rule.code, rule.severity, len(places), places[:MOST_SAMPLES], message, fix))
    return tuple(findings)
