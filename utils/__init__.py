"""What the lessons share, a module a subject. A notebook starts with `utils.lesson("topic")`."""

from utils.notebook import generator, lesson

__all__ = ["generator", "lesson"]
