"""Operators without arithmetic: what moves, makes or describes data is free.

Views and factories need no entry (the tracer's tags say so); the ones listed here are those that a
schema does not tell: copies, gathers, fills, layout changes, random draws, questions to the metadata.
Gathers and scatters that accumulate have formulas below.
"""

from __future__ import annotations

from typing import Final

from netscope.base.cost import FREE, Cost, VectorOps
from netscope.formulas.registry import arg, formula, ops, optional_tensor, output, tensor, vector
from netscope.trace.facts import Operator

_COPIES: Final = """
    clone copy _to_copy to contiguous lift lift_fresh lift_fresh_copy alias_copy detach_copy
    _copy_from _copy_from_and_resize _pin_memory pin_memory _to_dense to_dense to_mkldnn
    _to_cpu resolve_conj resolve_neg _conj _neg_view _conj_copy _neg_view_copy
    view_copy _reshape_copy reshape _reshape_alias _reshape_alias_copy _unsafe_view expand_copy
    permute_copy transpose_copy t_copy squeeze_copy unsqueeze_copy select_copy slice_copy split_copy
    split_with_sizes_copy unbind_copy unfold_copy diagonal_copy as_strided_copy view_as_real_copy
    view_as_complex_copy narrow_copy narrow unsafe_split unsafe_split_with_sizes unsafe_chunk chunk
    flatten unflatten expand_as view_as squeeze unsqueeze transpose as_strided t swapaxes swapdims
    movedim moveaxis detach atleast_1d atleast_2d atleast_3d meshgrid broadcast_tensors broadcast_to
    positive set set_data resize resize_as _resize_output shallow_copy_data complex real imag
"""

_GATHERS: Final = """
    embedding index _unsafe_index index_select gather take take_along_dim _unsafe_masked_index
    cat concat concatenate stack hstack vstack dstack column_stack _chunk_cat block_diag
    repeat repeat_interleave tile roll flip fliplr flipud rot90 unfold im2col
    pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle
    pad constant_pad_nd _pad_circular _pad_enum reflection_pad1d reflection_pad2d reflection_pad3d
    replication_pad1d replication_pad2d replication_pad3d
    upsample_nearest1d upsample_nearest2d upsample_nearest3d
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
    max_unpool2d max_unpool3d tril triu diag diag_embed one_hot cartesian_prod
    index_copy index_fill select_scatter slice_scatter diagonal_scatter as_strided_scatter
    select_backward slice_backward diagonal_backward value_selecting_reduction_backward
    _pack_padded_sequence _pad_packed_sequence pad_sequence nested_to_padded_tensor
    _nested_tensor_from_mask _nested_from_padded _nested_from_padded_tensor _nested_tensor_from_tensor_list
    _jagged_to_padded_dense_forward _padded_dense_to_jagged_forward masked_scatter_backward
    _list_to_tensor _convert_indices_from_coo_to_csr _convert_indices_from_csr_to_coo
"""

_FILLS: Final = """
    fill zero zeros_like ones_like full_like empty_like rand_like randn_like randint_like
    new_empty new_empty_strided new_zeros new_ones new_full empty_strided empty_permuted scalar_tensor
    normal uniform bernoulli exponential random cauchy geometric log_normal multinomial poisson
    binomial _philox_normal _philox_uniform _philox_key_split _philox_key_fold_in
    rand randn randint randperm arange linspace logspace range eye zeros ones full empty
    tril_indices triu_indices normal_functional _standard_gamma _sample_dirichlet
    _cudnn_init_dropout_state hann_window hamming_window bartlett_window blackman_window kaiser_window
"""

_QUESTIONS: Final = """
    size stride numel dim sym_size sym_stride sym_numel sym_storage_offset storage_offset
    is_contiguous is_strides_like_format is_non_overlapping_and_dense is_same_size is_pinned is_nonzero
    is_complex is_floating_point is_coalesced sparse_dim dense_dim item _local_scalar_dense
    _assert_async _functional_assert_async _assert_scalar _functional_assert_scalar
    _assert_tensor_metadata sym_constrain_range sym_constrain_range_for_size
    _functional_sym_constrain_range _functional_sym_constrain_range_for_size _make_dep_token _print
    _fused_sdp_choice _has_same_storage_numel result_type can_cast promote_types requires_grad
    retains_grad record_stream output_nr is_leaf _version _linalg_check_errors _nested_tensor_size
    _nested_tensor_strides _nested_tensor_storage_offsets _debug_has_internal_overlap
"""

