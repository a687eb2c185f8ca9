"""What makes a shell ask promobot when somebody presses TAB: one function for each.

The words go there and back as argcomplete has it, by its environment variables and file descriptor 8. Of files a shell
knows more than we do, such as `~`, quotes and colours: where they are wanted, promobot ends with FILES.
An alias is nothing that a function can run, so PROGRAM stands in for it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

FILES = 3

_BASH = """\
_promobot() {
    local IFS=$'\\n' program=$1
    [[ $(type -t -- "$1") == @(file|function) ]] || program=PROGRAM
    COMPREPLY=($(_ARGCOMPLETE=1 _ARGCOMPLETE_SHELL=bash _ARGCOMPLETE_IFS=$'\\n' _ARGCOMPLETE_SUPPRESS_SPACE=1 \\
        _ARGCOMPLETE_COMP_WORDBREAKS="$COMP_WORDBREAKS" COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" \\
        "$program" 8>&1 9>/dev/null >/dev/null 2>&1 </dev/null))
    if (($? == FILES)); then
        COMPREPLY=()
        compopt -o default -o bashdefault
    elif [[ ${COMPREPLY-} =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
complete -F _promobot promobot
"""

# Only the command that is being typed, without what stands before it on the line; values that may go on get no space.
_ZSH = """\
#compdef promobot
_promobot() {
    local line="${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX"
    local program=${(Q)words[1]}
    [[ $(whence -w -- $program) == *(command|function) ]] || program=PROGRAM
    local -a found order=(-o nosort) whole open
    autoload -Uz is-at-least
    is-at-least 5.8 || order=()
    found=("${(@f)$(_ARGCOMPLETE=1 _ARGCOMPLETE_SHELL=fish _ARGCOMPLETE_IFS=$'\\n' _ARGCOMPLETE_DFS=$'\\t' \\
        _ARGCOMPLETE_SUPPRESS_SPACE=1 COMP_LINE="$line" COMP_POINT="${#line}" \\
        $program 8>&1 9>/dev/null >/dev/null 2>&1 </dev/null)}")
    if (($? == FILES)); then
        compset -P '--*='
        _files
        return
    fi
    local one value
    for one in $found; do
        value="${${${one%%$'\\t'*}//\\\\/\\\\\\\\}//:/\\\\:}"
        one="${one#*$'\\t'}"
        if [[ $value == *[=/] ]]; then open+=("$value"); else whole+=("$value${one:+:$one}"); fi
    done
    _describe promobot whole $order -- open $order -S ''
}
if [[ $zsh_eval_context == *func ]]; then
    _promobot "$@"
else
    compdef _promobot promobot
fi
"""

_FISH = """\
function __promobot_complete
    set -l line (string join ' ' -- (commandline -cp))
    set -lx _ARGCOMPLETE 1
    set -lx _ARGCOMPLETE_SHELL fish
    set -lx _ARGCOMPLETE_IFS \\n
    set -lx _ARGCOMPLETE_DFS \\t
    set -lx _ARGCOMPLETE_SUPPRESS_SPACE 1
    set -lx COMP_LINE "$line"
    set -lx COMP_POINT (string length -- "$line")
    set -l found (promobot 8>&1 9>/dev/null >/dev/null 2>&1 </dev/null)
    if test $status -eq FILES
        # As if for a command that nobody knows; with `--option=` before it, a path is no word of its own.
        set -l option (string match -r -- '^--[^=]+=' (commandline -ct))
        for path in (complete -C "'' "(string replace -- "$option" '' (commandline -ct)))
            echo "$option$path"
        end
    else
        printf '%s\\n' $found
    end
end
complete --command promobot --no-files --arguments '(__promobot_complete)'
"""

_SHELLS: Mapping[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def code_for(shell: str, program: Path) -> str:
    """What the shell has to run once; `program` is promobot's own."""
    return _SHELLS[shell].replace("FILES", str(FILES)).replace("PROGRAM", shlex.quote(str(program)))
