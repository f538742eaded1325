# bash completion for vmclone(8). Names of VMs, clones and operations are asked of the broker, for a second at most.

# Values of a key in the objects of a list, at the depth that --json indents them to: {"clones": [{"name": …}]}. Those of an
# approval's operation stand one deeper.
_vmclone_values()
{
    local key=$1
    shift
    timeout 1 vmclone "$@" --json --timeout 1s 2>/dev/null |
        sed -n 's/^      \(  \)\{0,1\}"'"$key"'": "\([A-Za-z0-9._-]*\)",\{0,1\}$/\2/p' | sort -u
}

# VMs that may be cloned have a file; the broker tells those that have clones.
_vmclone_vms()
{
    local file
    for file in /etc/xen/clone/guest/*.conf; do
        [[ -e $file ]] && basename "$file" .conf
    done
    _vmclone_values vm list
}

_vmclone()
{
    local cur prev words cword
    _init_completion || return

    case $prev in
        --mode) COMPREPLY=($(compgen -W 'online offline' -- "$cur")); return ;;
        --timeout) COMPREPLY=($(compgen -W '10s 30s 5m 1h' -- "$cur")); return ;;
        --socket | --broker-conf) _filedir; return ;;
        --name | --note | --request-id | --limit | --last | --reason | --after | --mark | --at) return ;;
    esac

    # The words that are no options and no values of options.
    local -a names=()
    local i
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
            --mode | --timeout | --socket | --broker-conf | --name | --note | --request-id | --limit | --last | --reason | --after | --mark | --at)
                ((i++)) ;;
            -*) ;;
            *) names+=("${words[i]}") ;;
        esac
    done

    local common='--json --timeout --socket --help' change='--wait --plan --request-id' files='--json --broker-conf --help'
    if [[ $cur == -* ]]; then
        case "${names[0]} ${names[1]}" in
            create\ *) common+=" $change --name --mode --no-start --note" ;;
            start\ * | stop\ * | activate\ * | deactivate\ * | remove\ * | rename\ *) common+=" $change" ;;
            'operation list') common+=' --limit --all' ;;
            'approval allow' | 'approval deny') common+=' --reason' ;;
            'audit list') common+=' --last --all --after --limit' ;;
            'audit verify') common="$files --mark" ;;
            'policy explain') common="$files --at" ;;
            config\ * | policy\ *) common=$files ;;
            ' ') common='--help --version' ;;
        esac
        COMPREPLY=($(compgen -W "$common" -- "$cur"))
        return
    fi

    local reply=
    case "${#names[@]} ${names[0]} ${names[1]}" in
        '0 '*)
            reply='create start stop activate deactivate remove rename list show operation approval audit config policy health' ;;
        '1 operation '*) reply='show list cancel watch' ;;
        '1 approval '*) reply='list allow deny' ;;
        '1 audit '*) reply='list verify' ;;
        '1 config '*) reply='show check' ;;
        '1 policy '*) reply='check explain' ;;
        '1 '*) reply=$(_vmclone_vms) ;;
        '2 operation list' | '2 config show' | '2 policy explain') reply=$(_vmclone_vms) ;;
        '2 operation '*) reply=$(_vmclone_values id operation list --limit 200) ;;
        '2 approval allow' | '2 approval deny') reply=$(_vmclone_values id approval list) ;;
        '2 start '* | '2 stop '* | '2 activate '* | '2 deactivate '* | '2 remove '* | '2 rename '* | '2 show '* | '2 health '*)
            reply=$(_vmclone_values name list "${names[1]}") ;;
        '3 policy explain')
            reply='clone.create clone.start clone.stop clone.activate clone.deactivate clone.remove clone.rename' ;;
    esac
    COMPREPLY=($(compgen -W "$reply" -- "$cur"))
} && complete -F _vmclone vmclone
