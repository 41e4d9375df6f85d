"""Points of a command: its parameters by name, as a sweep file gives them, and what it answers.

Names are those of `--help`, with `-` or `_`: `--physical-snr-db` is `physical_snr_db`, and STACK is
`stack`. `stack.layers.count` stands for a value in the stack file.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from difflib import get_close_matches
from io import StringIO
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import numpy as np

from ..errors import InputError, require

# What differs from run to run, or says where something is.
_NOT_RESULTS = ("seconds", "output", "path")
_OUTPUTS = ("output", "report")
# They compute many points themselves.
_NOT_SWEPT = ("sweep", "reproduce", "runs")

_ONE_AT_A_TIME = Lock()


class CommandLine:
    """A command of metastack and what it can be asked.

    Raises:
        InputError: there is no such command, or it answers nothing that can be kept.
    """

    def __init__(self, words: Sequence[str]) -> None:
        from typer.main import get_command

        from .main import app

        self.words = tuple(words)
        found: Any = get_command(app)
        for word in words or [""]:
            known: dict[str, Any] = getattr(found, "commands", {})
            names = [name for name in known if name not in _NOT_SWEPT]
            require(word in names, _unknown("command", word, names))
            found = known[word]
        self._command = found
        self._parameters = {each.name: each for each in found.params}
        require(
            "json" in self._parameters,
            f"A command that is swept must answer with `--json`, but `{' '.join(words)}` does not.",
        )

    def default(self, name: str) -> Any:
        """What a parameter is if it is not given."""
        return self._parameters[name].default

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse parameters that the command has not.

        Raises:
            InputError: one is unknown.
        """
        known = [name for name in self._parameters if name not in ("json", "help", *_OUTPUTS)]
        for name in names:
            plain, _, rest = name.replace("-", "_").partition(".")
            if rest:
                require(
                    plain == "stack" and "stack" in known,
                    f"`{name}` must be a parameter of "
                    f"`{' '.join(self.words)}`, or `stack.` and a key of its stack file.",
                )
                continue
            require(plain in known, _unknown(f"parameter of `{' '.join(self.words)}`", name, known))

    def arguments(self, parameters: Mapping[str, Any]) -> list[str]:
        """The words that say these parameters; outputs go to the current folder."""
        given = {name.replace("-", "_"): value for name, value in parameters.items()}
        given |= self._outputs()
        options = [
            word
            for name, value in given.items()
            if self._parameters[name].param_type_name == "option"
            for word in _option(self._parameters[name], value)
        ]
        positional = [
            str(value)
            for name, parameter in self._parameters.items()
            if parameter.param_type_name == "argument" and name in given
            for value in several(given[name])
        ]
        return [*options, "--json", "--", *positional]

    def _outputs(self) -> dict[str, str]:
        """Whatever must be written is written, beside, and not kept."""
        outputs = [self._parameters[name] for name in _OUTPUTS if name in self._parameters]
        return {each.name: _output_name(each) for each in outputs if each.required}

    def parsed(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What the command would be called with.

        Raises:
            InputError: a value that it does not take, or one that is missing.
        """
        try:
            words = self.arguments(parameters)
            context = self._command.make_context(self.words[-1], words)
        except InputError:
            raise
        except Exception as error:
            # What the parser raises says so by this method; its class is not public.
            if usage := getattr(error, "format_message", None):
                raise InputError(f"{usage()} (at {_told(parameters)})") from error
            raise
        return dict(context.params)

    def answer(self, parameters: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Run the command in a folder of its own, and keep the numbers of its answer.

        Raises:
            InputError: as the command.
        """
        said, aside = StringIO(), StringIO()
        # Both the folder and the outputs are the whole process's.
        with _ONE_AT_A_TIME, TemporaryDirectory() as folder, chdir(folder):
            context = self._command.make_context(self.words[-1], self.arguments(parameters))
            # Its progress would be drawn over that of the sweep.
            with context, redirect_stdout(said), redirect_stderr(aside):
                self._command.invoke(context)
        return numbers_in(json.loads(said.getvalue()))


def _output_name(parameter: Any) -> str:
    """A name of the kind that the help of an output says: "(.nc)", or nothing for a folder."""
    suffix = re.search(r"\((\.\w+)", parameter.help or "")
    return f"output{suffix[1]}" if suffix else "output"


def _option(parameter: Any, value: Any) -> list[str]:
    flag = parameter.opts[0]
    if parameter.is_flag:
        require(isinstance(value, bool), f"`{flag}` must be true or false, but is {value!r}.")
        return [flag] if value else parameter.secondary_opts[:1]
    if parameter.nargs != 1:
        return [flag, *map(str, several(value))]
    require(
        parameter.multiple or not isinstance(value, list),
        f"`{flag}` must be one value, but is {value!r}.",
    )
    return [word for each in several(value) for word in (flag, str(each))]


def several(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def _told(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in parameters.items())


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name.replace("-", "_"), known, n=1)
    advice = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known) or 'none'}."
    return f"`{name}` must be a {what}, but is not: {advice}"


def numbers_in(answer: Mapping[str, Any], before: str = "") -> dict[str, np.ndarray]:
    """The numbers of an answer by name, a table's by column; what is not known is NaN."""
    found = dict[str, np.ndarray]()
    for key, value in answer.items():
        name = f"{before}{key}"
        if key.endswith(_NOT_RESULTS):
            continue
        if isinstance(value, Mapping):
            found |= numbers_in(value, f"{name}.")
        elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            columns = {column: [row.get(column) for row in value] for column in value[0]}
            found |= numbers_in(columns, f"{name}.")
        elif (numbers := _as_numbers(value)) is not None:
            found[name] = numbers
    return found


def _as_numbers(value: Any) -> np.ndarray | None:
    unknown_is_nan = [np.nan if each is None else each for each in several(value)]
    try:
        array = np.array(unknown_is_nan)
    except ValueError:
        return None
    if array.dtype.kind not in "biuf":
        return None
    return array if isinstance(value, list) else np.asarray(array[0])
