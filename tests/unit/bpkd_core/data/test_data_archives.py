"""Archives of strangers: what comes out, and what does not."""

from __future__ import annotations

import io
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest

from bpkd_core.data.archives import Limits, is_archive, unpack
from bpkd_core.errors import StorageFull, UnsafeArchive

FILES = {"images/train/a.jpg": b"a" * 3000, "masks/train/a.png": b"m", "classes.json": b"[]"}
Pack = Callable[[Path, Mapping[str, bytes]], Path]


def pack_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def pack_tar(path: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def pack_tar_gz(path: Path, files: Mapping[str, bytes]) -> Path:
    return pack_tar(path, files, "w:gz")


PACKS = pytest.mark.parametrize("pack", [pack_zip, pack_tar, pack_tar_gz])


def found(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@PACKS
def test_files_come_out_as_they_went_in(pack: Pack, tmp_path: Path) -> None:
    """Whatever the archive is called: its bytes say what it is."""
    archive = pack(tmp_path / "upload", FILES)
    assert is_archive(archive)
    unpacked = unpack(archive, tmp_path / "out")
    assert found(tmp_path / "out") == FILES
    assert (unpacked.files, unpacked.bytes) == (3, 3003)


@PACKS
def test_progress_counts_the_archives_bytes(pack: Pack, tmp_path: Path) -> None:
    """Whoever waits sees it move, and the supervisor sees that it is alive."""
    archive = pack(tmp_path / "upload", FILES)
    told: list[tuple[int, int]] = []
    unpack(archive, tmp_path / "out", progress=lambda done, total: told.append((done, total)))
    assert len(told) == 3
    assert all(0 < done <= total == archive.stat().st_size for done, total in told)


def test_what_a_dead_process_left_is_cleared_away(tmp_path: Path) -> None:
    """The folder is there whole or not at all, and half of it is not there for ever."""
    (tmp_path / ".out.1" / "images").mkdir(parents=True)
    unpack(pack_zip(tmp_path / "upload", FILES), tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"upload", "out"}


def test_folders_that_are_named_are_made(tmp_path: Path) -> None:
    """`tar` names every folder, the root itself included."""
    source = tmp_path / "source"
    (source / "images" / "empty").mkdir(parents=True)
    (source / "classes.json").write_text("[]")
    with tarfile.open(tmp_path / "upload", "w") as archive:
        archive.add(source, ".")
    unpack(tmp_path / "upload", tmp_path / "out")
    assert (tmp_path / "out" / "images" / "empty").is_dir()
    assert found(tmp_path / "out") == {"classes.json": b"[]"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../evil", r"leads out of the archive"),
        ("images/../../evil", r"leads out of the archive"),
        ("images\\..\\..\\evil", r"leads out of the archive"),
        ("/etc/evil", "is absolute"),
        ("\\\\host\\evil", "is absolute"),
        ("C:evil", "is absolute"),
        ("c:\\evil", "is absolute"),
        ("a\nb", "control characters"),
        ("a\x1b[31m", "control characters"),
        ("a" * 256, "too long"),
        ("/".join("a" * 18), "below more than 16 folders"),
        (".", "names no file"),
    ],
)
@PACKS
def test_a_name_that_is_no_plain_relative_one_is_refused(pack: Pack, name: str, why: str, tmp_path: Path) -> None:
    """Nothing is written outside the folder, and what was written inside is taken back."""
    archive = pack(tmp_path / "upload", {"good": b"x", name: b"evil"})
    with pytest.raises(UnsafeArchive, match=why) as refusal:
        unpack(archive, tmp_path / "in" / "out")
    assert refusal.value.samples[0].isascii()
    assert refusal.value.samples[0].isprintable()
    assert found(tmp_path) == {"upload": archive.read_bytes()}


def test_a_zero_byte_does_not_end_a_name(tmp_path: Path) -> None:
    """The library cuts the name there; the entry would be another than the one that was looked at."""
    archive = pack_zip(tmp_path / "upload", {"ok.png_evil": b"x"})
    archive.write_bytes(archive.read_bytes().replace(b"ok.png_evil", b"ok.png\0evil"))
    with pytest.raises(UnsafeArchive, match="control characters"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize(
    "names",
    [
        ("a.png", "a.png"),
        ("a.png", "A.png"),
        ("images/a.png", "Images/b.png"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("\u00e9.png", "e\u0301.png"),
        ("a/./b", "a//b"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
@PACKS
def test_names_that_some_system_would_mix_up_are_refused(pack: Pack, names: tuple[str, str], tmp_path: Path) -> None:
    """A mask could belong to either of two images."""
    if pack is pack_zip:
        with zipfile.ZipFile(tmp_path / "upload", "w") as archive:
            for name in names:
                archive.writestr(name, name)
    else:
        with tarfile.open(tmp_path / "upload", "w") as tar:
            for name in names:
                tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(UnsafeArchive, match=r"comes twice|only by upper and lower case|names no file"):
        unpack(tmp_path / "upload", tmp_path / "out")


KINDS = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tar_holds_regular_files_only(kind: bytes, tmp_path: Path) -> None:
    """A link would lead the next entry out of the folder; a device would be worse."""
    with tarfile.open(tmp_path / "upload", "w") as archive:
        entry = tarfile.TarInfo("images")
        entry.type, entry.linkname = kind, "/etc"
        archive.addfile(entry)
        archive.addfile(tarfile.TarInfo("images/passwd"))
    with pytest.raises(UnsafeArchive, match="link or a device"):
        unpack(tmp_path / "upload", tmp_path / "out")
    assert found(tmp_path / "out") == {}


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_zip_holds_regular_files_only(mode: int, tmp_path: Path) -> None:
    """Unix zips keep the file's mode, and with it links."""
    entry = zipfile.ZipInfo("images")
    entry.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "upload", "w") as archive:
        archive.writestr(entry, "/etc")
    with pytest.raises(UnsafeArchive, match="link or a device"):
        unpack(tmp_path / "upload", tmp_path / "out")


def test_modes_of_an_archive_are_not_kept(tmp_path: Path) -> None:
    """A file that nobody may read could not be checked, and one that runs has no business here."""
    with tarfile.open(tmp_path / "upload", "w") as archive:
        entry = tarfile.TarInfo("run")
        entry.mode = 0o4777
        archive.addfile(entry)
    unpack(tmp_path / "upload", tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out" / "run").stat().st_mode) & 0o7111 == 0


@PACKS
def test_a_bomb_is_stopped_while_it_is_written(pack: Pack, tmp_path: Path) -> None:
    """Counted as it comes out: what the archive says of its size may be a lie."""
    limits = Limits(free_bytes=1 << 20, ratio=10)
    archive = pack(tmp_path / "upload", {f"{number}.png": bytes(1 << 19) for number in range(40)})
    if pack is pack_tar:  # which does not compress: nothing comes out that did not go in
        unpack(archive, tmp_path / "out", limits=limits)
        return
    with pytest.raises(UnsafeArchive, match="far more than its own size"):
        unpack(archive, tmp_path / "out", limits=limits)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(entries=2), "more than 2 entries"),
        (Limits(file_bytes=2048), "is larger than"),
        (Limits(total_bytes=3001), "beyond"),
    ],
)
@PACKS
def test_each_limit_holds(pack: Pack, limits: Limits, why: str, tmp_path: Path) -> None:
    """Entries, bytes of a file, bytes of all."""
    with pytest.raises(UnsafeArchive, match=why):
        unpack(pack(tmp_path / "upload", FILES), tmp_path / "out", limits=limits)


def test_overlapping_entries_are_counted_as_often_as_they_come_out(tmp_path: Path) -> None:
    """A zip whose entries all point at one stream unpacks to any size: each name is paid for."""
    archive = pack_zip(tmp_path / "upload", {f"{n:03}.png": bytes(1 << 16) for n in range(100)})
    data = bytearray(archive.read_bytes())
    first = data.find(b"PK\1\2")
    at = first
    while (at := data.find(b"PK\1\2", at + 1)) > 0:
        data[at + 42 : at + 46] = bytes(4)  # every local header is the first one
    archive.write_bytes(data)
    with pytest.raises(UnsafeArchive):
        unpack(archive, tmp_path / "out", limits=Limits(free_bytes=1 << 20, ratio=1))


def test_a_tar_cannot_describe_without_end(tmp_path: Path) -> None:
    """A long name is read into memory whole, so it must be a name."""
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    (tmp_path / "upload").write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 12))
    with pytest.raises(UnsafeArchive, match="describes an entry"):
        unpack(tmp_path / "upload", tmp_path / "out")


@pytest.mark.parametrize("far", [False, True])
def test_a_zip_cannot_list_without_end(far: bool, tmp_path: Path) -> None:
    """The list is read into memory whole; zips of more than 4 GiB say its length in another place."""
    archive = pack_zip(tmp_path / "upload", FILES)
    data = bytearray(archive.read_bytes())
    end = data.rfind(b"PK\5\6")
    data[end + 12 : end + 16] = (0x7FFF_FFFF).to_bytes(4, "little")
    if far:
        large = b"PK\6\6" + bytes(36) + (1 << 40).to_bytes(8, "little") + bytes(8)
        data[end:end] = large + b"PK\6\7" + bytes(16)
    archive.write_bytes(data)
    with pytest.raises(UnsafeArchive, match="list of contents"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize(
    ("local", "central", "value", "says"),
    [(4, 6, 99, "zip file version 9.9"), (6, 8, 0x20, "compressed patched data"), (6, 8, 0x40, "strong encryption")],
)
def test_a_zip_of_a_kind_that_nobody_reads_is_refused(
    local: int, central: int, value: int, says: str, tmp_path: Path
) -> None:
    """zipfile raises NotImplementedError for these, which would look like a gap of ours."""
    whole = bytearray(pack_zip(tmp_path / "upload", FILES).read_bytes())
    whole[local] = whole[whole.index(b"PK\1\2") + central] = value
    (tmp_path / "upload").write_bytes(whole)
    with pytest.raises(UnsafeArchive, match=says):
        unpack(tmp_path / "upload", tmp_path / "out")


def test_an_encrypted_zip_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Nobody is there to ask for its password."""
    archive = pack_zip(tmp_path / "upload", {"a.png": b"x"})
    data = bytearray(archive.read_bytes())
    for magic, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.find(magic) + flags] |= 1
    archive.write_bytes(data)
    with pytest.raises(UnsafeArchive, match="is encrypted"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("data", [b"", b"x", b"\x89PNG\r\n\x1a\n" + bytes(600), b"PK\3\4", b"\x1f\x8b", b"Rar!" * 200])
def test_what_is_no_archive_is_refused_with_a_sentence(data: bytes, tmp_path: Path) -> None:
    """A picture, half a file, nothing at all."""
    (tmp_path / "upload").write_bytes(data)
    with pytest.raises(UnsafeArchive, match=r"no archive that is read|is damaged"):
        unpack(tmp_path / "upload", tmp_path / "out")


@PACKS
def test_an_empty_archive_is_refused(pack: Pack, tmp_path: Path) -> None:
    """It is most likely not what was meant."""
    with pytest.raises(UnsafeArchive, match=r"is empty|is damaged|no archive"):
        unpack(pack(tmp_path / "upload", {}), tmp_path / "out")


@PACKS
def test_damage_never_raises_anything_else(pack: Pack, tmp_path: Path) -> None:
    """Bytes flipped and ends cut off: a refusal, or files below the folder; no other error, and no other place."""
    whole = pack(tmp_path / "upload", FILES).read_bytes()
    dice = random.Random(0)
    for number in range(150):
        data = bytearray(whole[: dice.randrange(len(whole) // 2, len(whole) + 1)])
        for _ in range(dice.randrange(8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        (tmp_path / "upload").write_bytes(data)
        with suppress(UnsafeArchive):
            unpack(tmp_path / "upload", tmp_path / "outs" / str(number))
    assert {path.name for path in tmp_path.iterdir()} <= {"upload", "outs"}


def test_a_full_disk_is_no_fault_of_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same archive may be unpacked later."""
    archive = pack_zip(tmp_path / "upload", FILES)
    real = Path.open

    def full(path: Path, mode: str = "r") -> IO[Any]:
        return real(Path("/dev/full"), "wb", buffering=0) if mode == "xb" else real(path, mode)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageFull, match="No room"):
        unpack(archive, tmp_path / "out")
