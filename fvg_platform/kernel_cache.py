"""Where numba keeps compiled kernels: in a folder for each state of their sources.

Numba looks at the file of a kernel alone to see whether its machine code is stale. A kernel that calls one of another
module would go on with that one's old code after an update, silently. So the folder is named after the content of all
modules that hold kernels: after a change in any of them all are compiled anew, once.
"""

import hashlib
import os
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
_PREFIX = "kernels-"


def keep_kernels_by_source(package: Path = Path(__file__).parent) -> None:
    """Point numba, which must not be imported yet, at the folder of these sources; a folder of the user's own stays."""
    chosen = os.environ.get(VARIABLE)
    if chosen is None or Path(chosen).name.startswith(_PREFIX):
        os.environ[VARIABLE] = str(package / "__pycache__" / f"{_PREFIX}{source_digest(package)}")


def source_digest(package: Path) -> str:
    """Twelve hexadecimal digits of the names and contents of the modules that name numba; takes 3 ms."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        if b"numba" in content:
            digest.update(f"{path.relative_to(package)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]
