"""Owners of unusual tensors: shared, parametrized, lazy, sparse, complex, packed, of their own classes."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn

from tests.owners.owner import Does, L, Made, after, owner, rows


@owner("spectral norm, whose vectors move in training mode", train=True, macs=None)
def spectral_norm() -> nn.Module:
    return nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)).train()


@owner("the old spectral norm, which works in a hook", train=True, macs=None)
def old_spectral_norm() -> nn.Module:
    return nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 4)).train())


@owner("weight norm as a parametrization", quiet=True)
def weight_norm() -> nn.Module:
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)))


@owner("the old weight norm, which sets `weight` at every call")
def old_weight_norm() -> nn.Module:
    return nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 4)))


@owner("a parametrization that counts and keeps")
def parametrized() -> nn.Module:
    class Doubles(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0
            self.last: Tensor | None = None

        def forward(self, w: Tensor) -> Tensor:
            self.calls += 1
            self.last = w * 2
            return self.last

    layer = nn.Linear(4, 4)
    nn.utils.parametrize.register_parametrization(layer, "weight", Doubles())
    layer.parametrizations.weight[0].calls = 0  # registering calls it
    return nn.Sequential(layer)


@owner("pruning, whose mask makes the weight anew in a hook")
def pruned() -> nn.Module:
    from torch.nn.utils import prune

    layer = nn.Linear(4, 4)
    prune.l1_unstructured(layer, "weight", amount=0.5)
    return nn.Sequential(layer)


@owner("batch statistics that move", train=True)
def batch_norm() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4, momentum=None))


@owner("tied weights: an embedding and its head", macs=2 * 3 * 4 * 10)
def tied() -> Made:
    embed, head = nn.Embedding(10, 4, max_norm=1.0), nn.Linear(4, 10, bias=False)
    head.weight = embed.weight
    return Made(nn.Sequential(embed, head), (torch.randint(0, 10, (2, 3)),))


@owner("an embedding that renormalises its rows when it is asked (`max_norm`)", macs=L)
def max_norm() -> Made:
    embed = nn.Embedding(10, 4, max_norm=0.1)
    return Made(nn.Sequential(embed, nn.Linear(4, 4)), (torch.tensor([1, 2]),))


@owner("parameters that are views of one storage, one of which is written to")
def shared_storage() -> nn.Module:
    flat = torch.randn(24)

    def does(self: Does, x: Tensor) -> Tensor:
        self.flat[:4].add_(1)
        return self.linear(x) + self.flat[20:]

    module = Does(does)
    module.linear.weight = nn.Parameter(flat[:16].view(4, 4), requires_grad=False)
    module.linear.bias = nn.Parameter(flat[16:20], requires_grad=False)
    module.register_buffer("flat", flat)
    return module


@owner("a buffer that is also an attribute, an element of a list and a value of a dict")
def many_names() -> nn.Module:
    module = Does(lambda self, x: self.linear(x) + self.table.add_(1))
    table = torch.zeros(4)
    module.register_buffer("table", table, persistent=False)
    module.again, module.list, module.dict = [table], [table, table], {"t": table}
    return module


@owner("views of a parameter that were taken before: heads of one matrix", quiet=True)
def views_before() -> nn.Module:
    module = Does(lambda self, x: self.linear(x) + self.heads[0][0] + self.detached[0])
    module.heads = list(module.linear.weight.chunk(2))
    module.detached = module.linear.weight.detach()
    return module


@owner("parameter lists and dicts, and bare parameters", macs=L + 2 * 4 * 4, quiet=True)
def parameter_lists() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        return self.linear(x) @ self.list[0] * self.dict["s"] + self.bare

    module = Does(does)
    module.list = nn.ParameterList([torch.randn(4, 4), torch.randn(1)])
    module.dict = nn.ParameterDict({"s": torch.randn(4)})
    module.bare = nn.Parameter(torch.randn(4))
    return module


@owner("lazy layers before their first call", macs=L)
def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d()).eval()


@owner("a lazy layer behind others, in a list that torch does not know", macs=2 * L)
def lazy_hidden() -> nn.Module:
    return Does(lambda self, x: self.held[0](self.linear(x)), held=[nn.LazyLinear(4)])


@owner("a lazy layer after its first call", quiet=True)
def lazy_done() -> nn.Module:
    layer = nn.LazyLinear(4)
    layer(rows())
    return nn.Sequential(layer)


@owner("frozen and half frozen, with gradients from the last step", quiet=True)
def with_gradients() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    module[0].weight.requires_grad_(False)
    module[0].bias.grad = torch.full((4,), 0.5)
    return module


@owner("the gradient is used in the forward, and set to zero")
def uses_gradients() -> nn.Module:
    def change(self: Does) -> None:
        self.linear.weight.grad.mul_(0)
        self.linear.bias.grad = None

    module = after(change)
    module.linear.weight.grad = torch.ones(4, 4)
    module.linear.bias.grad = torch.ones(4)
    return module


@owner("a tensor with a history of gradients, as an attribute", quiet=True)
def history() -> nn.Module:
    module = Does(lambda self, x: self.linear(x) + self.kept)
    module.kept = (module.linear.weight * 2).sum(0)
    return module


@owner("a scripted child with a buffer that it writes to")
def scripted() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), torch.jit.script(nn.BatchNorm1d(4))).train()


@owner("a compiled child", quiet=True)
def compiled() -> nn.Module:
    return nn.Sequential(torch.compile(nn.Linear(4, 4), backend="eager"))


@owner("`module.compile()`, which puts a call into the module", quiet=True)
def compiled_in_place() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4))
    module.compile(backend="eager")
    return module


@owner("a dynamically quantised child", macs=None, quiet=True)
def quantized() -> nn.Module:
    from torch.ao.quantization import quantize_dynamic

    return quantize_dynamic(nn.Sequential(nn.Linear(4, 4)))


@owner("a sparse buffer that the forward scales in place", macs=None)
def sparse() -> nn.Module:
    module = Does(lambda self, x: torch.sparse.mm(self.adjacency.mul_(2), self.linear(x)))
    module.register_buffer("adjacency", torch.eye(2).to_sparse())
    return module


@owner("a sparse CSR buffer", macs=None, quiet=True)
def sparse_rows() -> nn.Module:
    module = Does(lambda self, x: self.adjacency @ self.linear(x))
    module.register_buffer("adjacency", torch.eye(2).to_sparse_csr())
    return module


@owner("a complex parameter, and a lazily conjugated view of it", macs=None)
def complex_() -> nn.Module:
    class Spectral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 4, dtype=torch.complex64))
            self.conjugate = self.weight.detach().conj()

        def forward(self, x: Tensor) -> Tensor:
            self.conjugate.mul_(2)
            return torch.view_as_real(x.to(torch.complex64) @ self.weight + self.conjugate[0])

    return Spectral()


class Scaled(Tensor):
    """Carries a scale, as an attribute."""

    scale = 1.0


@owner("a parameter of a class of its own, with attributes", quiet=True)
def subclass_parameter() -> nn.Module:
    module = Does(lambda self, x: self.linear(x) + self.offset)
    offset = torch.ones(4).as_subclass(Scaled)
    offset.scale = 2.0
    module.register_buffer("offset", offset)
    module.linear.weight.note = ["mine"]  # type: ignore[attr-defined]
    return module


@owner("a tensor of a class of its own, written to, with an attribute that counts")
def subclass_written() -> nn.Module:
    offset = torch.ones(4).as_subclass(Scaled)

    def does(self: Does, x: Tensor) -> Tensor:
        self.held[0].scale += 1
        return self.linear(x) + self.held[0].add_(1).as_subclass(Tensor)

    return Does(does, held=[offset])


class Packed(Tensor):
    """Int8 values and a scale in the coat of a float tensor."""

    values: Tensor
    scale: Tensor

    @staticmethod
    def __new__(cls, values: Tensor, scale: Tensor) -> Any:
        return Tensor._make_wrapper_subclass(cls, values.shape, dtype=scale.dtype, device=values.device)

    def __init__(self, values: Tensor, scale: Tensor) -> None:
        self.values, self.scale = values, scale

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["values", "scale"], None

    @staticmethod
    def __tensor_unflatten__(inner: dict[str, Tensor], meta: Any, size: Any, stride: Any) -> Any:
        return Packed(inner["values"], inner["scale"])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.detach.default:
            return Packed(args[0].values, args[0].scale)
        plain = torch.utils._pytree.tree_map_only(Packed, lambda p: p.values * p.scale, args)
        return func(*plain, **(kwargs or {}))


@owner("a packed weight of two tensors", macs=None, quiet=True)
def packed() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4))
    values = torch.randint(-9, 9, (4, 4), dtype=torch.int8)
    module[0].weight = nn.Parameter(Packed(values, torch.tensor(0.1)), requires_grad=False)
    return module


@owner(
    "channels-last memory, and a convolution that is written in it", macs=2 * 3 * 4 * 9 * 4 * 4, quiet=True
)
def channels_last() -> Made:
    layer = nn.Conv2d(3, 4, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    return Made(nn.Sequential(layer, nn.ReLU(inplace=True)), (x,))


@owner("an expanded tensor of stride 0, as a buffer and as an argument", quiet=True)
def expanded() -> Made:
    module = Does(lambda self, x: self.linear(x) + self.mask)
    module.register_buffer("mask", torch.ones(1).expand(2, 4))
    return Made(module, (torch.randn(1, 4).expand(2, 4),))


@owner("tensors of no elements and of no dimensions")
def empty() -> nn.Module:
    module = Does(lambda self, x: self.linear(x) * self.scalar.add_(1) + self.none.sum())
    module.register_buffer("scalar", torch.tensor(1.0))
    module.register_buffer("none", torch.zeros(0, 3))
    return module


@owner("parameters and arguments on meta: a network without weights", measured=False, quiet=True)
def on_meta() -> Made:
    return Made(nn.Sequential(nn.Linear(4, 4, device="meta")), (torch.empty(2, 4, device="meta"),))


@owner("parameters on meta in a part that is not called", quiet=True)
def partly_on_meta() -> nn.Module:
    return Does(lambda self, x: self.linear(x), idle=nn.Linear(4, 4, device="meta"))


@owner("inference tensors, as a buffer and as an argument", quiet=True)
def inference() -> Made:
    with torch.inference_mode():
        module = Does(lambda self, x: self.linear(x) + self.table)
        module.register_buffer("table", torch.ones(4))
        return Made(module, (rows(),))


@owner("a bfloat16 layer, a buffer in float64 and one of bools")
def dtypes() -> Made:
    module = Does(lambda self, x: self.linear(x).double() * self.wide + self.mask.logical_not_())
    module.linear.bfloat16()
    module.register_buffer("wide", torch.ones(4, dtype=torch.float64))
    module.register_buffer("mask", torch.tensor([True, False, True, False]))
    return Made(module, (rows().bfloat16(),))


@owner("a parameter in a WeakValueDictionary, and a weak set of tensors", quiet=True)
def weak_tensors() -> nn.Module:
    module = Does(lambda self, x: self.linear(x) + self.by_name["bias"])
    module.by_name = weakref.WeakValueDictionary({"bias": module.linear.bias})
    module.refs = [weakref.ref(module.linear.weight)]
    return module


@owner("a dict by tensor, which compares by identity")
def keyed_by_tensor() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.calls[self.linear.weight] += 1
        return self.linear(x)

    module = Does(does)
    module.calls = {module.linear.weight: 0}
    return module


@owner("an optimizer that the module holds, with state by parameter", quiet=True)
def optimizer() -> nn.Module:
    module = Does(lambda self, x: self.linear(x))
    held = torch.optim.SGD(module.linear.parameters(), lr=0.1, momentum=0.9)
    module.linear(rows()).sum().backward()
    held.step()
    module.optimizer = held
    return module


@owner("an optimizer step in the forward, without gradients", macs=L)
def optimizer_step() -> nn.Module:
    module = after(lambda self: self.optimizer.step())
    module.linear.weight.grad = torch.ones(4, 4)
    module.optimizer = torch.optim.SGD(module.linear.parameters(), lr=0.1)
    return module


@owner("a weight whose `.data` is replaced")
def data_replaced() -> nn.Module:
    return after(lambda self: setattr(self.linear.weight, "data", self.linear.weight.data * 2))


@owner("a weight changed through `.data`, `.detach()` and `numpy()`-shared memory")
def data_written() -> nn.Module:
    def change(self: Does) -> None:
        self.linear.weight.data.add_(1)
        self.linear.weight.detach().mul_(2)
        with torch.no_grad():
            self.linear.bias.copy_(self.linear.weight[0])

    return after(change)


@owner("the same through an array that shares its memory")
def data_numpy() -> nn.Module:
    table = torch.zeros(4)

    def does(self: Does, x: Tensor) -> Tensor:
        self.array += 1
        return self.linear(x) + self.table

    module = Does(does, array=table.numpy())
    module.register_buffer("table", table)
    return module


@owner("flags: `requires_grad_`, and a buffer that is made a parameter")
def flags() -> nn.Module:
    def change(self: Does) -> None:
        self.linear.weight.requires_grad_(False)
        self.linear.bias = nn.Parameter(torch.zeros(4))

    return after(change)


@owner("two tensors whose memories are swapped")
def swapped() -> nn.Module:
    def change(self: Does) -> None:
        one, other = self.linear.weight, self.other
        one.data, other.data = other.data, one.data

    module = after(change)
    module.other = nn.Parameter(torch.zeros(4, 4))
    return module


@owner("a buffer that is resized and one that is set to another's memory")
def resized() -> nn.Module:
    def change(self: Does) -> None:
        self.table.resize_(2)
        self.other.set_(self.table.untyped_storage(), 0, (2,))

    module = after(change)
    module.register_buffer("table", torch.zeros(4))
    module.register_buffer("other", torch.zeros(4))
    return module


@owner("a scripted root with a counter in a buffer", macs=L)
def scripted_root() -> nn.Module:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.register_buffer("steps", torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            self.steps.add_(1)
            return self.linear(x)

    return torch.jit.script(Counts())


@owner("a traced child in training mode, with statistics that move", macs=L)
def traced_child() -> nn.Module:
    norm = torch.jit.trace(nn.BatchNorm1d(4), torch.randn(3, 4), check_trace=False)
    return nn.Sequential(nn.Linear(4, 4), norm)


@owner("vmap over a buffer that is written to before", macs=L)
def vmapped() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.steps.add_(1)
        return torch.vmap(self.linear)(x)

    module = Does(does)
    module.register_buffer("steps", torch.zeros(1))
    return module


@owner("a tensor written through a view that was taken before, and through `out=`")
def written_through() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.row.fill_(3)
        torch.mul(self.table, 2, out=self.other)
        return self.linear(x) + self.table[0] + self.other[0]

    module = Does(does)
    module.register_buffer("table", torch.zeros(2, 4))
    module.register_buffer("other", torch.zeros(2, 4))
    module.row = module.table[0]
    return module
