"""What of Jinja is a part of the language of templates: text, `{{ }}`, `if`, `for` and `set`, without calls."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from jinja2 import nodes
from jinja2.meta import find_undeclared_variables
from jinja2.visitor import NodeTransformer

from bot.decide.text.escape import RESERVED
from bot.decide.text.filters import CONCATENATED, COUNTED, FILTERS, TESTS, unknown

_STATEMENTS = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign)
_EXPRESSIONS = (
    *(nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test, nodes.Keyword, nodes.CondExpr),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Concat, nodes.List, nodes.Tuple),
)
_LANGUAGE = (*_STATEMENTS, *_EXPRESSIONS)
_CALLED = {"Call": "a call", "CallBlock": "call", "FilterBlock": "filter", "AssignBlock": "set without ="}


def find_problem(tree: nodes.Template, names: Sequence[str]) -> tuple[int, str] | None:
    """The first line with something that is no part of the language, or with a name that isn't known, and what it is.

    Raises RecursionError.
    """
    for node in _nodes(tree):
        problem = _problem(node)
        if problem:
            return node.lineno, problem
    undeclared = find_undeclared_variables(tree) - set(names)
    for node in _nodes(tree):
        if isinstance(node, nodes.Name) and node.name in undeclared:
            return node.lineno, unknown("name", node.name, names)
    return None


def _nodes(tree: nodes.Node) -> Iterator[nodes.Node]:
    for node in tree.iter_child_nodes():
        yield node
        yield from _nodes(node)


def _problem(node: nodes.Node) -> str:
    """Why a node can't stay; empty if it can."""
    problem = ""
    if isinstance(node, nodes.Filter):
        problem = _unless_among(FILTERS, "filter", node.name)
    elif isinstance(node, nodes.Test):
        problem = _unless_among(TESTS, "test", node.name)
    elif isinstance(node, nodes.For) and node.recursive:
        problem = "a loop can't be recursive"
    elif isinstance(node, nodes.TemplateData) and RESERVED & set(node.data):
        problem = "holds a character that stands for nothing (U+E000 or U+E001)"
    elif not isinstance(node, _LANGUAGE):
        kind = type(node).__name__
        problem = f"{_CALLED.get(kind, kind.lower())} can't be used in a template"
    return problem


def _unless_among(known: Collection[str], kind: str, name: str) -> str:
    return "" if name in known else unknown(kind, name, sorted(known))


class Bounded(NodeTransformer):
    """Puts limits around what loops and what joins texts."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802  Jinja's name for it
        self.generic_visit(node)
        node.iter = _filtered(node.iter, COUNTED)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), CONCATENATED)


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
