"""Small faults to be put into a module: which there are, and the module with one of them."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

_OPERATORS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitAnd,),
    ast.RShift: (ast.LShift,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
_PAIRS = (
    ("min", "max"),
    ("amin", "amax"),
    ("argmin", "argmax"),
    ("minimum", "maximum"),
    ("any", "all"),
    ("floor", "ceil"),
    ("floor_", "ceil_"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("sum", "mean"),
)
_NAMES = dict(_PAIRS) | {second: first for first, second in _PAIRS}
_DROPPED = {
    *("abs", "abs_", "clamp", "clamp_", "exp", "exp_", "log", "log_", "sqrt", "sqrt_", "square"),
    *("masked_fill", "masked_fill_", "fill_diagonal_", "copy", "clone", "removeprefix"),
}
_SHOWN = 60  # characters of a place, those that differ among them
_KEPT = {"device", "stable", "strict"}  # they change nothing on a CPU, and with parts of one length


@dataclass(frozen=True, eq=False)
class Mutant:
    """One fault. function: the outermost function that holds it, None outside of all bodies."""

    path: Path
    tree: ast.Module
    owner: ast.AST
    field: str
    place: int | None
    old: ast.AST
    new: ast.AST | None
    function: str | None

    @property
    def line(self) -> int:
        return self.old.lineno  # type: ignore[attr-defined]

    @property
    def told(self) -> str:
        old = " ".join(ast.unparse(self.old).split())
        if self.new is None:
            return f"{old[:_SHOWN]} -> removed"
        new = " ".join(ast.unparse(self.new).split())
        alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))
        start = max(0, len([*alike]) - _SHOWN // 2)
        return f"{old[start:][:_SHOWN]} -> {new[start:][:_SHOWN]}"

    def code(self) -> CodeType:
        """The module with the fault in it."""
        self._put(ast.Pass() if self.new is None else self.new)
        try:
            return compile(self.tree, str(self.path), "exec")
        finally:
            self._put(self.old)

    def _put(self, node: ast.AST) -> None:
        if node is not self.old:
            ast.fix_missing_locations(ast.copy_location(node, self.old))
        if self.place is None:
            setattr(self.owner, self.field, node)
        else:
            getattr(self.owner, self.field)[self.place] = node


def mutants(path: Path) -> list[Mutant]:
    """All faults of a module, in the order of its lines."""
    tree = ast.parse(path.read_text())
    return [
        Mutant(path, tree, owner, field, place, old, new, function)
        for owner, field, place, old, function in _sites(tree, ())
        for new in _faults(owner, field, old)
    ]


Site = tuple[ast.AST, str, int | None, ast.AST, str | None]


def _sites(owner: ast.AST, names: tuple[str, ...], function: str | None = None) -> Iterator[Site]:
    """Every node with its place, but those of annotations, of texts, and of what type checkers read."""
    for field, value in ast.iter_fields(owner):
        if field in ("annotation", "returns"):
            continue
        inside = function
        if isinstance(owner, ast.FunctionDef) and field == "body":
            inside = function or ".".join(names)
        for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or isinstance(node, ast.JoinedStr) or _is_for_types(node):
                continue
            yield owner, field, place, node, inside
            named = isinstance(node, ast.FunctionDef | ast.ClassDef)
            yield from _sites(node, (*names, node.name) if named else names, inside)  # type: ignore[attr-defined]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _faults(owner: ast.AST, field: str, node: ast.AST) -> Iterator[ast.AST | None]:
    """What may stand instead of a node; None: nothing."""
    yield from _of_operators(node)
    if isinstance(node, ast.Constant):
        yield from _of_constant(node, is_keyword=isinstance(owner, ast.keyword))
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.Slice):
        ends = [end for end in ("lower", "upper") if getattr(node, end)]
        yield from (_with(node, **{end: None}) for end in ends)
    elif isinstance(node, ast.Return) and node.value and ast.unparse(node.value) != "None":
        yield ast.Return(ast.Constant(None))
    if _is_dispensable(node):
        yield None
    if field == "test" and not isinstance(node, ast.Compare):
        yield ast.UnaryOp(ast.Not(), node)  # type: ignore[arg-type]


def _is_dispensable(node: ast.AST) -> bool:
    """Whether the module still compiles without this statement."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call | ast.Yield)
    return isinstance(node, ast.Raise | ast.AugAssign | ast.Break | ast.Continue)


def _of_operators(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.BinOp) and any(map(_is_text, (node.left, node.right))):
        return
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp):
        for operator in _OPERATORS.get(type(node.op), ()):
            yield _with(node, op=operator())
    if isinstance(node, ast.Compare):
        for place, old in enumerate(node.ops):
            for operator in _OPERATORS[type(old)]:
                yield _with(node, ops=[*node.ops[:place], operator(), *node.ops[place + 1 :]])


def _of_constant(node: ast.Constant, *, is_keyword: bool) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        if not is_keyword:  # keywords are removed whole
            yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    for place, keyword in enumerate(node.keywords):
        if keyword.arg and keyword.arg not in _KEPT:
            yield _with(node, keywords=[*node.keywords[:place], *node.keywords[place + 1 :]])
    if isinstance(node.func, ast.Name) and node.func.id in _NAMES:
        yield _with(node, func=ast.Name(_NAMES[node.func.id], ast.Load()))
    if isinstance(node.func, ast.Attribute):
        if node.func.attr in _NAMES:
            yield _with(node, func=_with(node.func, attr=_NAMES[node.func.attr]))
        if node.func.attr in _DROPPED:
            yield node.func.value


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for field, value in fields.items():
        setattr(changed, field, value)
    return changed
