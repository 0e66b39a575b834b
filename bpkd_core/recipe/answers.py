"""What the files that a run judges answer to an image: masks, of whole images or of windows."""

from __future__ import annotations

from collections.abc import Mapping

from bpkd_core.agreement import Relabelled
from bpkd_core.bundle import Role
from bpkd_core.data import FolderDataset, SegmentationDataset
from bpkd_core.evaluation import Predict, session_masks
from bpkd_core.foreign import ScoreSession
from bpkd_core.foreign.session import foreign_scores
from bpkd_core.infer import Session
from bpkd_core.infer.contract import LOGITS
from bpkd_core.infer.protobuf import with_output
from bpkd_core.infer.windows import Score, Slider, session_scores
from bpkd_core.recipe.records import Prepared
from bpkd_core.recipe.workshop import Workshop

Sessions = Mapping[Role, Session | ScoreSession]


def open_judged(shop: Workshop, role: Role) -> Session | ScoreSession:
    """The file that is judged: what was exported, or the teacher's own file, read as its probe says."""
    path = shop.onnx(role)
    return Session(path) if role in shop.exported else ScoreSession(path, shop.probed().reading)


def judged_data(shop: Workshop, prepared: Prepared, sessions: Sessions) -> FolderDataset | Relabelled:
    """The split to judge on, with its labels or, where nobody has labelled it, with the masks of the teacher's file."""
    data = shop.data(prepared.split)
    return data if data.labelled else Relabelled(data, masks_of(shop, "teacher", sessions["teacher"], data))


def masks_of(shop: Workshop, role: Role, session: Session | ScoreSession, data: SegmentationDataset) -> Predict:
    """The masks of a file, in windows if the run asks for it. Raises InvalidInput for an exported one of other classes.

    Windows want scores: an exported file that does not give them is run from a copy in memory that does.
    """
    windows = shop.spec.eval
    whole = session_masks(session, data) if isinstance(session, Session) else lambda _, image: session.predict(image)
    if windows.window is None or windows.stride is None:
        return whole
    slider = Slider(scores_of(shop, role, session), windows.window, windows.stride)
    return lambda _, image: slider.predict(image)


def scores_of(shop: Workshop, role: Role, session: Session | ScoreSession) -> Score:
    """The scores behind the masks of a file."""
    if isinstance(session, ScoreSession):
        return foreign_scores(session)
    return session_scores(Session(with_output(shop.onnx(role).read_bytes(), LOGITS)))
