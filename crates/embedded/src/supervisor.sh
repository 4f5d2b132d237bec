# Runs a command (PostgreSQL) until it ends by itself, or until the pipe at standard input closes.
#
# The kernel closes that pipe when the process at its other end ends, however it ends. So a killed Rowcast leaves no
# server behind. This does not depend on which thread of Rowcast called (as a parent-death signal would), nor on
# anything but a POSIX shell. Only if this shell itself is killed is the parent-death signal needed, where there is
# one; the shell has one thread and changes no user, so nothing clears it.

exec 3<&0
if setpriv --pdeathsig INT true 2>/dev/null; then
    set -- setpriv --pdeathsig INT "$@"
fi
"$@" </dev/null 3<&- >&2 &
server=$!
echo "$server"
exec >/dev/null
trap 'kill -INT "$server"' HUP INT TERM

# Sleeps in a way that leaves no `sleep` behind when the watcher is ended.
pause() {
    sleep "$1" &
    sleeper=$!
    wait "$sleeper"
}

{
    trap - HUP INT TERM
    read -r line <&3
    trap 'kill "$sleeper"; wait "$sleeper"; exit' TERM
    kill -INT "$server"
    pause 20
    kill -QUIT "$server"
    pause 10
    kill -KILL "$server"
} 2>/dev/null &
watcher=$!

# A trapped signal ends `wait` early.
while kill -0 "$server" 2>/dev/null; do
    wait "$server"
    status=$?
done
kill "$watcher" 2>/dev/null
wait "$watcher"
exit "${status:-0}"
