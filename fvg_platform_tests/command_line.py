"""`fvg` as people call it, in this process or in one of its own."""

import json
import os
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from fvg_platform.cli import main
from fvg_platform_tests.platforms import Workplace


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def values(self) -> dict[str, Any]:
        """What `--json` printed; JSON knows no NaN."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


class Fvg:
    """The command line on one platform: `fvg("status", "--json")`."""

    def __init__(self, workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
        self.workplace, self._capsys = workplace, capsys

    def __call__(self, *arguments: str, **variables: str) -> Said:
        environment, arguments_before = dict(os.environ), sys.argv
        os.environ.update({**self.workplace.environment, **variables})
        sys.argv = ["fvg", *arguments]
        self._capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            sys.argv = arguments_before
            os.environ.clear()
            os.environ.update(environment)
        out, err = self._capsys.readouterr()
        return Said(code, out, err)
