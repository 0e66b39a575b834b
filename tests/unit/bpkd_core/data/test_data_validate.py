from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bpkd_core.data import Report, check
from bpkd_core.data.rules import RULES
from bpkd_core.errors import InvalidDataset


def rewrite_mask(root: Path, place: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    path = root / "masks" / f"{place}.png"
    Image.fromarray(change(np.array(Image.open(path)))).save(path)


def drop_class_from_train(root: Path, value: int) -> None:
    for name in "abcd":
        rewrite_mask(root, f"train/{name}", lambda mask: np.where(mask == value, 255, mask).astype(np.uint8))


def add_classes(root: Path, *names: str) -> None:
    classes = json.loads((root / "classes.json").read_text())
    classes += [{"id": len(classes) + i, "name": name, "color": [9, 9, 9]} for i, name in enumerate(names)]
    (root / "classes.json").write_text(json.dumps(classes))


def turn(root: Path, *, swap: bool) -> None:
    """Store a.jpg with the EXIF note that viewers turn it; its mask is drawn on the turned picture if `swap`."""
    image = Image.open(root / "images/train/a.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(root / "images/train/a.jpg", exif=exif)
    if swap:
        rewrite_mask(root, "train/a", np.rot90)


def widen(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint16) * 256


def make_rare(root: Path) -> None:
    drop_class_from_train(root, 2)
    rewrite_mask(
        root, "train/a", lambda mask: np.where(np.arange(mask.size).reshape(mask.shape) == 7, 2, mask).astype("u1")
    )


def spoil_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


# each row: what to break, then the finding's rule, severity, count, first sample, and a word of its message
CASES: list[tuple[Callable[[Path], object], str, str, int, str, str]] = [
    (lambda r: (r / "classes.json").unlink(), "missing_classes_json", "error", 1, "classes.json", "missing"),
    (lambda r: (r / "classes.json").write_text("{"), "bad_classes_json", "error", 1, "classes.json", "does not parse"),
    (lambda r: (r / "images/train/z.png").symlink_to("/etc/hosts"), "bad_layout", "error", 1, "images/train/z.png",
     "leads out"),
    (lambda r: shutil.rmtree(r / "images/train"), "empty_split", "error", 1, "images/train", "train"),
    (lambda r: (r / "masks/train/b.png").unlink(), "missing_pair", "error", 1, "images/train/b.jpg", "without a mask"),
    (lambda r: (r / "images/val/f.jpg").unlink(), "stray_mask", "warning", 1, "masks/val/f.png", "without an image"),
    (lambda r: spoil_half(r / "images/val/e.jpg"), "corrupt_image", "error", 1, "images/val/e.jpg", "read"),
    (lambda r: spoil_half(r / "masks/val/e.png"), "corrupt_mask", "error", 1, "masks/val/e.png", "read"),
    (lambda r: shutil.copy(r / "images/train/a.jpg", r / "masks/train/a.png"), "mask_rgb_not_index", "error", 1,
     "masks/train/a.png", "mode RGB"),
    (lambda r: rewrite_mask(r, "train/c", widen), "sixteen_bit_mask", "error", 1, "masks/train/c.png", "8 bits"),
    (lambda r: rewrite_mask(r, "train/c", lambda m: m[:-1]), "size_mismatch", "error", 1, "masks/train/c.png",
     "a mask of 32x23 on an image of 32x24"),
    (lambda r: turn(r, swap=True), "exif_rotation_mismatch", "error", 1, "images/train/a.jpg", "EXIF"),
    (lambda r: turn(r, swap=False), "exif_turned", "warning", 1, "images/train/a.jpg", "not applied"),
    (lambda r: rewrite_mask(r, "test/g", lambda m: m + (m < 255).astype("u1")), "id_out_of_range", "error", 1,
     "masks/test/g.png", "found 3"),
    (lambda r: rewrite_mask(r, "train/d", lambda m: np.full_like(m, 255)), "all_ignore_mask", "warning", 1,
     "masks/train/d.png", "labelled"),
    (lambda r: [rewrite_mask(r, f"val/{n}", lambda m: np.full_like(m, 255)) for n in "ef"], "unlabelled_split", "error",
     1, "images/val", "val"),
    (lambda r: shutil.copy(r / "images/train/a.jpg", r / "images/val/e.jpg"), "train_val_duplicate", "warning", 1,
     "images/val/e.jpg", "byte for byte"),
    (lambda r: drop_class_from_train(r, 2), "class_only_in_val", "warning", 1, "sky", "cannot be learned"),
    (lambda r: add_classes(r, "tram", "horse"), "class_absent_in_train", "warning", 2, "tram", "no split holds"),
    (make_rare, "rare_class", "info", 1, "sky", "0.1 %"),
    (lambda r: [rewrite_mask(r, f"train/{n}", lambda m: np.where(m == 1, m, 255).astype("u1")) for n in "abcd"],
     "one_class_split", "error", 1, "images/train", "one class (car)"),
    (lambda r: rewrite_mask(r, "test/g", lambda m: np.where(m == 1, m, 255).astype("u1")), "one_class_measured",
     "warning", 1, "images/test", "(car)"),
]  # fmt: skip
ELSEWHERE = {  # rules that the canonical layout cannot break, in test_data_layouts.py; the last one below
    "id_unmapped", "mask_lossy_colours", "missing_image", "withheld_test", "background_class", "unlabelled_images",
    "unsafe_archive",  # test_data_archives.py
}  # fmt: skip


@pytest.mark.parametrize(("damage", "rule", "severity", "count", "sample", "word"), CASES, ids=[c[1] for c in CASES])
def test_each_fault_gives_its_own_finding(
    root: Path, damage: Callable[[Path], object], rule: str, severity: str, count: int, sample: str, word: str
) -> None:
    # the report must name the code, the place and the cure, and blame nothing else with the same severity
    damage(root)
    report = check(root)
    findings = [f for f in report.findings if f.code == RULES[rule].code and f.severity == severity]
    assert len(findings) == 1, report.findings
    finding = findings[0]
    assert (finding.count, finding.samples[0]) == (count, sample)
    assert word in finding.message
    assert finding.fix.endswith(".")
    assert "{" not in finding.message.replace("[{", "")
    assert report.ok == (severity != "error")
    assert [f.code for f in report.errors if f is not finding] == []


def test_every_rule_has_a_case() -> None:
    # a rule that no damage can break is dead, and one that is never tried may be wrong
    assert {case[1] for case in CASES} == set(RULES) - ELSEWHERE


def test_a_sound_dataset_has_no_findings(root: Path) -> None:
    # false alarms teach people to ignore reports
    report = check(root)
    assert report.ok
    assert report.findings == ()
    assert [(s.name, s.images, s.source) for s in report.splits] == [
        ("train", 4, "images/train"),
        ("val", 2, "images/val"),
        ("test", 1, "images/test"),
    ]
    assert report.sizes == {"32x24": 7}
    assert report.evaluation_split == "test"
    assert len(report.sha256) == 64


def test_class_shares_are_of_labelled_pixels(root: Path) -> None:
    # void is no class, so the shares of the classes add up to one
    report = check(root)
    masks = np.stack([np.array(Image.open(root / f"masks/train/{name}.png")) for name in "abcd"])
    labelled = (masks != 255).sum()
    for each in report.classes:
        assert each.share["train"] == pytest.approx((masks == each.id).sum() / labelled)
    assert report.splits[0].void_share == pytest.approx((masks == 255).mean())
    assert sum(each.share["val"] for each in report.classes) == pytest.approx(1)


def test_a_held_out_split_is_stated(root: Path) -> None:
    # the reader must see that nobody chose the validation images
    shutil.rmtree(root / "images/val")
    shutil.rmtree(root / "images/test")
    report = check(root)
    assert report.ok
    assert [split.name for split in report.splits] == ["train", "val"]
    assert sum(split.images for split in report.splits) == 4
    assert "held out" in report.splits[1].source
    assert report.evaluation_split == "val"


def test_samples_stop_at_twenty_and_the_count_goes_on(root: Path) -> None:
    # a report about a hundred thousand files has to stay readable
    for number in range(30):
        shutil.copy(root / "images/train/a.jpg", root / f"images/train/n{number:02}.jpg")
    finding = next(f for f in check(root).findings if f.code == "missing_pair")
    assert finding.count == 30
    assert len(finding.samples) == 20
    assert finding.samples[0] == "images/train/n00.jpg"


def test_several_faults_are_all_reported(root: Path) -> None:
    # one upload, one report: nobody wants to mend a dataset fault by fault
    (root / "masks/train/a.png").unlink()
    rewrite_mask(root, "train/b", lambda mask: mask[:, :-2])
    (root / "images/val/e.jpg").write_bytes(b"no image")
    codes = {finding.code for finding in check(root).errors}
    assert codes == {"missing_pair", "size_mismatch", "corrupt_image"}


def test_raising_carries_the_report_and_the_cure(root: Path) -> None:
    # the runner turns this into the job's error
    (root / "masks/train/a.png").unlink()
    (root / "images/val/e.jpg").write_bytes(b"no image")
    with pytest.raises(InvalidDataset, match=r"without a mask: 1; .* \(1 more kinds of error\.\)") as caught:
        check(root).raise_if_bad()
    assert caught.value.report is not None
    assert caught.value.report["ok"] is False
    assert caught.value.hint == RULES["missing_pair"].fix


def test_a_report_that_is_ok_raises_nothing_and_is_json(root: Path) -> None:
    # warnings do not stop a job, and the report crosses process and HTTP borders
    (root / "images/val/f.jpg").unlink()
    report: Report = check(root)
    report.raise_if_bad()
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["code"] == "missing_pair"


def test_progress_counts_every_pair(root: Path) -> None:
    # a person in front of fifty thousand images wants to see it move
    calls: list[tuple[int, int]] = []
    check(root, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 7) for done in range(1, 8)]


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    # there is nothing to report about
    with pytest.raises(InvalidDataset, match="no folder"):
        check(tmp_path / "nowhere")


def test_an_empty_folder_gives_a_report(tmp_path: Path) -> None:
    # the commonest first mistake: the wrong level of the tree
    codes = [finding.code for finding in check(tmp_path).errors]
    assert codes == ["missing_classes_json", "empty_split"]


# Without labels


def unlabel(root: Path, *splits: str) -> None:
    for split in splits:
        shutil.rmtree(root / "masks" / split)


def test_a_teachers_labels_need_no_masks_at_all(root: Path) -> None:
    # photographs are cheap, masks are not; what is missing is said, and forbids nothing
    unlabel(root, "train", "val", "test")
    assert not check(root).ok
    report = check(root, labels="teacher")
    assert report.ok
    (finding,) = report.findings
    assert (finding.code, finding.severity, finding.count) == ("unlabelled_images", "info", 7)
    assert [split.labelled for split in report.splits] == [0, 0, 0]


def test_with_a_teachers_labels_the_masks_of_train_are_not_even_read(root: Path) -> None:
    # a spoilt mask must not stop a training that will not look at it; val is measured on its masks
    (root / "masks/train/a.png").write_bytes(b"spoilt")
    assert not check(root, labels="mixed").ok
    report = check(root, labels="teacher")
    assert report.ok
    assert (report.labelled("train"), report.labelled("val")) == (0, 2)


def test_mixed_labels_count_what_is_there(root: Path) -> None:
    # images that somebody has labelled teach more than a teacher's guess
    (root / "masks/train/a.png").unlink()
    shutil.copytree(root / "images/val", root / "images/unlabeled")
    assert [f.code for f in check(root).errors] == ["missing_pair"]
    report = check(root, labels="mixed")
    assert report.ok
    assert (report.labelled("train"), report.unlabelled) == (3, 2)
    assert next(f.count for f in report.findings if f.code == "unlabelled_images") == 3


def test_unlabelled_images_alone_may_be_the_training_set(root: Path) -> None:
    # as long as there is something to watch the training with
    shutil.rmtree(root / "images/train")
    shutil.rmtree(root / "masks/train")
    shutil.copytree(root / "images/test", root / "images/unlabeled")
    assert check(root, labels="teacher").ok
    assert not check(root).ok
