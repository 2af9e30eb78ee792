"""Compiled kernels are kept by the content of all kernels' sources, for numba sees the change of one file only."""

import subprocess
import sys
from pathlib import Path

import pytest

from fvg_platform.kernel_cache import VARIABLE, keep_kernels_by_source, source_digest

INNER = "import numba as nb\n\n@nb.njit(cache=True)\ndef inner(x):\n    return x + {}\n"
OUTER = "import numba as nb\nfrom inner import inner\n\n@nb.njit(cache=True)\ndef outer(x):\n    return inner(x) * 10\n"
ASK = (
    "from pathlib import Path\nfrom fvg_platform.kernel_cache import keep_kernels_by_source\n"
    "keep_kernels_by_source(Path('.').absolute())\nfrom outer import outer\nprint(outer(1))"
)


def ask(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_kernel_follows_the_one_that_it_calls(tmp_path: Path) -> None:
    (tmp_path / "outer.py").write_text(OUTER)
    (tmp_path / "inner.py").write_text(INNER.format(1))
    assert ask(tmp_path) == "20"
    (tmp_path / "inner.py").write_text(INNER.format(2))
    assert ask(tmp_path) == "30"


def test_only_modules_with_kernels_count(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text(INNER.format(1))
    before = source_digest(tmp_path)
    (tmp_path / "words.py").write_text("WORD = 'no kernel here'\n")
    assert source_digest(tmp_path) == before
    (tmp_path / "inner.py").write_text(INNER.format(3))
    assert source_digest(tmp_path) != before


def test_a_folder_of_the_users_own_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv(VARIABLE, "/somewhere/of/mine")
    keep_kernels_by_source(tmp_path)
    assert os.environ[VARIABLE] == "/somewhere/of/mine"
    monkeypatch.setenv(VARIABLE, str(tmp_path / "kernels-of-another-state"))
    keep_kernels_by_source(tmp_path)
    assert Path(os.environ[VARIABLE]).name == f"kernels-{source_digest(tmp_path)}"
