#!/bin/sh
# Records and trains the encoders that ship and makes their entries in tcn_robot/zoo. What is there
# is not made again, what was interrupted goes on: delete runs/NAME to train one anew.
#
#   sh scripts/prepare_zoo.sh [push|reach|pour] ...        DATA=data RUNS=runs ZOO=tcn_robot/zoo
set -eu

DATA=${DATA:-data} RUNS=${RUNS:-runs} ZOO=${ZOO:-tcn_robot/zoo}
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export OMP_NUM_THREADS

record() {
  out=$1 task=$2; shift 2
  tcn-robot record "$task" --out "$DATA/$out" --views front left right --size 64 --workers 2 \
    --resume "$@"
}

train() {
  name=$1; shift
  [ -d "$RUNS/$name/encoder" ] && return
  if [ -f "$RUNS/$name/config.json" ]; then
    tcn-robot train --out "$RUNS/$name" --resume
  else
    tcn-robot train "$@" --out "$RUNS/$name"
  fi
}

[ $# -gt 0 ] || set -- push reach pour
for short in "$@"; do
  case $short in
    push) task=MujocoPush-v0 steps=600 play=1 ;;
    reach) task=MujocoReach-v0 steps=700 play=1 ;;
    pour) task=MujocoPour-v0 steps=600 play= ;;
    *) echo "unknown task '$short' (known: push, reach, pour)" >&2; exit 2 ;;
  esac
  record "$short-train" $task --episodes 120
  record "$short-valid" $task --episodes 8 --split valid
  record "$short-test" $task --episodes 20 --split test --seed 1
  shown="$DATA/$short-train $DATA/$short-valid"
  if [ "$play" ]; then
    record "$short-play" $task --episodes 80 --policy play --seed 2
    shown="$shown $DATA/$short-play"
  fi
  # shellcheck disable=SC2086
  train "$short-tcn" $shown --objective tcn --negatives all --steps $steps --batch-frames 128
  # shellcheck disable=SC2086
  train "$short-tce" $shown --objective tce --steps $steps --batch-frames 128
  for objective in tcn tce; do
    python scripts/make_zoo.py "$short-$objective" "$RUNS/$short-$objective" "$DATA/$short-test" \
      --out "$ZOO"
  done
done
