"""The validation report: what a dataset holds and what is wrong with it, as values that turn into JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from bpkd_core.data.layout import Split
from bpkd_core.errors import InvalidDataset

Severity = Literal["error", "warning", "info"]
MOST_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of trouble. `samples`: up to 20 names, relative to the root; of classes where it is about classes."""

    code: str
    severity: Severity
    count: int
    samples: tuple[str, ...]
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """One split as training will see it.

    source: where it comes from. void_share: of the pixels of its masks, 0 .. 1. labelled: images whose masks were read.
    """

    name: Split
    images: int
    source: str
    void_share: float
    labelled: int


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """One class and its share of the labelled pixels of each split, 0 .. 1."""

    id: int
    name: str
    color: tuple[int, int, int]
    share: dict[Split, float]


@dataclass(frozen=True, slots=True)
class Report:
    """All that the check has seen.

    layout: its name in the catalog. sizes: how many images of each "WIDTHxHEIGHT", the commonest first.
    evaluation_split: where final quality is measured, val if there is no test. sha256: the dataset's fingerprint, empty
    where the layout cannot be read. unlabelled: images of no split, which only a teacher can label.
    """

    layout: str

    findings: tuple[Finding, ...]
    splits: tuple[SplitSummary, ...]
    classes: tuple[ClassSummary, ...]
    sizes: dict[str, int]
    evaluation_split: Split
    sha256: str
    unlabelled: int = 0

    def labelled(self, split: Split) -> int:
        """How many images of a split have labels."""
        return sum(each.labelled for each in self.splits if each.name == split)

    @property
    def ok(self) -> bool:
        """Whether nothing forbids training: no finding is an error."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid training."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON, with `ok` first."""
        return {"ok": self.ok, **asdict(self)}

    def raise_if_bad(self) -> None:
        """Raise InvalidDataset, with the first error as its sentence and this report on it, unless `ok`."""
        if self.ok:
            return
        first, *others = self.errors
        more = f" ({len(others)} more kinds of error.)" if others else ""
        raise InvalidDataset(first.message + more, report=self.to_dict(), param="dataset", hint=first.fix)
