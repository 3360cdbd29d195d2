"""Modules of vendors that a process may never need: each is read when something of it is first used.

A process holds all twelve domains, but most run without ever calling Stripe or S3: without their clients it starts a
second sooner and is 30 MB smaller.
"""

import importlib.util
import sys
from types import ModuleType


def lazy_module(name: str) -> ModuleType:
    """The module called `name`. What stands in its place imports it at the first attribute that is asked for.

    Raises ModuleNotFoundError at once when it is not installed.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(name)
    spec.loader = loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module
