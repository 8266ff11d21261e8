# Completes ./inv in fish: tasks and options, environments after --env, deployments after --to.
# Into ~/.config/fish/config.fish:  /path/to/inv completion --shell fish | source

function __botswain_inv
    set --local words (commandline --tokenize --current-process --cut-at-cursor)
    set --local word (commandline --current-token --cut-at-cursor)
    set --local inv (string replace --regex '^~/' "$HOME/" -- $words[1])
    # Nothing is run that is not there, such as another project's inv on PATH.
    test -f (dirname -- $inv)/botswain/cli/completions/inv.fish; or return
    switch $words[-1]
        case --env
            for file in (dirname -- $inv)/profiles/*.{yaml,yml}
                string replace --regex '\.ya?ml$' '' -- (basename -- $file)
            end
        case --to
            set --local at (contains --index -- --env $words); or return
            $inv history --env $words[(math $at + 1)] --json 2>/dev/null </dev/null |
                string replace --filter --regex '.*"deploymentId": "([^"]*)".*' '$1'
        case '*'
            $inv --complete -- "inv $words[2..] $word" 2>/dev/null </dev/null
    end
end

complete --command inv --no-files --arguments '(__botswain_inv)'
