"""What to run of a learner's notebook: an exercise's cell as a whole, of the others what it needs.

Cells are read as IPython reads them, so that magics, `x?` and shell commands are no syntax errors.
"""

import ast
import re
import symtable
from collections.abc import Iterable
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager

RUN_THEIR_CELL = ("capture", "prun", "time")  # cell magics whose cell is Python that binds names


@dataclass(frozen=True)
class Statement:
    """A statement at the top of a cell: what it binds, and which names it uses."""

    cell: int
    place: int
    node: ast.stmt
    binds: frozenset[str]
    uses: frozenset[str]


def as_python(source: str) -> str:
    """A cell as Python. Of a cell for another language, nothing."""
    text = source.lstrip()
    if text.startswith("%%"):
        magic, _, body = text.partition("\n")
        return as_python(body) if magic[2:].split(" ")[0] in RUN_THEIR_CELL else ""
    return TransformerManager().transform_cell(source)


def statements(source: str, cell: int = 0) -> list[Statement]:
    """The statements of a cell. Raises SyntaxError, or what else Python says of odd text."""
    tree = ast.parse(as_python(source))
    return [Statement(cell, i, node, *_names(node)) for i, node in enumerate(tree.body)]


def _names(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """What a statement binds in the notebook, and what it takes from there."""
    binds, uses = set(), set()

    def look(table: symtable.SymbolTable) -> None:
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if top and (symbol.is_assigned() or symbol.is_imported()):
                binds.add(symbol.get_name())
            if symbol.is_referenced() and (top or symbol.is_global()):
                uses.add(symbol.get_name())
        for child in table.get_children():
            look(child)

    look(symtable.symtable(ast.unparse(node), "cell", "exec"))
    if isinstance(node, ast.AugAssign):
        uses |= binds
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        binds.add("*")
    for target in getattr(node, "targets", []):  # TABLE["key"] = 3 changes what TABLE is
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
            if isinstance(target, ast.Name):
                binds.add(target.id)
    return frozenset(binds), frozenset(uses)


def defined(source: str, names: Iterable[str]) -> list[str]:
    """Which exercises a cell writes, even if it does not parse. Checking one is not writing it."""
    try:
        written = {n for s in statements(source) if not _is_check(s.node) for n in s.binds}
    except (SyntaxError, ValueError, RecursionError):
        found = re.findall(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=(?!=)", source, re.MULTILINE)
        written = {a or b for a, b in found}
    return [name for name in names if name in written]


def _is_check(node: ast.stmt) -> bool:
    call = getattr(node, "value", None)
    return isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "check"


def needed(at: int, cells: list[str], apart: set[str]) -> list[Statement]:
    """What the cell needs of those that write no exercise, in order; nothing that binds `apart`.

    Where a name is bound above, that counts; else, since people run cells in any order, the first
    cell below that binds it.
    """
    others = [s for i, source in enumerate(cells) for s in _parsed(source, i, apart)]
    chosen = {(s.cell, s.place): s for s in others if "*" in s.binds}  # from math import *
    wanted, seen = [n for s in _parsed(cells[at], at, set()) for n in s.uses], set(apart)
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        binders = [s for s in others if name in s.binds]
        above = [s for s in binders if s.cell <= at]
        for s in above or [s for s in binders if s.cell == binders[0].cell]:
            chosen[s.cell, s.place] = s
            wanted += s.uses
    return [chosen[place] for place in sorted(chosen)]


def _parsed(source: str, cell: int, apart: set[str]) -> list[Statement]:
    """The statements of a cell that binds nothing of `apart`, as far as it can be read."""
    try:
        found = statements(source, cell)
    except (SyntaxError, ValueError, RecursionError):
        return []
    writes = {n for s in found if not _is_check(s.node) for n in s.binds} & (apart - {"lesson"})
    return [] if writes else [s for s in found if "lesson" not in s.binds & apart]
