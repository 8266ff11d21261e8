# Completes ./inv in Bash and zsh: tasks and options, environments after --env, deployments after --to.
# Into ~/.bashrc or ~/.zshrc:  source <(/path/to/inv completion)

if [ -n "${ZSH_VERSION:-}" ]; then
    autoload -U +X compinit && compinit -u
    autoload -U +X bashcompinit && bashcompinit
fi

_botswain_inv() {
    local inv=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} found='' env='' file index
    # Bash takes `--env=st` for three words.
    [ "$word" != = ] || word=''
    [ "$before" != = ] || before=${COMP_WORDS[COMP_CWORD-2]}
    case $inv in
        '~/'*) inv=$HOME/${inv#'~/'} ;;
    esac
    # Nothing is run that is not there, such as another project's inv on PATH.
    [ -f "$(dirname -- "$inv")/botswain/cli/completions/inv.bash" ] || return 0
    case $before in
        --env)
            for file in "$(dirname -- "$inv")"/profiles/*.y*ml; do
                file=${file##*/}
                found="$found ${file%.y*ml}"
            done
            ;;
        --to)
            for ((index = 1; index < COMP_CWORD; index++)); do
                [ "${COMP_WORDS[index]}" != --env ] || env=${COMP_WORDS[index+1]}
                [ "$env" != = ] || env=${COMP_WORDS[index+2]}
            done
            [ -z "$env" ] || found=$("$inv" history --env "$env" --json 2>/dev/null </dev/null |
                sed -n 's/.*"deploymentId": "\([^"]*\)".*/\1/p')
            ;;
        *)
            found=$("$inv" --complete -- "inv ${COMP_WORDS[*]:1:$COMP_CWORD}" 2>/dev/null </dev/null)
            ;;
    esac
    COMPREPLY=($(compgen -W "$found" -- "$word"))
}

complete -o default -F _botswain_inv inv ./inv
