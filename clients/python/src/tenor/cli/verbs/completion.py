"""Print a script that completes verbs, options and files in your shell.

bash   tenor completion bash > ~/.local/share/bash-completion/completions/tenor
zsh    tenor completion zsh > ~/.tenor-completion.zsh      and in ~/.zshrc: source ~/.tenor-completion.zsh
fish   tenor completion fish > ~/.config/fish/completions/tenor.fish
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Final

from tenor.cli import SAFE, VERBS
from tenor.cli.output import Output
from tenor.cli.running import parser_of

SHELLS: Final = ("bash", "zsh", "fish")

_BASH: Final = """\
_tenor() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" verb="${{COMP_WORDS[1]}}" second="" options="" IFS=$' \\t\\n'
  ((COMP_CWORD > 2)) && second="${{COMP_WORDS[2]}}"
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
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _tenor tenor
"""
_ZSH: Final = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("shell", metavar="|".join(SHELLS), choices=SHELLS, help="whose script")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Print it."""
    options = {name: list(options_of(name)) for name in VERBS}
    script = {"bash": _bash, "zsh": lambda told: _ZSH + _bash(told), "fish": _fish}[arguments.shell](options)
    output.result({"shell": arguments.shell, "script": script}, script.rstrip("\n"))
    return SAFE


def options_of(name: str) -> Iterator[str]:
    """The long options of a verb."""
    for action in parser_of(name, import_module(VERBS[name].module))._actions:  # argparse tells them nowhere else
        yield from (each for each in action.option_strings if each.startswith("--"))


def families() -> Mapping[str, list[str]]:
    """The second words of verbs that have two, by the first."""
    found: dict[str, list[str]] = {}
    for name in VERBS:
        first, _, second = name.partition(" ")
        if second:
            found.setdefault(first, []).append(second)
    return found


def _bash(options: Mapping[str, Sequence[str]]) -> str:
    first = dict.fromkeys(name.partition(" ")[0] for name in VERBS)
    # Longer names first: `deploy record` is not `deploy`.
    names = sorted(options, key=lambda name: (" " not in name, name))
    return _BASH.format(
        words=" ".join(first),
        families="\n".join(
            f'      {word}) COMPREPLY=($(compgen -W "{" ".join(seconds)}" -- "$word")); return ;;'
            for word, seconds in families().items()
        ),
        options="\n".join(f'    "{name} "*|"{name}") options="{" ".join(options[name])}" ;;' for name in names),
    )


def _fish(options: Mapping[str, Sequence[str]]) -> str:
    lines = ["complete -c tenor -e"]
    seconds = families()
    for word in dict.fromkeys(name.partition(" ")[0] for name in VERBS):
        told = VERBS[word].summary if word in VERBS else ", ".join(seconds[word])
        lines.append(f"complete -c tenor -f -n __fish_use_subcommand -a {word} -d {_quoted(told)}")
    for word, each in seconds.items():
        seen = f"__fish_seen_subcommand_from {word}; and not __fish_seen_subcommand_from {' '.join(each)}"
        lines += [
            f"complete -c tenor -f -n {_quoted(seen)} -a {second} -d {_quoted(VERBS[f'{word} {second}'].summary)}"
            for second in each
        ]
    for name, told_options in options.items():
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in name.split(" "))
        lines += [f"complete -c tenor -n {_quoted(seen)} -l {each.removeprefix('--')}" for each in told_options]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
