"""The command `tenor`: a table of verbs, each imported when it is called.

Exit codes, the same for every verb:

    0  safe, or no change           3  unknown: no verdict is possible
    1  unsafe                       4  server, network, authentication
    2  usage: bad arguments, an     5  stale or conflict: what you saw
       unreadable file, a schema       is not what the registry has, or
       or name that is none            it does not take it now
   10  changes are present, if `--detailed-exitcode` asks for it

Data go to stdout, everything else to stderr. A new verb is a module of `tenor.cli.verbs` with `configure(parser)` and
`run(arguments, output)` and one row in VERBS; its name may be two words (`env list`). `tenor --help` imports neither
argparse nor an HTTP client.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAFE: Final = 0
UNSAFE: Final = 1
USAGE: Final = 2
UNKNOWN: Final = 3
FAILED: Final = 4
STALE: Final = 5
CHANGED: Final = 10
INTERRUPTED: Final = 130


class Verb(NamedTuple):
    """A row of the table: where the verb lives and what it does, in one line.

    `operand`: what follows the verb's one word may be its own, unless it is the second word of another verb.
    """

    module: str
    summary: str
    operand: bool = False


VERBS: Final = {
    "init": Verb("tenor.cli.verbs.init", "write a tenor.yaml for the schemas of this folder"),
    "register": Verb("tenor.cli.verbs.register", "register a schema, or see with --dry-run what would happen"),
    "plan": Verb("tenor.cli.verbs.plan", "what registering the schemas of this project would do"),
    "apply": Verb("tenor.cli.verbs.apply", "register the schemas of a plan, all or none"),
    "get": Verb("tenor.cli.verbs.get", "print a schema: a version of a subject, or by id"),
    "list": Verb("tenor.cli.verbs.list", "list subjects"),
    "check": Verb("tenor.cli.verbs.check", "is a schema safe beside an earlier one, or a subject? shows what breaks"),
    "diff": Verb("tenor.cli.verbs.diff", "what changed between two schemas"),
    "sample": Verb("tenor.cli.verbs.sample", "print valid events of a schema"),
    "lint": Verb("tenor.cli.verbs.lint", "what could be better about a schema"),
    "fmt": Verb("tenor.cli.verbs.fmt", "lay out schema files alike, and change nothing in them"),
    "explain": Verb("tenor.cli.verbs.explain", "what a rule means"),
    "gen models": Verb("tenor.cli.verbs.gen_models", "write typed models of events, in Python"),
    "bundle create": Verb("tenor.cli.verbs.bundle_create", "write a signed file that stands in for a registry"),
    "bundle verify": Verb("tenor.cli.verbs.bundle_verify", "is a bundle signed by a key you trust?"),
    "bundle show": Verb("tenor.cli.verbs.bundle_show", "list what a bundle holds"),
    "upcast new": Verb("tenor.cli.verbs.upcast_new", "derive the upcaster between two schemas: its plan, or its code"),
    "upcast prove": Verb("tenor.cli.verbs.upcast_prove", "is a plan right for every old event?"),
    "upcast run": Verb("tenor.cli.verbs.upcast_run", "upcast the events of a file"),
    "upcast publish": Verb("tenor.cli.verbs.upcast_publish", "let the registry prove an upcaster, and keep it"),
    "upcast list": Verb("tenor.cli.verbs.upcast_list", "which upcasters a subject has, and where there is none"),
    "replay": Verb("tenor.cli.verbs.replay", "feed the old events of a file to a handler, upcast"),
    "redrive": Verb("tenor.cli.verbs.redrive", "send quarantined records again"),
    "contracts publish": Verb("tenor.cli.verbs.contracts_publish", "publish the pacts of a consumer's version"),
    "contracts record": Verb("tenor.cli.verbs.contracts_record", "run pytest, and record what the code relies on"),
    "contracts from-model": Verb("tenor.cli.verbs.contracts_from_model", "write the contract of a typed model"),
    "contracts list": Verb("tenor.cli.verbs.contracts_list", "list the newest contract of each consumer and provider"),
    "contracts verify": Verb("tenor.cli.verbs.contracts_verify", "does a provider's version keep its contracts?"),
    "can-i-deploy": Verb("tenor.cli.verbs.can_i_deploy", "is a version safe beside what an environment runs?"),
    "deploy": Verb("tenor.cli.verbs.deploy", "the same as deploy record"),
    "deploy record": Verb("tenor.cli.verbs.deploy", "record that a version is deployed to an environment"),
    "deploy undeploy": Verb("tenor.cli.verbs.deploy_undeploy", "record that an environment runs a version no longer"),
    "deploy release": Verb("tenor.cli.verbs.deploy_release", "record that a version is released, beside others"),
    "deploy support-ended": Verb("tenor.cli.verbs.deploy_support_ended", "record that a release is not supported"),
    "impact": Verb("tenor.cli.verbs.impact", "whom does a schema hurt: which consumer, where, on which field?"),
    "rollout": Verb("tenor.cli.verbs.rollout", "in which order to deploy a change, or why there is none"),
    "consumers": Verb("tenor.cli.verbs.consumers", "who uses a subject, and which fields"),
    "produces": Verb("tenor.cli.verbs.produces", "say what a version of an application writes, or reads with"),
    "observe kafka": Verb("tenor.cli.verbs.observe_kafka", "tell the registry what topics keep, and who reads them"),
    "waive": Verb("tenor.cli.verbs.waive", "accept a break for a while"),
    "policy get": Verb("tenor.cli.verbs.policy_get", "show what protects a subject"),
    "policy set": Verb("tenor.cli.verbs.policy_set", "protect a subject, a prefix, or all"),
    "env list": Verb("tenor.cli.verbs.env_list", "list environments"),
    "env create": Verb("tenor.cli.verbs.env_create", "create an environment"),
    "env update": Verb("tenor.cli.verbs.env_update", "change an environment"),
    "env delete": Verb("tenor.cli.verbs.env_delete", "delete an environment"),
    "env describe": Verb("tenor.cli.verbs.env_describe", "what an environment is, and what runs there"),
    "keys create": Verb("tenor.cli.verbs.keys_create", "create a KEK"),
    "keys list": Verb("tenor.cli.verbs.keys_list", "list KEKs and how many keys they wrap"),
    "keys rotate": Verb("tenor.cli.verbs.keys_rotate", "make the next version of a data key, or move a KEK"),
    "keys rewrap": Verb("tenor.cli.verbs.keys_rewrap", "wrap data keys anew after their KEK was rotated"),
    "keys erase": Verb("tenor.cli.verbs.keys_erase", "destroy a person's key"),
    "import confluent": Verb("tenor.cli.verbs.import_confluent", "copy a live registry, with ids and deleted ones"),
    "import pact-broker": Verb("tenor.cli.verbs.import_pact_broker", "copy a contract broker through its HAL API"),
    "import dir": Verb("tenor.cli.verbs.import_dir", "restore what tenor export wrote"),
    "import asyncapi": Verb("tenor.cli.verbs.import_asyncapi", "tell who sends and receives what, by AsyncAPI"),
    "import odcs": Verb("tenor.cli.verbs.import_odcs", "register the schemas of data contracts (ODCS)"),
    "export": Verb("tenor.cli.verbs.export", "write what a registry holds to a file", operand=True),
    "export asyncapi": Verb("tenor.cli.verbs.export_asyncapi", "write who sends and receives what as AsyncAPI"),
    "export odcs": Verb("tenor.cli.verbs.export_odcs", "write a subject as a data contract (ODCS)"),
    "completion": Verb("tenor.cli.verbs.completion", "print what completes verbs and options in your shell"),
    "output-schema": Verb("tenor.cli.verbs.output_schema", "print the JSON Schema of what a verb prints as JSON"),
    "login": Verb("tenor.cli.verbs.login", "log in to a registry, and keep a token"),
    "whoami": Verb("tenor.cli.verbs.whoami", "who the registry takes you for, and what was granted to you"),
    "audit tail": Verb("tenor.cli.verbs.audit_tail", "the newest events of the audit log: who did what, from where"),
    "audit export": Verb("tenor.cli.verbs.audit_export", "write the whole audit log to a file"),
    "audit verify": Verb("tenor.cli.verbs.audit_verify", "was an exported audit log changed? without a server"),
}

USAGE_TEXT: Final = """\
usage: tenor VERB [ARGUMENTS]   (tenor VERB --help says more)

