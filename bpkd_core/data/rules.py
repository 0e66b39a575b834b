"""Everything that the check of a dataset can say, in the order in which a report says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bpkd_core.data.report import Severity


class Rule(NamedTuple):
    """A code, how bad it is, and what to say: `{n}` becomes the number of places, `{detail}` what was seen there."""

    code: str
    severity: Severity
    message: str
    fix: str


RULES: Mapping[str, Rule] = {
    "unsafe_archive": Rule(
        "unsafe_archive",
        "error",
        "{detail}",
        "Pack the folder again as zip, tar or tar.gz, with regular files only and each under one relative name.",
    ),
    "missing_classes_json": Rule(
        "missing_classes_json",
        "error",
        "classes.json is missing; expected a list of the classes' ids, names and colours beside images and masks.",
        'Write [{{"id": 0, "name": "sky", "color": [70, 130, 180]}}, ...] to classes.json.',
    ),
    "bad_classes_json": Rule(
        "bad_classes_json",
        "error",
        "{detail}",
        'Write [{{"id": 0, "name": "sky", "color": [70, 130, 180]}}, ...] to classes.json, ids from 0 without a gap.',
    ),
    "bad_layout": Rule(
        "bad_layout",
        "error",
        "{detail}",
        "Put plain files into images/{{train,val,test}} and masks/{{train,val,test}}.",
    ),
    "empty_split": Rule(
        "empty_split",
        "error",
        "Splits without any image: {n} ({detail}); expected JPEG, PNG or WebP files for train and val.",
        "Put images into images/train; without images/val a tenth of two or more train images is held out.",
    ),
    "missing_pair": Rule(
        "missing_pair",
        "error",
        "Images without a mask: {n}; expected one for each.",
        "Add PNGs of the same names below masks, take the images away, or train on a teacher's labels (labels: mixed).",
    ),
    "missing_image": Rule(
        "missing_pair",
        "error",
        "Images that a list names and that are not there: {n}.",
        "Add the images, or take their names out of the list.",
    ),
    "corrupt_image": Rule(
        "corrupt_image",
        "error",
        "Images that cannot be read whole: {n}; expected 8-bit PNG, JPEG or WebP files. {detail}",
        "Copy or export these images again.",
    ),
    "corrupt_mask": Rule(
        "corrupt_image",
        "error",
        "Masks that cannot be read whole: {n}; expected 8-bit PNG files. {detail}",
        "Copy or export these masks again.",
    ),
    "mask_rgb_not_index": Rule(
        "mask_rgb_not_index",
        "error",
        "Masks that hold colours: {n} (mode {detail}); expected one 8-bit channel of class ids.",
        "Save the masks as grey or palette PNG whose values are the ids of classes.json.",
    ),
    "mask_lossy_colours": Rule(
        "mask_lossy_colours",
        "error",
        "Masks with a great many colours that no class has: {n} ({detail}); expected flat areas of class colours.",
        "Save masks as PNG, never as JPEG, and resize them by nearest neighbour only.",
    ),
    "sixteen_bit_mask": Rule(
        "sixteen_bit_mask",
        "error",
        "Masks with more than 8 bits: {n} (mode {detail}); expected 8-bit class ids.",
        "Save the masks with 8 bits; ids reach 254, and 255 means no label.",
    ),
    "size_mismatch": Rule(
        "size_mismatch",
        "error",
        "Masks of another size than their image: {n} ({detail}); expected equal sizes.",
        "Export image and mask at the same size; resize masks by nearest neighbour only.",
    ),
    "exif_rotation_mismatch": Rule(
        "exif_rotation_mismatch",
        "error",
        "Images that EXIF turns and whose mask fits only after turning: {n}; expected a mask of the pixels as stored.",
        "Turn the image's pixels and drop the EXIF orientation.",
    ),
    "id_out_of_range": Rule(
        "id_out_of_range",
        "error",
        "Masks with values that classes.json does not list: {n} (found {detail}); expected listed ids or 255.",
        "Add the classes, or map these values to listed ids or to 255.",
    ),
    "id_unmapped": Rule(
        "id_unmapped",
        "error",
        "Masks with values or colours that this layout gives no meaning: {n} (found {detail}).",
        "Export the masks again as the layout has them, or name the right layout.",
    ),
    "one_class_split": Rule(
        "one_class",
        "error",
        "Every labelled pixel of train is one class ({detail}); expected at least two to tell apart.",
        "Add images that show another class, or label the background as a class of its own.",
    ),
    "one_class_measured": Rule(
        "one_class",
        "warning",
        "Splits to measure on whose labelled pixels are all one class: {n} ({detail}); their mIoU says little.",
        "Add images that show the other classes.",
    ),
    "unlabelled_split": Rule(
        "all_ignore_mask",
        "error",
        "Splits without a single labelled pixel: {n} ({detail}); expected masks that hold class ids.",
        "Label some of their images: nothing can be learned from void, nor measured on it.",
    ),
    "exif_turned": Rule(
        "exif_rotation_mismatch",
        "warning",
        "Images with an EXIF orientation, which is not applied: {n}; expected upright pixels.",
        "Check in a picture that mask and image agree; if not, turn the image's pixels.",
    ),
    "stray_mask": Rule(
        "missing_pair",
        "warning",
        "Masks without an image: {n}; they are not used.",
        "Add the images if they should be part of the dataset.",
    ),
    "all_ignore_mask": Rule(
        "all_ignore_mask",
        "warning",
        "Masks without a single labelled pixel: {n}; they teach nothing.",
        "Label them or take them away.",
    ),
    "train_val_duplicate": Rule(
        "train_val_duplicate",
        "warning",
        "Images of val or test that also lie in train, byte for byte: {n}; measured quality will be too good.",
        "Keep each image in one split.",
    ),
    "class_only_in_val": Rule(
        "class_only_in_val",
        "warning",
        "Classes that val or test hold and train does not: {n}; they cannot be learned and count as failures.",
        "Move some of their images to train, or take the classes out.",
    ),
    "class_absent_in_train": Rule(
        "class_absent_in_train",
        "warning",
        "Classes of classes.json that no split holds: {n}; the student spends outputs on them.",
        "Take them out of classes.json, or add images that show them.",
    ),
    "background_class": Rule(
        "background_class",
        "info",
        "Labels named background that are learned like any other class: {n}.",
        "Nothing, if it means the rest of the scene; rename it to void in the label map if it means not labelled.",
    ),
    "withheld_test": Rule(
        "withheld_test",
        "info",
        "The labels of the test split are withheld by the dataset's authors; final numbers come from val.",
        "Nothing.",
    ),
    "unlabelled_images": Rule(
        "unlabelled_images",
        "info",
        "Images without labels: {n}; the student learns the teacher's answers on those of train, and val or test "
        "leave them out where others are labelled.",
        "Nothing; label some of val to measure accuracy instead of agreement with the teacher.",
    ),
    "rare_class": Rule(
        "rare_class",
        "info",
        "Classes with less than 0.1 % of the labelled pixels of train: {n}; their IoU will be uncertain.",
        "Add images that show them.",
    ),
}
