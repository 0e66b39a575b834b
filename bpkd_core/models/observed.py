"""A network of another library, watched at its classifiers: what they take are the features, what they give the logits.

Libraries enlarge scores after the classifier, each in its own way, and hide the features in front of it. Watching needs
no knowledge of a network's inside, so one class serves them all.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from bpkd_core.errors import InvalidInput
from bpkd_core.models.base import Outputs, SegmentationNet

PROBED_HW = (64, 96)
"""The image that tells the stride; a network that takes only squares, or only one size, refuses it."""


class Observed(SegmentationNet):
    """`network`, asked for the scores of its classifier, and of auxiliary ones while it trains.

    A classifier is a 1x1 convolution to as many channels as there are classes, the last one counts, and it is auxiliary
    if its name says so. The stride is measured. Keys are the library's behind `network.`. Raises InvalidInput for a
    network without a classifier or with one size of images.
    """

    def __init__(self, num_classes: int, network: nn.Module) -> None:
        names = [
            name
            for name, module in network.named_modules()
            if isinstance(module, nn.Conv2d) and module.out_channels == num_classes and module.kernel_size == (1, 1)
        ]
        mains = [name for name in names if "aux" not in name]
        if not mains:
            raise InvalidInput(
                f"{type(network).__name__} ends in no 1x1 convolution to {num_classes} classes; expected a "
                "network with a dense head, such as SegFormer, UPerNet or DeepLabV3."
            )
        classifier = network.get_submodule(mains[-1])
        assert isinstance(classifier, nn.Conv2d)
        super().__init__(num_classes, stride=1, feature_channels=classifier.in_channels)
        self.network = network
        self._main, self._aux = mains[-1], [name for name in names if "aux" in name]
        self.auxiliary = tuple({f"network.{name.partition('.')[0]}." for name in self._aux})
        self.stride = self._measure_stride()

    @abstractmethod
    def call(self, images_NCHW: Tensor) -> None:
        """Run the library's network on images; what it returns is not looked at."""

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / stride), ceil(W / stride)) and the features they are read from."""
        names = [self._main, *(self._aux if self.training else ())]
        classifiers = [self.network.get_submodule(name) for name in names]
        (features, logits), *aux = watch(self.network, classifiers, lambda: self.call(images_NCHW))
        return Outputs(logits, tuple(scores for _, scores in aux), features)

    def translate_keys(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Understands the library's own names."""
        own = self.network.state_dict().keys()
        return {f"network.{key}" if key in own else key: value for key, value in weights.items()}

    def _measure_stride(self) -> int:
        try:
            with torch.no_grad():
                logits = Observed.score(self.eval(), torch.zeros(1, 3, *PROBED_HW)).logits
        except (ValueError, RuntimeError) as error:
            raise InvalidInput(
                f"{type(self.network).__name__} cannot look at an image of {PROBED_HW[0]}x{PROBED_HW[1]} "
                f"({str(error)[:200]}); expected a network that takes images of any size."
            ) from error
        self.train()
        return round(PROBED_HW[1] / logits.shape[-1])


def watch(network: nn.Module, watched: Sequence[nn.Module], run: Callable[[], None]) -> list[tuple[Tensor, Tensor]]:
    """What each watched module took, before a dropout right in front of it, and what it gave, during `run`."""
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    dropped: list[tuple[Tensor, Tensor]] = []

    def note_dropout(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        dropped[:] = [(inputs[0], output)]

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        before = [taken for taken, given in dropped if given is inputs[0]]
        seen[module] = (before[0] if before else inputs[0], output)

    dropouts = [module for module in network.modules() if isinstance(module, nn.Dropout | nn.Dropout2d)]
    hooks = [module.register_forward_hook(note_dropout) for module in dropouts]
    hooks += [module.register_forward_hook(note) for module in watched]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return [seen[module] for module in watched]
