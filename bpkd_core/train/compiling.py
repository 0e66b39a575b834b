"""`train.compile`: the network as one compiled graph, where that pays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import nn

from bpkd_core.errors import MissingExtra


def compile_forward(net: nn.Module, device: torch.device) -> None:
    """Let torch compile what `net` does when it is called; its weights and their names stay.

    Raises MissingExtra where the machine has no compiler.
    """
    require_compiler(device)
    net.compile()


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run compiled networks as they are written: for images of many sizes, each of which would be compiled anew."""
    with torch.compiler.set_stance("force_eager"):
        yield


def require_compiler(device: torch.device) -> None:
    """Raise MissingExtra without a C++ compiler, or without Triton on a GPU, before a first step does so at length."""
    from torch._inductor import cpp_builder, exc
    from torch.utils import _triton

    found = None
    with suppress(exc.InvalidCxxCompiler):
        found = cpp_builder.get_cpp_compiler()
    if found and (device.type == "cpu" or _triton.has_triton()):
        return
    missing = "Triton" if found else "a C++ compiler"
    raise MissingExtra(
        f"train.compile needs {missing}, and none was found.",
        param="train.compile",
        hint="Install g++ (and the triton package for a GPU), or leave train.compile false.",
    )
