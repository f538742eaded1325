# bash completion for zynclone(1). Names of clones and operations are asked of the agent, for a second at most.

# Values of a key in the objects of a list, at the depth that --json indents them to: {"clones": [{"name": …}]}.
_zynclone_values()
{
    local key=$1
    shift
    timeout 1 zynclone "$@" --json --timeout 1s 2>/dev/null | sed -n 's/^      "'"$key"'": "\([A-Za-z0-9._-]*\)",\{0,1\}$/\1/p' | sort -u
}

_zynclone()
{
    local cur prev words cword
    _init_completion || return

    case $prev in
        --mode) COMPREPLY=($(compgen -W 'online live offline' -- "$cur")); return ;;
        --after) COMPREPLY=($(compgen -W 'undo commit' -- "$cur")); return ;;
        --timeout | --probation) COMPREPLY=($(compgen -W '10s 30s 5m 1h' -- "$cur")); return ;;
        --network) COMPREPLY=($(compgen -W 'original isolated' -- "$cur")); return ;;
        --ttl) COMPREPLY=($(compgen -W '1h 12h 1d 7d' -- "$cur")); return ;;
        --socket) _filedir; return ;;
        --name | --note | --request-id | --limit) return ;;
    esac

    # The words that are no options and no values of options.
    local -a names=()
    local i
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
            --mode | --timeout | --socket | --name | --note | --request-id | --limit | --ttl | --network | --probation | --after) ((i++)) ;;
            -*) ;;
            *) names+=("${words[i]}") ;;
        esac
    done

    local common='--json --timeout --socket --help' change='--wait --plan --request-id'
    if [[ $cur == -* ]]; then
        case "${names[0]} ${names[1]}" in
            'clone create') common+=" $change --name --mode --no-start --note --ttl --network" ;;
            'clone show' | 'clone list') ;;
            'clone '?*) common+=" $change" ;;
            'cutover start') common+=" $change --probation --after" ;;
            'cutover commit' | 'cutover undo' | 'volume switch') common+=" $change" ;;
            'operation list') common+=' --limit --all' ;;
            ' ') common='--help --version' ;;
            *' ') common=--help ;;  # options stand after the whole command
        esac
        COMPREPLY=($(compgen -W "$common" -- "$cur"))
        return
    fi

    case "${#names[@]} ${names[0]} ${names[1]}" in
        '0 '*) COMPREPLY=($(compgen -W 'family clone cutover volume peripheral operation' -- "$cur")) ;;
        '1 family '*) COMPREPLY=($(compgen -W 'show' -- "$cur")) ;;
        '1 clone '*)
            COMPREPLY=($(compgen -W 'create start stop activate deactivate remove rename protect unprotect show list' -- "$cur")) ;;
        '1 cutover '*) COMPREPLY=($(compgen -W 'start commit undo show' -- "$cur")) ;;
        '1 volume '*) COMPREPLY=($(compgen -W 'switch list' -- "$cur")) ;;
        '1 peripheral '*) COMPREPLY=($(compgen -W 'list' -- "$cur")) ;;
        '1 operation '*) COMPREPLY=($(compgen -W 'show list cancel watch' -- "$cur")) ;;
        '2 clone create' | '2 clone list' | '2 operation list') ;;
        '2 clone '*) COMPREPLY=($(compgen -W "$(_zynclone_values name clone list)" -- "$cur")) ;;
        '2 cutover start' | '3 volume switch')
            COMPREPLY=($(compgen -W "$(_zynclone_values name clone list; _zynclone_values vm clone list)" -- "$cur")) ;;
        '2 volume switch') COMPREPLY=($(compgen -W "$(_zynclone_values name volume list)" -- "$cur")) ;;
        '2 operation '*) COMPREPLY=($(compgen -W "$(_zynclone_values id operation list --limit 200)" -- "$cur")) ;;
    esac
} && complete -F _zynclone zynclone
