# bash completion for zynclone-sandbox(1). Domains are asked of the sandbox, for a second at most.

# A column of a listing; a name that may stand for something else in a shell is left out.
_zynclone_sandbox_names()
{
    local folder=$1 what=$2 column=$3
    timeout 1 zynclone-sandbox "$what" list ${folder:+--dir "$folder"} 2>/dev/null |
        awk -v column="$column" 'NR > 1 && $column ~ /^[A-Za-z0-9._-]+$/ {print $column}'
}

_zynclone-sandbox()
{
    local cur prev words cword
    _init_completion || return

    case $prev in
        --dir) _filedir -d; return ;;
        --disk-size) COMPREPLY=($(compgen -W '512MiB 1GiB 10GiB' -- "$cur")); return ;;
        --vm | --set) return ;;
    esac

    # The words that are no options and no values of options; after -- they are another program's.
    local -a names=()
    local i folder=
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
            --) return ;;
            --dir) folder=${words[++i]} ;;
            --disk-size | --vm | --set) ((i++)) ;;
            -*) ;;
            *) names+=("${words[i]}") ;;
        esac
    done

    if [[ $cur == -* ]]; then
        local options='--dir --help'
        case "${names[0]} ${names[1]}" in
            up\ *) options+=' --vm --disk-size' ;;
            detach\ *) options+=' --force' ;;
            'domain create') options+=' --paused' ;;
            'service start') options+=' --set' ;;
            ' ') options='--help --version' ;;
            'domain ' | 'service ') options=--help ;;  # options stand after the whole command
        esac
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
        return
    fi

    local reply=
    case "${#names[@]} ${names[0]} ${names[1]}" in
        '0 '*) reply='up down serve domain attach detach service exec host' ;;
        '1 domain '*) reply='list create pause unpause shutdown destroy' ;;
        '1 service '*) reply='list start stop' ;;
        '1 attach '* | '1 detach '* | '1 exec '*) reply=$(_zynclone_sandbox_names "$folder" domain 4) ;;
        '2 domain create' | '2 domain list') ;;
        '2 domain '*) reply=$(_zynclone_sandbox_names "$folder" domain 4) ;;
        '2 service start' | '2 service stop') reply=$(_zynclone_sandbox_names "$folder" service 1) ;;
    esac
    COMPREPLY=($(compgen -W "$reply" -- "$cur"))
} && complete -F _zynclone-sandbox zynclone-sandbox
