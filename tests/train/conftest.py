import importlib.util
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Networks this small are slower in several threads, and the last bits depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # for the processes that a test starts
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def toy():
    """The module toy.py beside this file."""
    spec = importlib.util.spec_from_file_location("mien_toy", Path(__file__).with_name("toy.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
