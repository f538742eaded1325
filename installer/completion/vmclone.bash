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

    # After "--" stands a command of the guest's, of which nothing is known here.
    local word
    case ${words[1]} in
        run | rehearse | upgrade)
            for word in "${words[@]:2:cword-2}"; do [[ $word == -- ]] && return; done ;;
    esac

    case $prev in
        --mode) COMPREPLY=($(compgen -W 'online live offline' -- "$cur")); return ;;
        --timeout | --probation | --health-limit) COMPREPLY=($(compgen -W '10s 30s 5m 1h' -- "$cur")); return ;;
        --network) COMPREPLY=($(compgen -W 'original isolated' -- "$cur")); return ;;
        --ttl) COMPREPLY=($(compgen -W '1h 12h 1d 7d' -- "$cur")); return ;;
        --until) COMPREPLY=($(compgen -W '06:00 12:00 18:00 22:00' -- "$cur")); return ;;
        --socket | --broker-conf) _filedir; return ;;
        --after)
            [[ ${words[1]} == cutover ]] && COMPREPLY=($(compgen -W 'undo commit' -- "$cur"))
            return ;;
        --limit)
            case ${words[1]} in run | rehearse | upgrade) COMPREPLY=($(compgen -W '1m 10m 30m 2h' -- "$cur")) ;; esac
            return ;;
        --clone) COMPREPLY=($(compgen -W "$(_vmclone_values name list "${words[2]}")" -- "$cur")); return ;;
        --to) COMPREPLY=($(compgen -W "$(_vmclone_values name list "${words[2]}") ${words[2]}" -- "$cur")); return ;;
        --name | --note | --request-id | --last | --reason | --mark | --at | --times) return ;;
    esac

    # The words that are no options and no values of options.
    local -a names=()
    local i
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
            --mode | --timeout | --socket | --broker-conf | --name | --note | --request-id | --limit | --last | --reason | --after | --mark | --at | \
                --ttl | --network | --probation | --until | --times | --to | --clone | --health-limit)
                ((i++)) ;;
            -*) ;;
            *) names+=("${words[i]}") ;;
        esac
    done

    local common='--json --timeout --socket --help' change='--wait --plan --request-id' files='--json --broker-conf --help'
    if [[ $cur == -* ]]; then
        case "${names[0]} ${names[1]}" in
            create\ *) common+=" $change --name --mode --no-start --note --ttl --network" ;;
            start\ * | stop\ * | activate\ * | deactivate\ * | remove\ * | rename\ * | protect\ * | unprotect\ *) common+=" $change" ;;
            'cutover start') common+=" $change --probation --after" ;;
            run\ *) common+=' --clone --limit --plan --request-id --' ;;
            rehearse\ *) common='--json --socket --help --limit --health-limit --name --mode --network --keep --' ;;
            upgrade\ *) common='--json --socket --help --limit --health-limit --name --no-rehearsal --plan --' ;;
            repair\ *) common+=" $change --to --yes" ;;
            'cutover commit' | 'cutover undo' | 'volume switch') common+=" $change" ;;
            'grant list' | 'grant revoke') ;;
            grant\ *) common+=' --until --times' ;;
            'operation list') common+=' --limit --all' ;;
            'approval allow' | 'approval deny') common+=' --reason' ;;
            'audit list') common+=' --last --all --after --limit' ;;
            'audit verify') common="$files --mark" ;;
            'policy explain') common="$files --at" ;;
            'config '?* | 'policy '?*) common=$files ;;
            ' ') common='--help --version' ;;
            'cutover ' | 'volume ' | 'peripheral ' | 'operation ' | 'approval ' | 'audit ' | 'config ' | 'policy ')
                common=--help ;;  # options stand after the whole command
        esac
        COMPREPLY=($(compgen -W "$common" -- "$cur"))
        return
    fi

    local reply=
    case "${#names[@]} ${names[0]} ${names[1]}" in
        '0 '*)
            reply='create start stop activate deactivate remove rename protect unprotect list show cutover volume peripheral repair run rehearse upgrade operation approval grant audit config
                policy health' ;;
        '1 operation '*) reply='show list cancel watch' ;;
        '1 cutover '*) reply='start commit undo show' ;;
        '1 volume '*) reply='switch list' ;;
        '1 peripheral '*) reply=list ;;
        '1 approval '*) reply='list allow deny' ;;
        '1 grant '*) reply="list revoke $(_vmclone_vms)" ;;
        '1 audit '*) reply='list verify' ;;
        '1 config '*) reply='show check' ;;
        '1 policy '*) reply='check explain' ;;
        '1 '*) reply=$(_vmclone_vms) ;;
        '2 operation list' | '2 config show' | '2 policy explain' | '2 cutover '* | '2 volume '* | '2 peripheral '* | '2 grant list') reply=$(_vmclone_vms) ;;
        '3 cutover start' | '4 volume switch') reply=$(_vmclone_values name list "${names[2]}") reply+=" ${names[2]}" ;;
        '3 volume switch') reply=$(_vmclone_values name volume list "${names[2]}") ;;
        '2 grant revoke') reply=$(_vmclone_values id grant list) ;;
        '2 operation '*) reply=$(_vmclone_values id operation list --limit 200) ;;
        '2 approval allow' | '2 approval deny') reply=$(_vmclone_values id approval list) ;;
        '2 start '* | '2 stop '* | '2 activate '* | '2 deactivate '* | '2 remove '* | '2 rename '* | '2 protect '* | '2 unprotect '* | '2 show '* | \
            '2 health '*)
            reply=$(_vmclone_values name list "${names[1]}") ;;
        '3 policy explain' | '2 grant '*)
            reply='clone.create clone.start clone.stop clone.activate clone.deactivate clone.remove clone.rename clone.protect clone.unprotect
                cutover.start cutover.commit cutover.undo volume.switch' ;;
    esac
    COMPREPLY=($(compgen -W "$reply" -- "$cur"))
} && complete -F _vmclone vmclone
