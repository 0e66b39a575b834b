"""ONNX nodes written as calls, so that a graph reads like the arithmetic it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Operand = str | Sequence[int] | NDArray[Any]


class Nodes:
    """`g = Nodes("tail"); y = g.Add(x, [1, 2], out="y")` appends an Add node and returns the name of its output.

    An operand that is a string names a value; a list of integers becomes an int64 constant; an array becomes a constant
    of its own type. Keywords are the operator's attributes, except `out`, which names the output.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[bytes, onnx.TensorProto] = {}

    def __getattr__(self, operator: str) -> Callable[..., str]:
        if not operator[0].isupper():
            raise AttributeError(operator)
        return partial(self._append, operator)

    def _append(self, operator: str, *operands: Operand, out: str | None = None, **attributes: Any) -> str:
        name = f"{self.prefix}_{len(self.nodes)}_{operator}"
        inputs = [each if isinstance(each, str) else self._constant(np.asarray(each)) for each in operands]
        self.nodes.append(helper.make_node(operator, inputs, [out or name], name=name, **attributes))
        return out or name

    def _constant(self, value: NDArray[Any]) -> str:
        tensor = numpy_helper.from_array(value)
        key = tensor.SerializeToString()
        if key not in self.constants:
            tensor.name = f"{self.prefix}_constant_{len(self.constants)}"
            self.constants[key] = tensor
        return self.constants[key].name
