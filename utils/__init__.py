"""What the lessons share, a module a subject. A notebook starts with `utils.lesson("topic")`."""

from typing import Any

__all__ = ["generator", "lesson"]


def __getattr__(name: str) -> Any:
    """Load torch only when a lesson is entered: utils.environment must say what is missing."""
    if name in __all__:
        from utils import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module 'utils' has no attribute {name!r}")
