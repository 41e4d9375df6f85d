"""Forms, and the command lines that a filled-in form stands for.

A form's field is an option of a command, and says nothing of what it may be: the command refuses,
in its own words, and `field_of` finds the field that the words are about.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..errors import InputError

_MOST_LETTERS = 4000
_LONGEST_TITLE = 120


class RefusedFormError(InputError):
    """Input that cannot be used, and the field that it is in."""

    def __init__(self, message: str, field: str | None) -> None:
        super().__init__(message)
        self.field = field


class Kind(StrEnum):
    """How a field is filled in."""

    NUMBER = "number"
    TEXT = "text"
    TEXTS = "texts"
    CHOICE = "choice"
    FLAG = "flag"
    FILE = "file"


@dataclass(frozen=True)
class Field:
    """A field of a form. `option`: of the command line. A file is copied under the field's name.

    `group`: the heading that it stands under. `more`: shown only where somebody asks for more.
    """

    name: str
    label: str
    kind: Kind = Kind.NUMBER
    option: str = ""
    default: str = ""
    hint: str = ""
    choices: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    group: str = ""
    more: bool = False

    def is_file(self, value: str) -> bool:
        """Whether a value is a file: always, or where it is none of the other choices."""
        return self.kind is Kind.FILE or (bool(self.suffixes) and value not in (*self.choices, ""))

    def arguments(self, value: str) -> list[str]:
        """What the value adds to a command line; one word an option, so that none becomes another.

        Raises:
            RefusedFormError: a value that is far too long.
        """
        if len(value) > _MOST_LETTERS:
            said = f"`{self.option}` must be at most {_MOST_LETTERS} letters, but has {len(value)}."
            raise RefusedFormError(said, self.name)
        if not value:
            return []
        if self.kind is Kind.FLAG:
            return [self.option]
        values = value.split(";") if self.kind is Kind.TEXTS else [value]
        return [f"{self.option}={each.strip()}" for each in values if each.strip()]


@dataclass(frozen=True)
class Step:
    """A command with its files, and the fields that are its options.

    `{name}` in a word is the file of that field, as it is called in the job's folder.
    """

    words: tuple[str, ...]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """A form, and the commands that it runs one after the other in one folder."""

    name: str
    title: str
    button: str
    fields: tuple[Field, ...]
    steps: tuple[Step, ...]

    def lines(self, given: Mapping[str, str], files: Mapping[str, str]) -> list[list[str]]:
        """The arguments of every command. `files`: what the files of fields are called.

        Raises:
            RefusedFormError: a value that is far too long.
        """
        return [self._line(step, given, files) for step in self.steps]

    def _line(self, step: Step, given: Mapping[str, str], files: Mapping[str, str]) -> list[str]:
        options = [
            word
            for field in self.fields
            if field.name in step.fields
            for word in field.arguments(files.get(field.name) or given.get(field.name, ""))
        ]
        return [word.format(**files) for word in step.words] + options

    def told(self, given: Mapping[str, str], changes: Mapping[str, str]) -> str:
        """The title with what was filled in otherwise than it stands there, but for files."""
        others = {
            field.label: given[field.name]
            for field in self.fields
            if field.kind is not Kind.FILE and given.get(field.name, field.default) != field.default
        }
        given_otherwise = (others | dict(changes)).items()
        listed = ", ".join(f"{name} {value or 'empty'}" for name, value in given_otherwise)
        return f"{self.title}: {listed[:_LONGEST_TITLE]}" if listed else self.title

    def field_of(
        self, sentence: str, files: Mapping[str, str], changes: Mapping[str, str]
    ) -> str | None:
        """The field that a refusal is about: by its option, a number of its stack, or its file."""
        options = [(field.option, field.name) for field in self.fields if field.option]
        by_option = dict(options) | {f"`{_key(option)}`": name for option, name in options}
        by_change = {f"`{key}`": f"stack.{key}" for key in changes}
        by_file = {file: name for name, file in files.items()}
        return named_in(sentence, by_change | by_option) or named_in(sentence, by_file)


def _key(option: str) -> str:
    """The name of an option where no command line is spoken of."""
    return option.removeprefix("--").replace("-", "_")


def named_in(sentence: str, names: Mapping[str, str]) -> str | None:
    """What stands for the first of the names that the sentence has as a whole word."""
    places = {
        match.start(): value
        for name, value in names.items()
        if (match := re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", sentence))
    }
    return places[min(places)] if places else None
