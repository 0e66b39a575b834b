"""Files below a folder by their names, and nothing that lies outside it."""

from __future__ import annotations

from pathlib import Path

from bpkd_core.errors import InvalidDataset

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MASK_SUFFIXES = (".png",)


def list_files(root: Path, folder: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files below root/folder by name (the relative path without its suffix), sorted; hidden files are skipped.

    Raises InvalidDataset for a file that is, or lies behind, a link out of the root, and for two files of one name.
    """
    refuse_escape(root, root / folder)
    found: dict[str, Path] = {}
    for path in sorted((root / folder).rglob("*")):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes:
            continue
        if path.is_symlink():  # rglob enters no linked folder, so only the file itself can lead out
            refuse_escape(root, path)
        if not path.is_file():
            continue
        name = path.relative_to(root / folder).with_suffix("").as_posix()
        if name in found:
            relative = path.relative_to(root).as_posix()
            raise InvalidDataset(f"{relative} and {found[name].name} share one name; a mask could belong to either.")
        found[name] = path
    return found


def refuse_escape(root: Path, path: Path) -> None:
    """Raise InvalidDataset for a path that a link leads out of the root, or nowhere."""
    place = path.relative_to(root).as_posix()
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:  # a link that leads to itself
        raise InvalidDataset(f"{place} is a link that leads nowhere; replace it by the file.") from error
    if not inside:
        raise InvalidDataset(f"{place} leads out of the dataset; copy it to its place.")


def read_text(root: Path, path: Path) -> str:
    """A small text file of the dataset. Raises InvalidDataset if it lies outside, is missing, or is no UTF-8."""
    refuse_escape(root, path)
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        place = path.relative_to(root).as_posix()
        raise InvalidDataset(f"{place} is no readable UTF-8 text; save it again.") from error


def read_names(root: Path, path: Path) -> list[str]:
    """The names of images in a list, one a line, sorted; empty without the list.

    Raises InvalidDataset for a name that leads out of its folder.
    """
    if not path.is_file():
        return []
    names = sorted({line.strip().strip('"') for line in read_text(root, path).splitlines()} - {""})
    for name in names:
        if name.startswith("/") or ".." in Path(name).parts or "\0" in name:
            place = path.relative_to(root).as_posix()
            raise InvalidDataset(f"{place} lists {name[:80]!r}; expected names of images without their suffix.")
    return names
