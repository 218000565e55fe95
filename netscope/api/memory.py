"""`netscope.memory`: what a network takes of a device's memory, without running it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from netscope.api.reading import reader
from netscope.api.summary import trace
from netscope.base import arguments, collector
from netscope.base.errors import TraceError, UsageError, said
from netscope.base.request import How, Request
from netscope.base.workload import Workload, parse_dtype

if TYPE_CHECKING:
    import torch

    from netscope.answers.memory.fit import Watcher
    from netscope.api.reading import Model, Reader
    from netscope.report.memory import Measured
    from netscope.report.report import Report
    from netscope.trace.facts import Trace
    from netscope.trace.step.facts import Step
    from netscope.trace.step.program import Recipe

DEVICES = ("cpu", "cuda")
# Tokens at which a decoder's cache is looked at where only a token's part of it is asked for.
CONTEXT = 1024


def memory(
    model: Model,
    *,
    device: str | None = None,
    optimizer: str | Callable[[list[Any]], torch.optim.Optimizer] | None = "adamw",
    loss: str | Callable[[Any], Any] = "usual",
    amp: str | None = None,
    checkpoint: str | Sequence[str] = (),
    accumulate: int = 1,
    set_to_none: bool = True,
    context: int | None = None,
    shard: str | None = None,
    world: int = 8,
    measure: bool = False,
    fit: str | int | None = None,
    over: str = "batch",
    watch: Watcher | None = None,
    **how: Unpack[How],
) -> Report:
    """What a network takes of memory in a forward, and with `train=True` in a step of training.

    `netscope.memory("torchvision/resnet50", batch=32, train=True).training_peak` is in bytes. Nothing is run:
    a twin of the network goes through forward, loss, backward and the optimizer's step on tensors without
    data, and every piece of memory is followed from the operator that makes it to its end, as autograd and
    torch.optim really hold on to it in eager execution. The step is one in the midst of a training: the
    optimizer has its state already.

    Args:
        model: whatever `summary` takes; a saved answer of this verb is returned as it is.
        device: whose kernels and rules to go by, "cpu" or "cuda", which need not be there. A module's own
            without it; for a name a GPU's, if torch finds one.
        optimizer: a class of torch.optim by its name, with options after a colon ("adamw",
            "sgd:momentum=0.9", "adam:fused=true"), a function of the parameters that returns one, or None.
        loss: "usual" for the loss that the network returns, else cross-entropy over its logits, else the mean
            of what it returns; "mean" for that; or a function of what it returns.
        amp: run the forward and the loss under autocast in that dtype: "bf16", "fp16".
        checkpoint: patterns of the paths of modules whose activations are computed again in the backward
            ("layers.*"), by `torch.utils.checkpoint` without reentrance.
        accumulate: forwards and backwards, of a batch each, for one step of the optimizer.
        set_to_none: whether `zero_grad` lets gradients go, as is torch's default, or fills them with zeros.
        context: what a decoder's cache takes for so many tokens of each sequence; see `.memory.cache`.
        shard: what a rank of many takes, by arithmetic, "zero1", "zero2", "zero3" or "fsdp" (see
            `netscope.answers.memory.shard`).
        world: how many ranks there are.
        measure: run the step as well, on copies, and report what the device's allocator recorded: on a GPU
            by its statistics, on the processor by the profiler.
        fit: memory to find the largest batch for, with what to change first, as `.memory.fit`: "24GiB", or a
            machine of `netscope roofline --list` ("h200").
        over: what to vary for that: "batch"; "sequence" or, of a decoder, "context", the length of the input.
        watch: called while that is looked for with what is being done and a share that is done.
        how: what else `summary` takes: input, args, kwargs, batch, dtype, train, options, mesh, rank.

    Returns:
        A Report with `memory`, and with `memory` for each layer: `.inference_peak`, `.saved_for_backward`,
        `.training_peak` in bytes, `.timeline`, and `.saved`, `.live`, `.peak` of each of its layers.

    Raises:
        UsageError: there is no such optimizer, device or module, or what is to vary cannot; else as
            `summary`.
        TraceError: the forward or the step raised, or needs values that there are not.
    """
    found, request = reader(model), Request(**how)
    if found.ready:
        return _made(found, request, fit)
    if device is not None and device not in DEVICES:
        raise UsageError(f"memory of {arguments.told(device)} is not known.", hint="give cpu or cuda")
    if context is not None and (not arguments.is_whole(context) or context < 1):
        arguments.refuse("context", "a number of tokens", context, "write context=32768")
    if shard is not None:
        from netscope.answers.memory.shard import checked

        checked(shard, world)
        if not request.train:
            raise UsageError("shards are of a step of training.", hint="give train=True, or --train")
    patterns = [checkpoint] if isinstance(checkpoint, str) else list(checkpoint)
    if not arguments.is_whole(accumulate) or accumulate < 1:
        arguments.refuse("accumulate", "a whole number from 1 up", accumulate, "write accumulate=4")
    with collector.paused():  # torch comes in here
        from netscope.answers.memory.shard import sharded
        from netscope.trace.step.program import LOSSES, Recipe

        if isinstance(loss, str) and loss not in LOSSES:
            raise UsageError(f"no loss is named {loss!r}.", hint=f"give {' or '.join(LOSSES)}, or a function")
        recipe = Recipe(
            optimizer,
            loss,
            None if amp is None else parse_dtype(amp),
            int(accumulate),
            arguments.flag("set_to_none", set_to_none),
            tuple(patterns),
        )
        _check_amp(recipe.amp)
        if request.mesh is not None:
            _check_divided(shard=shard, context=context, measure=measure)

            def fitted(report: Report, plain: Request, workload: Workload) -> Report:
                return _with_fit(report, fit, over, found, plain, workload, recipe, watch)

            return _of_ranks(
                found, request, recipe, device or _machine(fit, over), None if fit is None else fitted
            )
        workload = found.read(request)
        assert isinstance(workload, Workload)
        device = device or _machine(fit, over) or _where(workload)
        report = remembered(
            workload,
            train=request.train,
            trained=request.train,
            recipe=recipe,
            device=device,
            context=context,
            batch=request.batch,
        )
        assert report.memory is not None
        more: dict[str, Any] = {}
        if shard is not None:
            assert report.step is not None
            more["sharded"] = sharded(report.step, shard, world)
        if measure:
            assert report.facts is not None
            more["measured"] = _measured(workload, report.facts, recipe, device, request.train)
        report = report.but(memory=replace(report.memory, **more)) if more else report
        return _with_fit(report, fit, over, found, request, workload, recipe, watch)


def _of_ranks(
    found: Reader,
    request: Request,
    recipe: Recipe,
    device: str | None,
    fitted: Callable[[Report, Request, Workload], Report] | None,
) -> Report:
    """Of one rank of the request's mesh, and the peaks of those that differ.

    fitted:
        finds what fits the rank that takes the most, if that was asked for.
    """
    from netscope.answers.memory.remember import with_memory
    from netscope.api.ranks import network_of, ranked
    from netscope.base.meta.world import standing_for

    def remember(workload: Workload, report: Report) -> Report:
        where = device or _where(workload)
        inference = _step(workload, None, where, recipe.amp)
        training = _step(workload, recipe, where, None) if request.train else None
        found = with_memory(report, inference, training, recipe)
        assert found.ranks is not None
        assert found.memory is not None
        peak = (found.memory.training or found.memory.inference).peak
        kinds = tuple(kind._replace(peak=peak) for kind in found.ranks.kinds)
        return found.but(ranks=replace(found.ranks, kinds=kinds))

    report = worst = ranked(found, request, remember)
    if fitted is None:
        return report
    ranks, mesh = report.ranks, request.mesh
    assert ranks is not None
    assert mesh is not None
    most = max(ranks.kinds, key=lambda kind: (kind.peak or 0, ranks.rank in kind.ranks))
    rank = ranks.rank if ranks.rank in most.ranks else most.ranks[0]
    if rank != ranks.rank:
        worst = ranked(found, replace(request, rank=rank), remember)
    with standing_for(mesh, rank):
        plain = replace(request, mesh=None, rank=None)
        of_worst = fitted(worst, plain, network_of(found, plain)).memory
    assert report.memory is not None
    assert of_worst is not None
    return report.but(memory=replace(report.memory, fit=of_worst.fit))


def _check_amp(dtype: str | None) -> None:
    """Raise over a dtype that autocast does not convert to."""
    if dtype not in (None, "bfloat16", "float16"):
        raise UsageError(f"autocast knows no {dtype}.", hint="give amp='bf16' or amp='fp16'")


def _check_divided(**asked: Any) -> None:
    """Raise over what is not asked of a rank of many."""
    for name, value in asked.items():
        if value not in (None, False):
            raise UsageError(
                f"{arguments.spelled(name)} is of a network that is not divided.", hint="leave out the mesh"
            )


def _made(found: Reader, request: Request, fit: str | int | None) -> Report:
    """A report that there is already."""
    report = found.read(request)
    assert not isinstance(report, Workload)
    if report.memory is None:
        raise UsageError(
            f"the report of {report.name} was made without its memory.", hint="name the network itself"
        )
    if fit is not None:
        raise UsageError("fit= is for a network, not for its report.", hint="name the network itself")
    return report


def _machine(fit: str | int | None, over: str) -> str | None:
    """The device of the machine that is to be fitted in: those of the table are GPUs."""
    from netscope.answers.memory.fit import asked

    return None if fit is None or asked(fit, over).machine is None else "cuda"


def _with_fit(
    report: Report,
    fit: str | int | None,
    over: str,
    found: Reader,
    request: Request,
    workload: Workload,
    recipe: Recipe,
    watch: Watcher | None,
) -> Report:
    """The report with the largest size that fits, and what to change, if that was asked for."""
    from netscope.answers.memory import fit as fits
    from netscope.answers.memory.changes import Plan

    assert report.memory is not None
    if fit is None:
        return report
    if workload.pipeline is not None:
        raise UsageError(
            "what fits a rank of a pipeline hangs on how many microbatches it keeps, which is not followed.",
            hint="leave out --fit, or fit the stage alone",
        )
    device = report.memory.device
    wanted = fits.asked(fit, over)
    if found.has_input or request.args or request.kwargs:
        what = "a Workload" if found.has_input else "args= and kwargs="
        raise UsageError(
            f"{what} stands for a call of one size, which cannot be varied.",
            hint="give the module with input= instead, sizes without the batch",
        )
    if request.batch < 1:
        raise UsageError("a batch of none fits anywhere.", hint="give batch=1 or more")
    if over == "batch":
        twice = found.read(replace(request, batch=2 * request.batch))
        assert isinstance(twice, Workload)
        if (twice.args, twice.kwargs) == (workload.args, workload.kwargs):
            raise UsageError(f"the input of {workload.name} is the same for every batch.")
    length = fits.length_of(workload)
    if over != "batch" and length is None:
        raise UsageError(f"{workload.name} takes no sequence.", hint="fit its batch: --over batch")

    def record(plan: Plan) -> Step:
        sized = found.read(replace(request, batch=plan.batch, dtype=plan.dtype))
        assert isinstance(sized, Workload)
        if over != "batch" and plan.length is not None:
            sized = fits.with_length(sized, plan.length)
        trained = plan.recipe if request.train else None
        return _step(sized, trained, device, None if request.train else plan.recipe.amp)

    plan = Plan(request.batch, length, request.dtype, recipe)
    largest = fits.fitted(
        report,
        wanted,
        plan,
        record,
        named=workload.rebuild is not None,
        positions=None if over == "batch" else fits.longest(workload),
        watch=watch,
    )
    return report.but(memory=replace(report.memory, fit=largest))


def remembered(
    workload: Workload,
    *,
    train: bool = False,
    trained: bool = False,
    recipe: Recipe | None = None,
    device: str | None = None,
    context: int | None = None,
    batch: int | None = None,
) -> Report:
    """A workload's report with its memory.

    Args:
        train: the mode that the report is of.
        trained: a step of training too, and not a forward alone.
        recipe: how; AdamW and the usual loss by default.
        device: whose kernels and rules; by default where the network would be profiled.
        context: tokens for which a decoder's cache is looked at; not at all without it.
        batch: sequences of these; what the workload has without it.
    """
    from netscope.answers.memory.remember import with_memory
    from netscope.trace.step.program import Recipe

    recipe = recipe or Recipe()
    device = device or _where(workload)
    try:
        report = trace(workload, train=train)
    except TraceError as error:
        error.hint = error.hint or _hint(error)
        raise
    inference = _step(workload, None, device, recipe.amp)
    training = _step(workload, recipe, device, None) if trained else None
    found = with_memory(report, inference, training, recipe)
    if context is None:
        return found
    from netscope.api.kv import sequences_of, workload_cache

    assert found.memory is not None
    told = None if batch is None else sequences_of(workload, batch)
    cache = workload_cache(workload, context=context, batch=told)
    return found.but(memory=replace(found.memory, cache=cache))


def _measured(workload: Workload, trace: Trace, recipe: Recipe, device: str, train: bool) -> Measured:
    import torch

    from netscope.machine.memory.measure import measured

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("there is no GPU here to measure on.", hint="leave out --measure, or --device cuda")
    try:
        return measured(workload, trace, recipe, device, train=train)
    except (RuntimeError, MemoryError) as error:
        raise TraceError(
            f"{workload.name}: the step that was to be measured failed: {said(error)}"
        ) from error


def _where(workload: Workload) -> str:
    """The device of a module; for a network that netscope built a GPU, if there is one."""
    import torch

    from netscope.trace.rungs import device_of

    if workload.rebuild is not None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    return "cuda" if device_of(workload.module).type == "cuda" else "cpu"


def _step(workload: Workload, recipe: Recipe | None, device: str, amp: str | None) -> Step:
    from netscope.trace import ForwardError
    from netscope.trace.sharded import is_divided_module
    from netscope.trace.step.record import LADDER, record_step

    try:
        ladder = ("meta",) if is_divided_module(workload.module) else LADDER
        return record_step(workload, recipe, device=device, amp=amp, ladder=ladder)
    except ForwardError as failure:
        where, cause = failure.trace.error_path, failure.__cause__
        assert cause is not None
        what = "the forward" if recipe is None else "the step of training"
        hint = f"it was not tried on real tensors: {failure.not_real}" if failure.not_real else None
        raise TraceError(
            f"{workload.name}: {what} failed{f' in {where}' if where else ''}: {failure.trace.error}",
            hint=hint or _hint(cause),
            path=where,
        ) from cause


def _hint(error: BaseException) -> str | None:
    """What to type instead, over what networks often want of a batch in training."""
    told = said(error)
    if "more than 1 value per channel" in told:
        return "norms over a batch want more than one sample: give --batch 2"
    if "_for_cpu" in told and "sharding strategy" in told:
        return "torch divides attention by a GPU's kernels alone: give --device cuda"
    if "_foreach_" in told and "mixed torch.Tensor and DTensor" in told:
        return "some parameters are divided and some are not: give --optimizer adamw:foreach=false, say"
    if "targets should not be none" in told:
        return "in training it wants targets: hand them in with kwargs={'targets': ...} in Python"
    return None
