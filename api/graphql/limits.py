# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A query's cost, known before it runs: every object that it may return counts one, pages multiply."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)
from strawberry.extensions import SchemaExtension

from api.graphql.connections import FIRST_DEFAULT
from kit.errors import Refused


def cost_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> int:
    """How many objects an operation may return. The document is valid, so its fragments have no cycles."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    root = schema.get_root_type(operation.operation)
    return 0 if root is None else _of_selections(schema, root, operation.selection_set, fragments, variables)


def _of_selections(
    schema: GraphQLSchema,
    parent: GraphQLObjectType,
    selections: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
) -> int:
    total = 0
    for node in selections.selections:
        if isinstance(node, FieldNode):
            total += _of_field(schema, parent, node, fragments, variables)
            continue
        assert isinstance(node, FragmentSpreadNode | InlineFragmentNode)
        fragment = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        condition, inner = fragment.type_condition, fragment.selection_set
        within = schema.get_type(condition.name.value) if condition is not None else parent
        if isinstance(within, GraphQLObjectType):
            total += _of_selections(schema, within, inner, fragments, variables)
    return total


def _of_field(
    schema: GraphQLSchema,
    parent: GraphQLObjectType,
    node: FieldNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
) -> int:
    field = parent.fields.get(node.name.value)
    if field is None or node.selection_set is None or node.name.value.startswith("__"):
        return 0
    kind = get_named_type(field.type)
    if not isinstance(kind, GraphQLObjectType):
        return 1
    inner = _of_selections(schema, kind, node.selection_set, fragments, variables)
    if kind.name.endswith("Connection"):
        return max(1, _first(node, variables)) * max(1, inner)
    return inner if kind.name.endswith("Edge") or kind.name == "PageInfo" else 1 + inner


def _first(node: FieldNode, variables: Mapping[str, Any]) -> int:
    for argument in node.arguments or ():
        if argument.name.value == "first":
            if isinstance(argument.value, IntValueNode):
                return int(argument.value.value)
            if isinstance(argument.value, VariableNode):
                given = variables.get(argument.value.name.value, FIRST_DEFAULT)
                return given if isinstance(given, int) else FIRST_DEFAULT
    return FIRST_DEFAULT


class CostLimit(SchemaExtension):
    """Refuses a query that may return more objects than the limit, before anything is read."""

    def __init__(self, cost_max: int) -> None:
        self.cost_max = cost_max

    def on_execute(self) -> Iterator[None]:
        """Count, then let it run."""
        context = self.execution_context
        if context.graphql_document is not None:
            operation = _operation(context.graphql_document, context.operation_name)
            if operation is not None:
                schema: GraphQLSchema = context.schema._schema
                given = {**_defaults(operation), **(context.variables or {})}
                cost = cost_of(schema, context.graphql_document, operation, given)
                if cost > self.cost_max:
                    raise Refused(
                        "graphql.cost",
                        f"this may return {cost} objects, more than {self.cost_max}; ask for shorter pages",
                        cost=cost,
                        cost_max=self.cost_max,
                    )
        yield


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    named = [o for o in operations if name is None or (o.name is not None and o.name.value == name)]
    return named[0] if named else None


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: int(definition.default_value.value)
        for definition in operation.variable_definitions or ()
        if isinstance(definition.default_value, IntValueNode)
    }