{verbs}

Every verb takes --registry URL (TENOR_URL, default http://localhost:8081), --output text|json|yaml,
--quiet, --debug.
Authentication: TENOR_TOKEN, or TENOR_BASIC_AUTH=user:password; with _FILE appended, read from that file;
else the token that `tenor login` kept.

exit codes: 0 safe or no change, 1 unsafe, 2 usage, 3 unknown, 4 server, network or authentication,
            5 stale or conflict, 10 changes present (plan --detailed-exitcode)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(usage(), file=sys.stdout if given else sys.stderr, end="")
        return SAFE if given else USAGE
    if given[0] in ("-V", "--version"):
        from tenor import __version__

        print(f"tenor {__version__}")
        return SAFE
    for words in (2, 1):
        name = " ".join(given[:words])
        if (verb := VERBS.get(name)) is not None and not (words == 1 and _second_word(given) and not verb.operand):
            from tenor.cli.running import run

            return run(name, verb, given[words:])
    return _no_such_verb(given)


def usage() -> str:
    """The text of `tenor --help`."""
    width = max(map(len, VERBS))
    return USAGE_TEXT.format(verbs="\n".join(f"  {name:<{width}}  {verb.summary}" for name, verb in VERBS.items()))


def _no_such_verb(given: Sequence[str]) -> int:
    from difflib import get_close_matches

    word = given[0]
    if family := {name: verb for name, verb in VERBS.items() if name.startswith(f"{word} ")}:
        return _of_family(word, given[1:], family)
    close = get_close_matches(word, VERBS, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"the verbs are: {', '.join(VERBS)}."
    print(f"tenor: '{word}' is not a verb; {hint}", file=sys.stderr)
    return USAGE


def _second_word(given: Sequence[str]) -> bool:
    """Whether a verb that also stands alone (`deploy`) is followed by what should be its second word."""
    follows = len(given) > 1 and not given[1].startswith("-")
    return follows and any(name.startswith(f"{given[0]} ") for name in VERBS)


def _of_family(word: str, rest: Sequence[str], family: Mapping[str, Verb]) -> int:
    """What to say to the first word of verbs of two words, when no second one fits."""
    if rest and rest[0] in ("-h", "--help"):
        print("\n".join(f"  tenor {name}  {verb.summary}" for name, verb in family.items()))
        return SAFE
    *names, last = [f"tenor {name}" for name in family]
    choices = f"{', '.join(names)} or {last}" if names else last
    print(f"tenor: say which '{word}': {choices}.", file=sys.stderr)
    return USAGE
