# Runs a Docker engine of its own in directory $1 until standard input ends, that is, until whoever started this is gone in
# any way; then ends the engine and takes all that it made away.
set -u
directory=$1
socket=$directory/docker.sock

call() {
    curl --silent --max-time 60 --unix-socket "$socket" "$@" >/dev/null
}

# Processes that belong to this engine and to no other: its own directory is among their arguments.
processes() {
    for entry in /proc/[0-9]*; do
        if [ "${entry#/proc/}" != $$ ] && tr '\0' ' ' <"$entry/cmdline" 2>/dev/null | grep -q -F "$directory/"; then
            echo "${entry#/proc/}"
        fi
    done
}

dockerd --data-root "$directory/data" --exec-root "$directory/exec" --pidfile "$directory/pid" \
    --host "unix://$socket" --bridge none --containerd-namespace "knative-$$" \
    --containerd-plugins-namespace "knative-$$-plugins" </dev/null >"$directory/log" 2>&1 &
engine=$!

read -r _

for container in $(curl --silent --unix-socket "$socket" 'http://engine/containers/json?all=1' |
    grep -o '"Id":"[0-9a-f]*"' | cut -d '"' -f 4); do
    call -X DELETE "http://engine/containers/$container?force=1&v=1"
done
# Bridges outlive their engine.
call -X POST http://engine/networks/prune
kill -TERM "$engine" 2>/dev/null
for _ in $(seq 150); do
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.2
done
for process in $(processes); do
    kill -KILL "$process" 2>/dev/null
done
wait
cut -d ' ' -f 2 /proc/mounts | grep -F "$directory/" | sort -r | while read -r mount; do
    umount "$mount"
done
rm -rf "$directory"