MOVEMENT: Final = tuple(f"aten.{name}" for name in f"{_COPIES} {_GATHERS} {_FILLS} {_QUESTIONS}".split())


@formula(*MOVEMENT, "profiler._record_function_enter_new", "profiler._record_function_exit")
def movement(op: Operator) -> Cost:
    """No arithmetic."""
    return FREE


@formula("prims.convert_element_type", "prims.device_put", "prims.view_of", "prims.clone")
def primitive_movement(op: Operator) -> Cost:
    """torch's own primitive operators of the same sort."""
    return FREE


@formula("aten.index_put", "aten._unsafe_index_put", "aten._index_put_impl")
def index_put(op: Operator) -> Cost:
    """(self, indices, values, accumulate): a store, or an addition per value stored."""
    if not arg(op, 3, "accumulate", False):
        return FREE
    return vector(tensor(op, 2, "values").numel, add=1)


@formula("aten._unsafe_masked_index_put_accumulate")
def masked_index_put(op: Operator) -> Cost:
    """(self, mask, indices, values): always accumulates."""
    return vector(tensor(op, 3, "values").numel, add=1)


@formula("aten.index_add", "aten.scatter_add")
def scatter_add(op: Operator) -> Cost:
    """An addition per source element, and a multiplication where `alpha` is not 1."""
    scaled = arg(op, 4, "alpha", 1) != 1 and "index_add" in op.name
    source = optional_tensor(op, 3, "source") or tensor(op, 3, "src")
    if "scatter_add" in op.name:  # the index decides how much of the source is used
        source = tensor(op, 2, "index")
    return vector(source.numel, add=1, mul=int(scaled))


_REDUCES: Final[dict[str, VectorOps]] = {
    "sum": VectorOps(add=1),
    "add": VectorOps(add=1),
    "mean": VectorOps(add=1),
    "prod": VectorOps(mul=1),
    "multiply": VectorOps(mul=1),
    "amax": VectorOps(cmp=1),
    "amin": VectorOps(cmp=1),
}


@formula("aten.scatter", "aten.scatter_reduce", "aten.index_reduce")
def scatter(op: Operator) -> Cost | None:
    """A store, or with `reduce` one operation per index; a mean also divides each result."""
    reduce = arg(op, 4, "reduce") if len(op.args) > 4 else op.kwargs.get("reduce")
    if reduce is None:
        return FREE
    per_value = _REDUCES.get(str(reduce))
    if per_value is None:
        return None
    values = tensor(op, 3, "source") if "index_reduce" in op.name else tensor(op, 2, "index")
    divisions = VectorOps(div=output(op).numel if reduce == "mean" else 0)
    return ops(per_value * values.numel, divisions)


@formula("aten.put")
def put(op: Operator) -> Cost:
    """(self, index, source, accumulate)."""
    return vector(tensor(op, 1, "index").numel, add=1) if arg(op, 3, "accumulate", False) else FREE


@formula("aten._embedding_bag", "aten._embedding_bag_forward_only", "aten.embedding_bag")
def embedding_bag(op: Operator) -> Cost:
    """(weight, indices, offsets, scale_grad_by_freq, mode, sparse, per_sample_weights, ...).

    The rows of a bag are summed (mode 0), averaged (1) or their maximum is taken (2). Bags that
    are empty would take one combination less than is subtracted here for each.
    """
    out = output(op)
    values = tensor(op, 1, "indices").numel * out.shape[-1]
    combined = max(values - out.numel, 0)
    mode = int(arg(op, 4, "mode", 0))
    weighted = VectorOps(mul=values if optional_tensor(op, 6, "per_sample_weights") else 0)
    if mode == 2:
        return ops(VectorOps(cmp=combined))
    return ops(VectorOps(add=combined, div=out.numel if mode == 1 else 0), weighted)


@formula("aten._transform_bias_rescale_qkv")
def transform_bias_rescale(op: Operator) -> Cost:
    """(qkv, qkv_bias, num_heads): a bias on all three, and the query's scale."""
    qkv = tensor(op, 0, "qkv")
    return ops(VectorOps(add=qkv.numel, mul=qkv.numel // 3))
