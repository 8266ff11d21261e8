"""What the controller does with a bot's database: its backups, made here or on its host.

The work itself is done by the runner, botswain.backup, which knows nothing of profiles, inventories or this package.

    choose                 the backups that a profile means; base: what can be asked of them
    local                  a database that is reached from here: the runner as a library
    host, runner           one on a host: the runner over Ansible, and the file that is installed there
    restoring              a restore with a way back
    schedule, crontab      every day, by cron here or by a timer there
    words                  what is going to be done
"""
