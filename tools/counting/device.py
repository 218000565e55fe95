"""A CUDA device that only counts, so that torch's own code for CUDA tells what it allocates without a GPU.

It needs a torch that is built for CUDA 13, a C compiler and binutils, on Linux. Memory is true to the byte:
it is torch's allocator, its operators, its optimizers, and cuBLAS's workspace, which torch allocates. Values
are not: no kernel runs, and what is read back from the device is whatever was there.

cuDNN is not made up; switch it off (`torch.backends.cudnn.enabled = False`), and convolutions allocate as
torch's own do.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import torch

_SOURCE = Path(__file__).with_name("device.c")
_NAMES = re.compile(r" U ((cu[A-Z]|cublas)\w*)(?:@(\S+))?")


def environment(folder: Path, nbytes: int | None = None, capability: str = "9.0") -> dict[str, str]:
    """The variables with which a process finds the device, which is made in that folder.

    Args:
        folder: to be kept for as long as it is used.
        nbytes: that the device has; 4 TiB where None.
        capability: its compute capability.
    """
    if not (torch.version.cuda or "").startswith("13."):
        raise SystemExit(f"torch {torch.__version__} is not built for CUDA 13")
    libraries = Path(torch.__file__).parent / "lib"
    # What torch binds as its libraries are loaded: by the version of the library that has it, if any.
    versions: dict[str, set[str]] = {"libcudart.so.13": {"cuda*", "cu[A-Z]*", "nvml*"}}
    written = _SOURCE.read_text(encoding="utf-8")
    others = []
    for library in ("libtorch_cuda.so", "libcaffe2_nvrtc.so"):
        listed = _run("nm", "-D", "--undefined-only", str(libraries / library))
        for name, _, version in _NAMES.findall(listed):
            if version:
                versions.setdefault(version, set()).add(name)
            if not re.search(rf"\b{name}\b", written):
                others.append(f"int {name}(void) {{ return 0; }}")
    made, names, device = folder / "others.c", folder / "names", folder / "libcuda.so.1"
    made.write_text("\n".join(sorted(set(others))), encoding="utf-8")
    names.write_text(
        "".join(f"{version} {{ global: {'; '.join(sorted(of))}; }};\n" for version, of in versions.items()),
        encoding="utf-8",
    )
    link = ("-shared", "-Wl,-soname,libcuda.so.1", f"-Wl,--version-script={names}")
    _run(os.environ.get("CC", "cc"), "-fPIC", "-O1", *link, "-o", str(device), str(_SOURCE), str(made))
    (folder / "libnvidia-ml.so.1").symlink_to(device)
    found = {
        "LD_PRELOAD": str(device),
        "LD_LIBRARY_PATH": str(folder),
        "COUNTING_CAPABILITY": capability.replace(".", ""),
    }
    return found if nbytes is None else found | {"COUNTING_BYTES": str(nbytes)}


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{command[0]} failed:\n{result.stderr}")
    return result.stdout
