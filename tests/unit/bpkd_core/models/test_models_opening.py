"""The child's side of reading a stranger's file, called in this process: what it takes and what it refuses."""

from __future__ import annotations

import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models.checkpoints.opening import extract

WEIGHTS = {"conv.weight": torch.arange(12.0).view(3, 4), "conv.bias": torch.ones(3)}


def opened(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    clean = path.with_suffix(".clean")
    others = extract(str(path), str(clean))
    return load_file(clean), others


def saved(folder: Path, content: Any, **options: Any) -> Path:
    torch.save(content, folder / "net.pth", **options)
    return folder / "net.pth"


def refused(path: Path, match: str) -> None:
    with pytest.raises(InvalidCheckpoint, match=match):
        extract(str(path), str(path.with_suffix(".clean")))
    assert not path.with_suffix(".clean").exists()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_tensors_come_out_as_they_went_in_and_the_rest_by_its_type(zipped: bool, tmp_path: Path) -> None:
    """Both formats of torch.save are on the web, and what is no tensor is worth naming when a key is missing."""
    content = {"state_dict": {**WEIGHTS, "name": "net", "half": torch.ones(2).bfloat16()}, "epoch": 3}
    tensors, others = opened(saved(tmp_path, content, _use_new_zipfile_serialization=zipped))
    assert others == {"name": "str"}
    assert tensors.keys() == {"conv.weight", "conv.bias", "half"}
    assert torch.equal(tensors["conv.weight"], WEIGHTS["conv.weight"])
    assert tensors["half"].dtype == torch.bfloat16


def test_views_parameters_and_shared_weights_are_plain_tensors(tmp_path: Path) -> None:
    """Tied and transposed weights are ordinary; the clean copy holds each by itself."""
    weight = nn.Parameter(torch.arange(6.0).view(2, 3))
    tensors, _ = opened(saved(tmp_path, {"a": weight, "b": weight, "t": weight.data.t()}))
    assert tensors["b"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["t"].tolist() == [[0, 3], [1, 4], [2, 5]]


class HistoryBuffer:
    """Pickled as OpenMMLab's training log is: arrays, and its own methods by name."""

    def __init__(self) -> None:
        self._log_history = np.array([0.5, 0.25])
        self._max_length = 1_000_000

    def mean(self) -> None:
        """Pickled by getattr in the protocol that torch.save uses."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "statistics_methods": {"mean": HistoryBuffer.mean}}


@pytest.fixture
def mmengine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package as the pickler must see it; the reader must not."""
    module = types.ModuleType("mmengine.logging.history_buffer")
    module.HistoryBuffer = HistoryBuffer  # type: ignore[attr-defined]
    for name in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(HistoryBuffer, "__module__", module.__name__)


@pytest.mark.usefixtures("mmengine")
def test_training_logs_of_openmmlab_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every checkpoint of MMSegmentation 1.x holds them, and torch refuses the whole file for it."""
    log = {"log_scalars": {"train/loss": HistoryBuffer()}, "runtime_info": {"lr": np.float64(0.01)}}
    path = saved(tmp_path, {"meta": {"epoch": 1}, "message_hub": log, "state_dict": WEIGHTS})
    with pytest.raises(Exception, match="Weights only load failed"):
        torch.load(path, weights_only=True)
    for name in ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer"):
        monkeypatch.delitem(sys.modules, name)
    tensors, _ = opened(path)
    assert tensors.keys() == WEIGHTS.keys()


class Payload:
    """Stands for any object that a pickle could build."""


class Command:
    """Runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("/tmp/bpkd-was-here"),)


@pytest.mark.parametrize("hook", [Payload(), Command()], ids=["an object", "a command"])
def test_a_file_that_pickles_objects_is_refused_by_their_name(hook: object, tmp_path: Path) -> None:
    """Reading a stranger's checkpoint must not be a way to run the stranger's code."""
    refused(saved(tmp_path, {"state_dict": WEIGHTS, "hook": hook}), r"pickles [\w.]+, and .* can run code")
    assert not Path("/tmp/bpkd-was-here").exists()


def script(folder: Path) -> Path:
    torch.jit.trace(nn.Conv2d(3, 2, 1), torch.zeros(1, 3, 4, 4), check_trace=False).save(folder / "net.pth")
    return folder / "net.pth"


def exported(folder: Path) -> Path:
    torch.export.save(torch.export.export(nn.Conv2d(3, 2, 1), (torch.zeros(1, 3, 4, 4),)), folder / "net.pt2")
    return folder / "net.pt2"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("make", [script, exported])
def test_a_program_is_refused_whatever_its_name(make: Callable[[Path], Path], tmp_path: Path) -> None:
    """Loading one is running it."""
    refused(make(tmp_path), r"is a program \(TorchScript or torch.export\), not weights")


def test_a_compressed_file_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    """Half a megabyte that becomes half a gigabyte; torch.save never compresses."""
    plain = saved(tmp_path, {"weight": torch.zeros(1_000_000)})
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.namelist():
            target.writestr(entry, source.read(entry))
    refused(bomb, rf"\({bomb.stat().st_size} bytes\) is compressed and would unpack to 40\d{{5}} bytes")


UNFIT: dict[str, tuple[Tensor, str]] = {
    "stride 0": (torch.zeros(1).expand(1000, 1000), "stores 4 bytes for weight, which says that it has 4000000"),
    "overlapping": (torch.zeros(8).as_strided((8, 8), (0, 1)), "stores 32 bytes for weight, .* 256"),
    "sparse": (torch.eye(3).to_sparse(), r"weight as a sparse_coo torch.float32 tensor"),
    "complex": (torch.zeros(2, dtype=torch.complex64), r"weight as a strided torch.complex64 tensor"),
    "without values": (torch.zeros(2, device="meta"), r"weight as a strided torch.float32 tensor on meta"),
}


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants")
@pytest.mark.parametrize(("tensor", "match"), UNFIT.values(), ids=UNFIT.keys())
def test_tensors_that_are_more_than_their_bytes_are_refused(tensor: Tensor, match: str, tmp_path: Path) -> None:
    """A few bytes on disk must not become gigabytes when they are copied."""
    refused(saved(tmp_path, {"weight": tensor}), match)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut in half": lambda content: content[: len(content) // 2],
    "an error page": lambda content: b"<html>404 Not Found</html>",
    "other bytes": lambda content: b"junkjunk" * 10,
    "a flipped pickle": lambda content: content.replace(b"conv.weight", b"conv.\xffeight"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_one_sentence(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """Torch fails on these with KeyError, EOFError or a page about miniz."""
    path = saved(tmp_path, WEIGHTS)
    content = damage(path.read_bytes())
    path.write_bytes(content)
    refused(path, rf'^"net.pth" \({len(content)} bytes\) is damaged or holds no weights')


def test_an_archive_of_something_else_is_damaged(tmp_path: Path) -> None:
    """A dataset's zip in the wrong field."""
    path = tmp_path / "net.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images/a.png", b"")
    refused(path, "is damaged or holds no weights")


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(3)], ids=["list", "tensor"])
def test_a_file_of_something_else_says_what_it_holds(content: Any, tmp_path: Path) -> None:
    """torch.save writes anything."""
    refused(saved(tmp_path, content), f"holds a {type(content).__name__}; expected a dictionary of tensors")


def test_a_dictionary_within_itself_ends(tmp_path: Path) -> None:
    """Pickles can be cyclic; opening envelopes must not follow them for ever."""
    content: dict[Any, Any] = {7: torch.zeros(1)}
    content["model"] = content
    tensors, others = opened(saved(tmp_path, content))
    assert (tensors.keys(), others) == ({"7"}, {"model": "dict"})
