"""ultralytics: every configuration that it ships, at 640x640; classifiers at 224x224."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import ultralytics
from ultralytics.nn import tasks

from tools.coverage.specs import Made, call, image

DISTRIBUTIONS = ("ultralytics",)

_CLASSES = {
    "-cls": tasks.ClassificationModel,
    "-seg": tasks.SegmentationModel,
    "-pose": tasks.PoseModel,
    "-obb": tasks.OBBModel,
    "rtdetr": tasks.RTDETRDetectionModel,
    "yoloe": tasks.YOLOEModel,
    "world": tasks.WorldModel,
}
# Heads that are read from a class which not every release has.
_LATER = {"-depth": "DepthModel", "-sem": "SemanticModel"}


def _made(path: Path) -> Made:
    kind = next((kind for part, kind in _CLASSES.items() if part in path.stem), tasks.DetectionModel)
    if "yoloe" in path.stem and "-seg" in path.stem:
        kind = tasks.YOLOESegModel
    for part, name in _LATER.items():
        kind = getattr(tasks, name, kind) if part in path.stem else kind
    return call(kind(str(path), verbose=False), image(224 if "-cls" in path.stem else 640))


_FILES = sorted((Path(ultralytics.__file__).parent / "cfg" / "models").rglob("*.yaml"))
# Those with a backbone of torchvision's fetch its weights.
NETWORKS = {path.stem: partial(_made, path) for path in _FILES if "-cls-resnet" not in path.stem}
