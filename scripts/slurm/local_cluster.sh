#!/usr/bin/env bash
# A real Slurm cluster of two nodes on this one machine, to try things on before the real one, and for the tests.
#
#   eval "$(scripts/slurm/local_cluster.sh start)"    # start it, and tell sbatch, srun and squeue where it is
#   scripts/slurm/local_cluster.sh status
#   scripts/slurm/local_cluster.sh stop               # end its jobs and its four daemons, and nothing else
#
# A second word is the folder of its configuration, logs and state; default: /tmp/starbolt-slurm. It needs root, and on
# Debian or Ubuntu `apt-get install slurm-wlm munge`; it needs no systemd. It listens on the loopback interface alone.
set -euo pipefail

say() { echo "$*" >&2; } # standard output is for the one line that the shell evaluates
fail() { say "local_cluster.sh: $*"; exit 1; }

verb=${1:-} folder=$(realpath -m "${2:-/tmp/starbolt-slurm}")
daemons=(n2 n1 slurmctld munged) # in the order in which they are stopped; each has FOLDER/NAME.pid
export SLURM_CONF=$folder/slurm.conf PATH=$PATH:/usr/sbin:/sbin

program() { case $1 in n?) echo slurmd ;; *) echo "$1" ;; esac; }

alive() { # NAME: its process, by its pid file, unless that has ended or the number has gone to another program
    local pid
    pid=$(cat "$folder/$1.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$(program "$1")" ] \
        && ! grep -q '^State:.Z' "/proc/$pid/status" && echo "$pid"
}

until_true() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    while ! "${@:2}" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

nodes_idle() { [ "$(sinfo -h -N -p local -o '%N %T' 2>/dev/null | grep -c -E ' (idle|mixed|allocated)$')" = 2 ]; }
no_jobs() { [ -z "$(squeue -h -o %A)" ]; }
gone() { ! alive "$1"; }
free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_ports() { # the first of three ports in a row that nobody listens on
    local port
    for port in $(seq 17000 10 17990); do
        if free "$port" && free $((port + 1)) && free $((port + 2)); then echo "$port"; return; fi
    done
    fail "no three free ports in a row between 17000 and 17992"
}

configure() {
    local host port
    host=$(uname -n) host=${host%%.*} port=$(free_ports)
    mkdir -p "$folder/state" "$folder/spool/n1" "$folder/spool/n2"
    [ -s "$folder/munge.key" ] || (umask 077 && head -c 128 /dev/urandom >"$folder/munge.key")
    cat >"$SLURM_CONF" <<CONF
ClusterName=starbolt
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# cred_expire is also how long a requeued job waits before it starts again, 120 s by default
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
MailProg=/bin/true
# no cgroups and no accounting, so that it runs in a container
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MpiDefault=none
SwitchType=switch/none
# each node has four one-CPU places, however many processors there are
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
# jobs start, stop and start again quickly; finished ones are remembered for ten minutes
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
JobRequeue=1
OverTimeLimit=0
KillWait=5
MinJobAge=600
ReturnToService=2
MaxNodeCount=2
FirstJobId=$(($(date +%s) / 60)) # the minute of the start: numbers are new at each start
# the partition "urgent" takes the place of jobs in "local", which have 30 s to put their things away and are requeued
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=DEFAULT Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=64000
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1))
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2))
PartitionName=local Nodes=n1,n2 Default=YES DefaultTime=30 MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=30
PartitionName=urgent Nodes=n1,n2 DefaultTime=30 MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
CONF
}

start() {
    [ "$(id -u)" = 0 ] || fail "only root can start it, because slurmd starts the jobs of every user"
    for name in munged slurmctld slurmd; do
        command -v $name >/dev/null || fail "there is no $name; on Debian or Ubuntu: apt-get install slurm-wlm munge"
    done
    [ ${#folder} -le 90 ] || fail "the path of the folder is too long for a socket: $folder"
    if alive munged && alive slurmctld && alive n1 && alive n2; then
        say "it runs already in $folder"
    else
        stop
        configure
        begin munged munged --force --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
            --key-file="$folder/munge.key" --seed-file="$folder/munged.seed" --log-file="$folder/munged.log"
        begin slurmctld slurmctld -c
        begin n1 slurmd -N n1
        begin n2 slurmd -N n2
    fi >/dev/null
    until_true 30 nodes_idle || { stop; fail "the nodes do not answer within 30 s; see the logs in $folder"; }
    say "two nodes of four CPUs; logs in $folder"
    echo "export SLURM_CONF=$SLURM_CONF"
}

begin() { # NAME COMMAND...: a daemon that goes to the background by itself
    "${@:2}" 2>>"$folder/$1.log" || { stop; fail "${*:2:1} did not start; see $folder/$1.log"; }
}

stop() {
    local name pid
    if alive slurmctld >/dev/null; then
        squeue -h -o %A | sort -u | xargs -r scancel >/dev/null 2>&1 || true
        until_true 15 no_jobs || say "some jobs do not end"
    fi
    for name in "${daemons[@]}"; do
        if pid=$(alive "$name"); then
            kill "$pid"
            until_true 10 gone "$name" || kill -9 "$pid"
        fi
        rm -f "$folder/$name.pid"
    done
}

status() {
    local name
    for name in "${daemons[@]}"; do
        alive "$name" >/dev/null || fail "$name does not run in $folder"
    done
    sinfo && squeue
}

case $verb in
    start) start ;;
    stop) stop && say "stopped" ;;
    status) status ;;
    *) fail "say start, stop or status, and the folder, if it is not $folder" ;;
esac
