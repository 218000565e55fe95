"""Ten real networks on the processor: whose time it was, forward and backward."""

from __future__ import annotations

import pytest

from netscope.machine.timing.attribution import attribute
from netscope.machine.timing.backends.cpu import Cpu
from netscope.machine.timing.inputs import arguments
from netscope.machine.timing.scopes import recorded
from netscope.machine.timing.steps import Inference, Training
from netscope.machine.timing.weights import materialised
from netscope.sources import resolve

pytestmark = pytest.mark.whole

NETWORKS = {
    "alexnet": "3x64x64",
    "squeezenet1_1": "3x64x64",
    "resnet18": "3x64x64",
    "densenet121": "3x64x64",
    "mobilenet_v3_large": "3x64x64",
    "efficientnet_b0": "3x64x64",
    "shufflenet_v2_x1_0": "3x64x64",
    "googlenet": "3x64x64",
    "swin_t": "3x64x64",
    "vit_b_32": None,
}


@pytest.mark.filterwarnings("ignore:The default weight initialization:FutureWarning")
@pytest.mark.parametrize("name", NETWORKS)
def test_operators_have_layers(name: str):
    pytest.importorskip("torchvision")
    workload = resolve(f"torchvision/{name}", input=NETWORKS[name], batch=2)
    module = materialised(workload, "cpu")
    args, kwargs = arguments(workload, "cpu")
    for train, wanted in ((False, 0.99), (True, 0.95)):
        module.train(train)
        step = Training(module, args, kwargs, "sgd") if train else Inference(module, args, kwargs)
        found = attribute(recorded(step, module, Cpu(), 1), on_device=False)
        assert found.share is not None
        assert found.share >= wanted
        paths = {path for path, _ in module.named_modules()}
        assert found.layers.keys() <= paths
        assert found.reconciled(found.span).residual == pytest.approx(0, abs=1e-6)
        backwards = [layer for layer in found.layers.values() if layer.backward]
        assert bool(backwards) == train
