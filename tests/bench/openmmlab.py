"""What MMSegmentation's own networks say, written down for our tests.

Run `PYTHONPATH=tests python tests/bench/openmmlab.py` where mmsegmentation 1.2, mmengine and mmcv-lite 2.1 are
installed, which bpkd itself never needs: an environment of its own is best. Each network is built from the
configuration that MMSegmentation ships, its weights are drawn by the names of their keys
(tests/references/openmmlab.py), and its keys, their shapes and some of its logits go to
tests/golden/openmmlab/<network>.npz. Names on the command line choose among the networks.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from references.openmmlab import DEVIATION, GOLDEN, NUM_CLASSES, SIZES, Shapes, image, key_lines, sample, weights
from torch import nn

CONFIGS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "pspnet_r18": ("pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py", {}),
    "pspnet_r101": ("pspnet/pspnet_r101-d8_4xb4-80k_ade20k-512x512.py", {}),
    "hrnet_w18s": ("hrnet/fcn_hr18s_4xb4-80k_ade20k-512x512.py", {}),
    "hrnet_w48": ("hrnet/fcn_hr48_4xb4-80k_ade20k-512x512.py", {}),
    "isanet_r18": (  # the paper's student, of which MMSegmentation has no configuration: R50's, as narrow as PSPNet-R18
        "isanet/isanet_r50-d8_4xb2-80k_cityscapes-512x1024.py",
        {
            "backbone.depth": 18,
            "decode_head.in_channels": 512,
            "decode_head.channels": 128,
            "auxiliary_head.in_channels": 256,
            "auxiliary_head.channels": 64,
        },
    ),
    "isanet_r101": ("isanet/isanet_r101-d8_4xb4-80k_ade20k-512x512.py", {}),
    "deeplabv3plus_mv2": ("mobilenet_v2/mobilenet-v2-d8_deeplabv3plus_4xb4-160k_ade20k-512x512.py", {}),
    "deeplabv3plus_r101": ("deeplabv3plus/deeplabv3plus_r101-d8_4xb4-80k_ade20k-512x512.py", {}),
    "upernet_swin_t": (
        "swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py",
        {"backbone.init_cfg": None},
    ),
    "segformer_b0": ("segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py", {"backbone.init_cfg": None}),
    "segformer_b2": ("segformer/segformer_mit-b2_8xb2-160k_ade20k-512x512.py", {"backbone.init_cfg": None}),
}
"""Our name, MMSegmentation's configuration, and what it is told beyond the number of classes."""


def main() -> None:
    """Write one file per network and print its size and the largest logit."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    without_compiled_operators()
    for name in sys.argv[1:] or CONFIGS:
        net = original(*CONFIGS[name])
        path = GOLDEN / f"{name}.npz"
        shapes = {key: tuple(value.shape) for key, value in net.state_dict().items()}
        answers = answers_of(net, shapes)
        np.savez_compressed(path, keys=np.frombuffer(key_lines(shapes).encode(), np.uint8), **answers)
        largest = max(float(np.abs(value).max()) for key, value in answers.items() if key.startswith("logits"))
        print(f"{name:20} {len(shapes):5} tensors   {path.stat().st_size:6} bytes   largest logit {largest:.3g}")


def without_compiled_operators() -> None:
    """Let MMSegmentation be imported over mmcv-lite, which has none of the CUDA operators that other networks use."""

    class Missing(ModuleType):
        def __getattr__(self, name: str) -> None:
            if name.startswith("__"):
                raise AttributeError(name)

    missing = Missing("mmcv._ext")
    missing.__spec__ = ModuleSpec("mmcv._ext", None)
    sys.modules["mmcv._ext"] = missing
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)


def original(config: str, changes: dict[str, Any]) -> nn.Module:
    """MMSegmentation's network in eval mode, on one process, with our number of classes."""
    import mmseg
    from mmengine.config import Config
    from mmengine.model.utils import revert_sync_batchnorm
    from mmseg.registry import MODELS
    from mmseg.utils import register_all_modules

    register_all_modules()
    whole = Config.fromfile(Path(mmseg.__file__).parent / ".mim" / "configs" / config)
    heads = {f"{head}.num_classes": NUM_CLASSES for head in ("decode_head", "auxiliary_head") if head in whole.model}
    wanted = {"pretrained": None, **heads, **changes}
    whole.merge_from_dict({f"model.{key}": value for key, value in wanted.items()})
    return revert_sync_batchnorm(MODELS.build(whole.model)).eval()


def answers_of(net: nn.Module, shapes: Shapes) -> dict[str, np.ndarray]:
    """The gain that it takes, and the raw logits of the main head for every size, sampled, beside their shapes."""
    deviation = float(np.mean(logits_of(net, shapes, 1.0, SIZES[0]).std((2, 3))))
    answers = {"gain": np.array(DEVIATION / deviation)}
    for height, width in SIZES:
        logits = logits_of(net, shapes, float(answers["gain"]), (height, width))
        answers[f"shape_{height}x{width}"] = np.array(logits.shape)
        answers[f"logits_{height}x{width}"] = sample(logits)
    return answers


def logits_of(net: nn.Module, shapes: Shapes, gain: float, hw: tuple[int, int]) -> np.ndarray:
    """The raw logits of the main head, (1, C, h, w)."""
    net.load_state_dict({**net.state_dict(), **weights(shapes, gain)})
    with torch.inference_mode():
        return net(image(hw), mode="tensor").numpy()


if __name__ == "__main__":
    main()
