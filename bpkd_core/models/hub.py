"""Weights by the name that a person gives: a file, a folder, or a repository of the Hugging Face hub.

The local cache is asked first, so a machine without a network runs what another run has fetched. Nothing is unpickled
here: files are only found.
"""

from __future__ import annotations

from pathlib import Path

from bpkd_core.errors import InvalidInput, MissingExtra
from bpkd_core.spec.networks import HUB_ID

CONFIG, PIXELS = "config.json", "preprocessor_config.json"
SAFE, PICKLED = ("model.safetensors", "model.safetensors.index.json", "model-*.safetensors"), "pytorch_model.bin"
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")


def find_weights(name: str) -> Path:
    """The file that `name` means; whether there is one is seen when it is read. Raises as :func:`find_folder`."""
    path = Path(name)
    if path.is_file() or path.suffix in SUFFIXES or not (path.is_dir() or HUB_ID.fullmatch(name)):
        return path
    folder = find_folder(name)
    safe, pickled = folder / SAFE[0], folder / PICKLED
    return pickled if pickled.exists() and not safe.exists() else safe


def find_folder(name: str) -> Path:
    """The folder `name`, or the one that the hub's repository `name` is cached in, downloaded if need be.

    Raises InvalidInput for what is neither, and MissingExtra without the hub's client.
    """
    if Path(name).is_dir():
        return Path(name)
    try:
        from huggingface_hub.errors import LocalEntryNotFoundError  # of the hf extra
    except ImportError as error:
        raise MissingExtra(
            f'"{name}" is no folder here, and to ask the hub for it needs the package huggingface-hub; '
            "install bpkd with its extra hf: pip install 'bpkd[hf]'."
        ) from error
    try:
        try:
            return _snapshot(name, local_files_only=True)
        except LocalEntryNotFoundError:
            return _snapshot(name, local_files_only=False)
    except Exception as error:  # the hub's client, its HTTP library and its validators each have errors of their own
        raise InvalidInput(
            f'"{name}" is no folder, is not in the local cache of the hub and cannot be downloaded '
            f"({type(error).__name__}); download the repository where there is a network, and name the folder that "
            f"holds its {CONFIG} and {SAFE[0]}: /path/to/folder."
        ) from error


def _snapshot(name: str, *, local_files_only: bool) -> Path:
    """Configuration and weights, pickled ones only where there are no others."""
    from huggingface_hub import snapshot_download

    wanted = [CONFIG, PIXELS, *SAFE]
    # the person who names a network means its newest revision; its files are data, and pickles open in a limited child
    folder = Path(snapshot_download(name, allow_patterns=wanted, local_files_only=local_files_only))  # nosec B615
    if not any((folder / file).exists() for file in SAFE):
        snapshot_download(name, allow_patterns=[PICKLED], local_files_only=local_files_only)  # nosec B615
    return folder
