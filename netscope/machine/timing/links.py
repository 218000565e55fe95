"""By what GPUs are joined, as their makers state it: inside a node, by the host, and between nodes.

Makers print what goes both ways together; a rank that sends has half of it. A figure that its maker does not
state is left out, as the network of a GPU that is not sold in a whole machine, or that shares its adapter.
"""

from __future__ import annotations

from typing import Final

from netscope.report.measured.links import Links

_GIGA: Final = 1e9


def _links(
    source: str,
    *,
    name: str = "",
    both: float | None = None,
    joined: int = 1,
    pcie: float | None = None,
    gigabit: float | None = None,
) -> Links:
    """One line of the table: GB/s in both directions together, and Gbit/s of an adapter in one."""
    return Links(
        name,
        None if both is None else both / 2 * _GIGA,
        joined,
        None if pcie is None else pcie / 2 * _GIGA,
        None if gigabit is None else gigabit / 8 * _GIGA,
        source=source,
    )


_NVLINK: Final = "NVLink"
_V100: Final = _links("NVIDIA V100 data sheet (2020)", name=_NVLINK, both=300, joined=8, pcie=32)
_BRIDGE: Final = "NVLink by a bridge between two"

LINKS: Final[dict[str, Links]] = {
    "h100": _links(
        "NVIDIA H100 data sheet (2023); network: NVIDIA DGX H100 data sheet (2023), an adapter for each GPU",
        name=_NVLINK, both=900, joined=8, pcie=128, gigabit=400,
    ),
    "h100-pcie": _links(
        f"NVIDIA H100 data sheet (2023), {_BRIDGE}", name=_NVLINK, both=600, joined=2, pcie=128,
    ),
    "h200": _links(
        "NVIDIA H200 data sheet (2024); network: NVIDIA DGX H200 data sheet (2024), an adapter for each GPU",
        name=_NVLINK, both=900, joined=8, pcie=128, gigabit=400,
    ),
    "b200": _links(
        "NVIDIA Blackwell Architecture technical brief (2024); network: NVIDIA DGX B200 data sheet (2024), "
        "an adapter for each GPU", name=_NVLINK, both=1800, joined=8, gigabit=400,
    ),
    "a100-40gb": _links(
        "NVIDIA A100 Tensor Core GPU Architecture whitepaper (2020); network: NVIDIA DGX A100 data sheet "
        "(2020), an adapter for each GPU", name=_NVLINK, both=600, joined=8, pcie=64, gigabit=200,
    ),
    "a100": _links(
        "NVIDIA A100 Tensor Core GPU data sheet (2021); network: NVIDIA DGX A100 data sheet (2021), an "
        "adapter for each GPU", name=_NVLINK, both=600, joined=8, pcie=64, gigabit=200,
    ),
    "a100-pcie": _links(
        f"NVIDIA A100 Tensor Core GPU data sheet (2021), {_BRIDGE}", name=_NVLINK, both=600, joined=2,
        pcie=64,
    ),
    "l4": _links("NVIDIA L4 data sheet (2023)", pcie=64),
    "l40s": _links("NVIDIA L40S data sheet (2023)", pcie=64),
    "a10": _links("NVIDIA A10 data sheet (2021)", pcie=64),
    "mi300x": _links(
        "AMD Instinct MI300X accelerator data sheet (2023), seven links to the seven others",
        name="Infinity Fabric", both=7 * 128, joined=8, pcie=128,
    ),
    "v100": _V100,
    "v100-16gb": _V100,
    "t4": _links("NVIDIA T4 data sheet (2019)", pcie=32),
}  # fmt: skip
