"""Options that belong together are one parameter of a command: a dataclass, its fields the options.

`@option_groups` shows typer every field as an option of its own, and hands the command what was
given as one value again. The parameter's default tells the options' defaults; without one, options
that have no default of their own must be given.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of its dataclass parameters as options."""
    hints = get_type_hints(command, include_extras=True)
    parameters = inspect.signature(command).parameters
    groups = {name: hints[name] for name in parameters if is_dataclass(hints[name])}
    shown = list[inspect.Parameter]()
    for name, parameter in parameters.items():
        if name in groups:
            shown += _of_fields(groups[name], parameter.default)
        else:
            shown.append(_parameter(name, hints[name], parameter.default))

    @wraps(command)
    def wrapped(**given: Any) -> None:
        packed = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **packed)

    wrapped.__annotations__ = {each.name: each.annotation for each in shown}
    setattr(wrapped, "__signature__", inspect.Signature(shown))  # noqa: B010
    return wrapped


def _of_fields(group: Any, default: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    if default is inspect.Parameter.empty:
        defaults = {each.name: _default_of(each) for each in fields(group)}
    else:
        defaults = {each.name: getattr(default, each.name) for each in fields(group)}
    return [_parameter(name, hints[name], each) for name, each in defaults.items()]


def _default_of(field: "Field[Any]") -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)
