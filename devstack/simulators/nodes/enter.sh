#!/bin/sh
# First process inside the new namespaces of one session (mount, pid, uts, ipc, net), still root: builds what the
# login may see, then becomes that login. Started by confinement.py, which has validated every argument.
#   enter.sh HOSTNAME LOGIN UID FOLDER MASK TTY NOFILE NPROC FSIZE COMMAND [ARGUMENT...]
# FOLDER holds home/LOGIN tmp/LOGIN sbin/LOGIN etc/LOGIN.{passwd,group}; MASK is hidden; TTY is 1 or 0.
set -eu
hostname=$1 login=$2 uid=$3 folder=$4 mask=$5 tty=$6 nofile=$7 nproc=$8 fsize=$9
shift 9
PATH=/usr/sbin:/usr/bin:/sbin:/bin

printf '%s' "$hostname" 2>/dev/null >/proc/sys/kernel/hostname || hostname "$hostname" || :
ip link set lo up 2>/dev/null || :

# A second door to FOLDER, because it may itself lie under /home or /tmp, which are about to be covered.
mount --bind "$folder" /mnt
mount -t tmpfs -o mode=0755,size=64k,nosuid,nodev berth /home
mkdir "/home/$login"
mount --bind "/mnt/home/$login" "/home/$login"
mount --bind "/mnt/tmp/$login" /tmp
mount --bind "/mnt/tmp/$login" /var/tmp
mount --bind "/mnt/sbin/$login" /usr/local/sbin
mount --bind "/mnt/etc/$login.passwd" /etc/passwd
mount --bind "/mnt/etc/$login.group" /etc/group
umount /mnt
if [ -d /dev/shm ]; then mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev berth /dev/shm; fi
if [ -d "$mask" ]; then mount -t tmpfs -o mode=0700,size=4k,ro berth "$mask"; fi
mount -o remount,hidepid=2 /proc 2>/dev/null || :  # this process shows paths of the checkout
mount -o remount,bind,ro / 2>/dev/null || :

cd "/home/$login"
PATH=$SESSION_PATH
export PATH
unset SESSION_PATH
if [ "$tty" = 1 ]; then session="setsid --ctty --wait"; else session="setsid --wait"; fi
# Not exec: process 1 ignores the signals that Ctrl-C sends, so the command must not be process 1.
# shellcheck disable=SC2086
$session /usr/bin/env prlimit --nofile="$nofile" --nproc="$nproc" --fsize="$fsize" --core=0 \
    setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all --no-new-privs -- "$@" || exit $?
exit 0
