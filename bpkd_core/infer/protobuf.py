"""Look into an ONNX file, and add an output to it, without the onnx package and without loading it.

onnxruntime follows external data to any file that it may read, and runs whatever custom operators are registered. Both
are recognised here, in the protobuf wire format, before onnxruntime sees the bytes. Weights are skipped, not copied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bpkd_core.errors import InvalidModel

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
STANDARD_DOMAINS = (b"", b"ai.onnx")

# Which fields of a message hold which messages (onnx.proto, IR version 14).
CHILDREN: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 8: "OperatorSet", 20: "TrainingInfo", 25: "Function"},
    "TrainingInfo": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 9: "OperatorSet", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "OperatorSet": {},
    "Tensor": {},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # of Tensor
GRAPH, INITIALISER, OUTPUT = 7, 5, 12  # of Model, of Graph
OPERATOR_SET, VERSION = 8, 2  # of Model, of OperatorSet
METADATA, KEY, VALUE = 14, 1, 2  # of Model, of StringStringEntry
NAME, TYPE, TENSOR_TYPE, ELEMENT_TYPE = 1, 2, 1, 1  # of ValueInfo, ValueInfo, Type, TensorType
FLOAT = 1
DIMS, DATA_TYPE = 1, 2  # of Tensor
FLOAT_TYPES = (1, 10, 11, 16)  # float, half, double, bfloat16
DOMAIN = {"Node": 7, "OperatorSet": 1, "Function": 10}


class Field(NamedTuple):
    """One field: its number, and its value, an integer or the bytes."""

    number: int
    value: int | memoryview


def refuse_unsafe(data: bytes) -> None:
    """Raise InvalidModel unless the bytes are one self-contained ONNX model of standard operators."""
    pending = [("Model", memoryview(data))]
    seen_graph = False
    while pending:
        kind, message = pending.pop()
        for field in _fields(message):
            _check(kind, field)
            child = CHILDREN[kind].get(field.number)
            if child is not None and isinstance(field.value, memoryview):
                seen_graph |= child == "Graph"
                pending.append((child, field.value))
    if not seen_graph:
        raise InvalidModel("The file holds no ONNX graph; expected an .onnx file as export_onnx writes it.")


def count_parameters(data: bytes) -> int:
    """How many floating-point numbers the initialisers of a model's graph hold. Raises InvalidModel."""
    graphs = _inside([memoryview(data)], GRAPH)
    return sum(_count_floats(tensor) for tensor in _inside(graphs, INITIALISER))


def with_output(data: bytes, name: str) -> bytes:
    """The model with one of its inner values, of floats, as a further output.

    Nothing is rewritten: protobuf merges a message that comes twice, so another graph is appended that holds the output
    alone. Raises InvalidModel.
    """
    outputs = _inside(_inside([memoryview(data)], GRAPH), OUTPUT)
    if any(field.number == NAME and field.value == name.encode() for each in outputs for field in _fields(each)):
        return data
    kind = _message(TENSOR_TYPE, bytes([ELEMENT_TYPE << 3 | VARINT, FLOAT]))
    return data + _message(GRAPH, _message(OUTPUT, _message(NAME, name.encode()) + _message(TYPE, kind)))


def with_metadata(data: bytes, pairs: Mapping[str, str]) -> bytes:
    """The model with further strings in its metadata, appended as in :func:`with_output`. The keys must be new ones."""
    entries = (_message(KEY, key.encode()) + _message(VALUE, value.encode()) for key, value in pairs.items())
    return data + b"".join(_message(METADATA, entry) for entry in entries)


def read_metadata(data: bytes) -> dict[str, str]:
    """The strings that a model records of itself. Raises InvalidModel."""
    entries = [
        {field.number: field.value for field in _fields(entry)} for entry in _inside([memoryview(data)], METADATA)
    ]
    return {_text(entry.get(KEY)): _text(entry.get(VALUE)) for entry in entries}


def _text(value: int | memoryview | None) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, memoryview) else ""


def read_opset(data: bytes) -> int | None:
    """The version of the standard operators that a model asks for. Raises InvalidModel."""
    for operators in _inside([memoryview(data)], OPERATOR_SET):
        fields = {field.number: field.value for field in _fields(operators)}
        domain, version = fields.get(DOMAIN["OperatorSet"], b""), fields.get(VERSION)
        if isinstance(domain, bytes | memoryview) and bytes(domain) in STANDARD_DOMAINS and isinstance(version, int):
            return version
    return None


def _message(number: int, content: bytes) -> bytes:
    """A field of bytes; its number is below 16."""
    return bytes([number << 3 | BYTES]) + _length(len(content)) + content


def _length(size: int) -> bytes:
    """A size as protobuf writes it, seven bits a byte with the lowest first."""
    head = bytearray()
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*head, size])


def _inside(messages: Iterable[memoryview], number: int) -> Iterator[memoryview]:
    """The messages in one field of each message."""
    for message in messages:
        for field in _fields(message):
            if field.number == number and isinstance(field.value, memoryview):
                yield field.value


def _count_floats(tensor: memoryview) -> int:
    size, kind = 1, None
    for field in _fields(tensor):
        if field.number == DATA_TYPE:
            kind = field.value
        elif field.number == DIMS:
            size *= field.value if isinstance(field.value, int) else math.prod(_packed(field.value))
    return size if kind in FLOAT_TYPES else 0


def _packed(values: memoryview) -> Iterator[int]:
    position = 0
    while position < len(values):
        value, position = _varint(values, position)
        yield value


def _check(kind: str, field: Field) -> None:
    if kind == "Tensor" and (field.number == EXTERNAL_DATA or (field.number == DATA_LOCATION and field.value)):
        raise InvalidModel("The model keeps weights in another file; save it as one file, without external data.")
    if DOMAIN.get(kind) == field.number and isinstance(field.value, memoryview):
        domain = bytes(field.value[:100])
        if domain not in STANDARD_DOMAINS:
            raise InvalidModel(
                f"The model uses operators of the domain {domain.decode(errors='replace')!r}; "
                "only standard ONNX operators are run."
            )


def _fields(message: memoryview) -> Iterator[Field]:
    """The fields of one message in order. Raises InvalidModel where the bytes are not protobuf."""
    position, end = 0, len(message)
    while position < end:
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, position = _varint(message, position)
            yield Field(number, value)
            continue
        if wire_type == BYTES:
            size, position = _varint(message, position)
        elif wire_type in (FIXED32, FIXED64):
            size = 4 if wire_type == FIXED32 else 8
        else:
            raise _not_onnx()
        if number == 0 or position + size > end:
            raise _not_onnx()
        yield Field(number, message[position : position + size])
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """The integer at a position, seven bits a byte with the lowest first, and the position behind it."""
    value = 0
    for index, byte in enumerate(message[position : position + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise _not_onnx()


def _not_onnx() -> InvalidModel:
    return InvalidModel(
        "The bytes are no ONNX model, or a truncated one; expected an .onnx file as export_onnx writes it."
    )
