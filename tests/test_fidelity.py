"""What works in the student's notebook works here, and what does not for want of a notebook is nobody's fault."""

from __future__ import annotations

import sys

import pytest
from fidelity_cases import TABLES
from kernels import here, in_a_kernel, plain

from grader.sandbox import Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is for Linux")


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.filterwarnings("ignore")
def test_a_function_gives_here_what_it_gives_in_a_kernel(table, sandbox, tmp_path):
    cases = TABLES[table]
    kernel = in_a_kernel(cases, tmp_path)
    assert len(kernel) == len(cases)
    mine = {each.name: plain(here(each, sandbox)) for each in cases}
    different = [
        f"{name}: {kernel[name]} there, {mine[name]} here"[:200] for name in mine if mine[name] != kernel[name]
    ]
    assert not different, "\n".join(different)
