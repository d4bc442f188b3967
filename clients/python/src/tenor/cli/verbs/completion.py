"""Print a script that completes verbs, options and files in your shell.

bash   tenor completion bash > ~/.local/share/bash-completion/completions/tenor
zsh    tenor completion zsh > ~/.tenor-completion.zsh      and in ~/.zshrc: source ~/.tenor-completion.zsh
fish   tenor completion fish > ~/.config/fish/completions/tenor.fish
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Final, NamedTuple

from tenor.cli import SAFE, VERBS
from tenor.cli.output import Output
from tenor.cli.running import parser_of

SHELLS: Final = ("bash", "zsh", "fish")

# Where it offers nothing, the shell offers files.
_BASH: Final = """\
_tenor() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local verb="${{COMP_WORDS[1]}}" second="" options="" choices="" prefix="" IFS=$' \\t\\n'
  ((COMP_CWORD > 2)) && second="${{COMP_WORDS[2]}}"
  if [[ $word == --*=* ]]; then
    before="${{word%%=*}}" prefix="${{word%%=*}}=" word="${{word#*=}}"
  elif [[ $word == = ]]; then
    word=""
  elif [[ $before == = ]]; then
    before="${{COMP_WORDS[COMP_CWORD-2]}}"
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{words}" -- "$word"))
    return
  fi
  if ((COMP_CWORD == 2)) && [[ $word != -* ]]; then
    case "$verb" in
{families}
    esac
  fi
  case "$verb $second" in
{options}
  esac
  case "$verb $second $before" in
{choices}
  esac
  if [[ -n $choices && $word != -* ]]; then
    COMPREPLY=($(compgen -P "$prefix" -W "$choices" -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  fi
}}
complete -o default -F _tenor tenor
"""
_ZSH: Final = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


class Option(NamedTuple):
    """A long option. `choices` are its values where they are known; a flag takes none."""

    name: str
    takes_value: bool
    choices: tuple[str, ...]


class Told(NamedTuple):
    """What a verb takes: its options, and the words of an argument that is one of few."""

    options: tuple[Option, ...]
    words: tuple[str, ...]


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("shell", metavar="|".join(SHELLS), choices=SHELLS, help="whose script")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Print it."""
    told = {name: told_of(name) for name in VERBS}
    script = {"bash": _bash, "zsh": lambda told: _ZSH + _bash(told), "fish": _fish}[arguments.shell](told)
    output.result({"shell": arguments.shell, "script": script}, script.rstrip("\n"))
    return SAFE


def told_of(name: str) -> Told:
    """What a verb takes."""
    options, words = list[Option](), tuple[str, ...]()
    for action in parser_of(name, import_module(VERBS[name].module))._actions:  # argparse tells them nowhere else
        known: Iterable[object] = getattr(action.type, "words", ()) if action.choices is None else action.choices
        choices = tuple(map(str, known))
        options += [Option(each, action.nargs != 0, choices) for each in action.option_strings if each.startswith("--")]
        if not action.option_strings:
            words += choices
    return Told(tuple(options), words)


def options_of(name: str) -> Iterator[str]:
    """The long options of a verb."""
    yield from (each.name for each in told_of(name).options)


def families() -> Mapping[str, list[str]]:
    """The second words of verbs that have two, by the first."""
    found: dict[str, list[str]] = {}
    for name in VERBS:
        first, _, second = name.partition(" ")
        if second:
            found.setdefault(first, []).append(second)
    return found


def _bash(told: Mapping[str, Told]) -> str:
    first = dict.fromkeys(name.partition(" ")[0] for name in VERBS)
    # Longer names first: `deploy record` is not `deploy`.
    names = sorted(told, key=lambda name: (" " not in name, name))
    return _BASH.format(
        words=" ".join(first),
        families="\n".join(
            f'      {word}) COMPREPLY=($(compgen -W "{" ".join(seconds)}" -- "$word")); return ;;'
            for word, seconds in families().items()
        ),
        options="\n".join(
            f'    "{name} "*|"{name}") options="{" ".join(each.name for each in told[name].options)}"'
            f"{_words(told[name])} ;;"
            for name in names
        ),
        choices="\n".join(
            _choices(name, told[name]) for name in names if any(each.choices for each in told[name].options)
        ),
    )


def _words(told: Told) -> str:
    return f' choices="{" ".join(told.words)}"' if told.words else ""


def _choices(name: str, told: Told) -> str:
    """The values of a verb's options. What begins with one of them is its value, not another word of the verb."""
    rows = [
        f'    "{name} "*" {each.name}"|"{name} {each.name}") choices="{" ".join(each.choices)}" ;;'
        for each in told.options
        if each.choices
    ]
    return "\n".join(rows)


def _fish(told: Mapping[str, Told]) -> str:
    lines = ["complete -c tenor -e"]
    seconds = families()
    for word in dict.fromkeys(name.partition(" ")[0] for name in VERBS):
        summary = VERBS[word].summary if word in VERBS else ", ".join(seconds[word])
        lines.append(f"complete -c tenor -f -n __fish_use_subcommand -a {word} -d {_quoted(summary)}")
    for word, each in seconds.items():
        seen = f"__fish_seen_subcommand_from {word}; and not __fish_seen_subcommand_from {' '.join(each)}"
        lines += [
            f"complete -c tenor -f -n {_quoted(seen)} -a {second} -d {_quoted(VERBS[f'{word} {second}'].summary)}"
            for second in each
        ]
    for name, takes in told.items():
        seen = _quoted("; and ".join(f"__fish_seen_subcommand_from {word}" for word in name.split(" ")))
        if takes.words:
            lines.append(f"complete -c tenor -f -n {seen} -a {_quoted(' '.join(takes.words))}")
        lines += [f"complete -c tenor -n {seen} -l {_option(each)}" for each in takes.options]
    return "\n".join(lines) + "\n"


def _option(option: Option) -> str:
    name = option.name.removeprefix("--")
    if option.choices:
        return f"{name} -x -a {_quoted(' '.join(option.choices))}"
    return f"{name} -r" if option.takes_value else name


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
