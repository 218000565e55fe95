"""What machines can do at most, as their makers state it: dense peaks, never those for sparse matrices.

A figure that its maker does not state, or that could not be made sure of, is left out. Makers often print
the sparse peak alone; half of it is the dense one, as their footnotes say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from netscope.base.answer import Answer
from netscope.base.errors import UsageError
from netscope.base.suggest import nearest
from netscope.machine.timing.links import LINKS
from netscope.report.measured.links import Links

_TERA: Final = 1e12
_GIGA: Final = 1e9
_GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """A machine on paper, or one that was calibrated.

    peaks:
        "fp32", "tf32", "bf16", "fp16", "fp8" -> FLOP/s of matrix products that accumulate in fp32.
    bandwidth:
        of its memory, bytes/s, reading and writing together; None where it is not known.
    memory:
        bytes, as it is sold: a driver keeps some of it, for ECC of GDDR memory a sixteenth.
    source:
        where the figures are from, with its year; for a calibrated one, what was run.
    called:
        what drivers call it, exactly.
    links:
        to others of its kind; None where its maker states nothing of them.
    """

    name: str
    title: str
    peaks: Mapping[str, float]
    bandwidth: float | None
    memory: int | None
    source: str
    called: tuple[str, ...] = ()
    links: Links | None = None

    def peak(self, dtype: str) -> float | None:
        """FLOP/s in that dtype; None where it is not known."""
        return self.peaks.get(dtype)


@dataclass(frozen=True)
class DeviceSpecs(Answer):
    """Machines on paper, by name. `note` is true of all of them."""

    specs: tuple[DeviceSpec, ...]
    note: str = (
        "Dense peaks that accumulate in fp32, as makers state them; links carry as much in either direction."
    )

    def __iter__(self) -> Iterator[DeviceSpec]:
        return iter(self.specs)

    def __len__(self) -> int:
        return len(self.specs)

    def __getitem__(self, name: str) -> DeviceSpec:
        """The machine of that name.

        Raises:
            KeyError: there is none.
        """
        return {spec.name: spec for spec in self.specs}[name]

    @property
    def verb(self) -> str:
        """Its page."""
        return "machines"


def spec_of(name: str) -> DeviceSpec:
    """The machine of that name: "h200", "RTX 4090".

    Raises:
        UsageError: the table has none of that name.
    """
    key = name.strip().lower().replace(" ", "-").replace("_", "-")
    if key in SPECS:
        return SPECS[key]
    close = nearest(key, SPECS)
    also = f" Did you mean {' or '.join(close)}?" if close else ""
    raise UsageError(f"no device is named {name!r}.{also}", hint=f"use one of {', '.join(SPECS)}")


def spec_of_driver(called: str) -> DeviceSpec | None:
    """The machine that a driver calls so ("NVIDIA H200"); None for one that the table has not."""
    return next((spec for spec in SPECS.values() if called in spec.called), None)


def _spec(
    name: str,
    title: str,
    source: str,
    called: tuple[str, ...] = (),
    *,
    bandwidth: float,
    memory: int,
    **teraflops: float,
) -> DeviceSpec:
    """One line of the table: TFLOP/s, GB/s, and GB as memory is sold, which are GiB."""
    peaks = MappingProxyType({dtype: value * _TERA for dtype, value in teraflops.items()})
    return DeviceSpec(name, title, peaks, bandwidth * _GIGA, memory * _GIB, source, called, LINKS.get(name))


_HOPPER: Final = "NVIDIA H100 Tensor Core GPU Architecture whitepaper (2023)"
_AMPERE: Final = "NVIDIA A100 Tensor Core GPU data sheet (2021)"

_TABLE: Final = (
    _spec(
        "h100",
        "NVIDIA H100 SXM",
        f"{_HOPPER}; bandwidth: NVIDIA H100 data sheet (2023)",
        ("NVIDIA H100 80GB HBM3",),
        fp32=66.9,
        tf32=494.7,
        bf16=989.4,
        fp16=989.4,
        fp8=1978.9,
        bandwidth=3350,
        memory=80,
    ),
    _spec(
        "h100-pcie",
        "NVIDIA H100 PCIe",
        "NVIDIA H100 data sheet (2023), sparse peaks halved; fp32: " + _HOPPER,
        ("NVIDIA H100 PCIe",),
        fp32=51.2,
        tf32=378,
        bf16=756.5,
        fp16=756.5,
        fp8=1513,
        bandwidth=2000,
        memory=80,
    ),
    _spec(
        "h200",
        "NVIDIA H200 SXM",
        f"NVIDIA H200 data sheet (2024), which has the peaks of the H100 SXM, to the digits of {_HOPPER}",
        ("NVIDIA H200",),
        fp32=66.9,
        tf32=494.7,
        bf16=989.4,
        fp16=989.4,
        fp8=1978.9,
        bandwidth=4800,
        memory=141,
    ),
    _spec(
        "b200",
        "NVIDIA B200 (HGX)",
        "NVIDIA Blackwell Architecture technical brief (2024), HGX B200, sparse peaks halved; "
        "memory: NVIDIA DGX B200 data sheet (2024)",
        ("NVIDIA B200",),
        fp32=80,
        tf32=1100,
        bf16=2250,
        fp16=2250,
        fp8=4500,
        bandwidth=8000,
        memory=180,
    ),
    _spec(
        "a100-40gb",
        "NVIDIA A100 40GB",
        "NVIDIA A100 Tensor Core GPU Architecture whitepaper (2020)",
        ("NVIDIA A100-SXM4-40GB", "NVIDIA A100-PCIE-40GB"),
        fp32=19.5,
        tf32=156,
        bf16=312,
        fp16=312,
        bandwidth=1555,
        memory=40,
    ),
    _spec(
        "a100",
        "NVIDIA A100 80GB SXM",
        _AMPERE,
        ("NVIDIA A100-SXM4-80GB",),
        fp32=19.5,
        tf32=156,
        bf16=312,
        fp16=312,
        bandwidth=2039,
        memory=80,
    ),
    _spec(
        "a100-pcie",
        "NVIDIA A100 80GB PCIe",
        _AMPERE,
        ("NVIDIA A100 80GB PCIe",),
        fp32=19.5,
        tf32=156,
        bf16=312,
        fp16=312,
        bandwidth=1935,
        memory=80,
    ),
    _spec(
        "l4",
        "NVIDIA L4",
        "NVIDIA L4 data sheet (2023), sparse peaks halved",
        ("NVIDIA L4",),
        fp32=30.3,
        tf32=60,
        bf16=121,
        fp16=121,
        fp8=242.5,
        bandwidth=300,
        memory=24,
    ),
    _spec(
        "l40s",
        "NVIDIA L40S",
        # Its dense figure for 16 bits, 362, is smaller than half of its sparse one; a bound takes the larger.
        "NVIDIA L40S data sheet (2023), bf16 and fp16: sparse peaks halved",
        ("NVIDIA L40S",),
        fp32=91.6,
        tf32=183,
        bf16=366.5,
        fp16=366.5,
        fp8=733,
        bandwidth=864,
        memory=48,
    ),
    _spec(
        "a10",
        "NVIDIA A10",
        "NVIDIA A10 data sheet (2021)",
        ("NVIDIA A10",),
        fp32=31.2,
        tf32=62.5,
        bf16=125,
        fp16=125,
        bandwidth=600,
        memory=24,
    ),
    _spec(
        "rtx-4090",
        "NVIDIA GeForce RTX 4090",
        "NVIDIA Ada GPU Architecture whitepaper (2022), accumulating in fp32",
        ("NVIDIA GeForce RTX 4090",),
        fp32=82.6,
        tf32=82.6,
        bf16=165.2,
        fp16=165.2,
        fp8=330.3,
        bandwidth=1008,
        memory=24,
    ),
    _spec(
        "rtx-5090",
        "NVIDIA GeForce RTX 5090",
        "NVIDIA RTX Blackwell GPU Architecture whitepaper (2025), accumulating in fp32",
        ("NVIDIA GeForce RTX 5090",),
        fp32=104.8,
        tf32=104.8,
        bf16=209.5,
        fp16=209.5,
        fp8=419,
        bandwidth=1792,
        memory=32,
    ),
    _spec(
        "mi300x",
        "AMD Instinct MI300X",
        "AMD Instinct MI300X accelerator data sheet (2023)",
        ("AMD Instinct MI300X", "AMD Instinct MI300X OAM"),
        fp32=163.4,
        tf32=653.7,
        bf16=1307.4,
        fp16=1307.4,
        fp8=2614.9,
        bandwidth=5300,
        memory=192,
    ),
    _spec(
        "v100",
        "NVIDIA V100 SXM2 32GB",
        "NVIDIA V100 data sheet (2020)",
        ("Tesla V100-SXM2-32GB",),
        fp32=15.7,
        fp16=125,
        bandwidth=900,
        memory=32,
    ),
    _spec(
        "v100-16gb",
        "NVIDIA V100 SXM2 16GB",
        "NVIDIA V100 data sheet (2020)",
        ("Tesla V100-SXM2-16GB",),
        fp32=15.7,
        fp16=125,
        bandwidth=900,
        memory=16,
    ),
    _spec(
        "t4",
        "NVIDIA T4",
        "NVIDIA T4 data sheet (2019)",
        ("Tesla T4",),
        fp32=8.1,
        fp16=65,
        bandwidth=320,
        memory=16,
    ),
)

SPECS: Final[dict[str, DeviceSpec]] = {spec.name: spec for spec in _TABLE}
