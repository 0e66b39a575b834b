"""Gates: what a student must reach to become a version, and what it reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bpkd_core.bundle import Result
from bpkd_core.errors import GateFailed

TITLES: Mapping[str, str] = {
    "miou_min": "mIoU",
    "boundary_iou_min": "boundary IoU",
    "argmax_agreement_min": "argmax agreement with torch",
}
"""Every gate, by its name in a job."""


@dataclass(frozen=True)
class Gate:
    """One gate. least: what was asked for. measured: on the student's ONNX file; None where it is undefined."""

    name: str
    least: float
    measured: float | None

    @property
    def passed(self) -> bool:
        """Whether the student is good enough."""
        return self.measured is not None and self.measured >= self.least

    def describe(self) -> str:
        """`mIoU is 0.3812, its gate asks for 0.7`."""
        found = "undefined" if self.measured is None else f"{self.measured:.4f}"
        return f"{TITLES[self.name]} is {found}, its gate asks for {self.least:g}"


def judge(result: Result, limits: Mapping[str, float | None]) -> tuple[Gate, ...]:
    """Every gate that is given, in a fixed order. limits: by name; None leaves a gate open."""
    student = result.student
    measured = {
        "miou_min": student.miou,
        "boundary_iou_min": student.boundary_iou,
        "argmax_agreement_min": student.parity and student.parity.argmax_agreement,
    }
    asked = {name: limits.get(name) for name in TITLES}
    return tuple(Gate(name, least, measured[name]) for name, least in asked.items() if least is not None)


def require(gates: Sequence[Gate]) -> None:
    """Raise GateFailed that names every gate which was not met, with both numbers."""
    if missed := [gate for gate in gates if not gate.passed]:
        raise GateFailed(
            f"The student's {'; its '.join(gate.describe() for gate in missed)}",
            param=f"register.gates.{missed[0].name}",
            hint="The files are kept with the job; lower the gate, train longer, or choose a larger student.",
        )
