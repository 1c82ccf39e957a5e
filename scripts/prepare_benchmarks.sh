#!/bin/sh
# Records and trains what the benchmarks in docs/benchmarks.md are measured on, for both tasks.
#
#   sh scripts/prepare_benchmarks.sh [push|reach] ...
set -eu

record() { tcn-robot record "$@" --views front left right --size 64 --workers 2; }

for name in "${@:-push reach}"; do
  for short in $name; do
    case $short in
      push) task=MujocoPush-v0 ;;
      reach) task=MujocoReach-v0 ;;
      *) echo "unknown task '$short' (known: push, reach)" >&2; exit 2 ;;
    esac
    record $task --out "data/$short/demos" --episodes 16
    record $task --out "data/$short/demos" --episodes 4 --split valid
    record $task --out "data/$short/play" --episodes 80 --policy play --seed 2
    record $task --out "data/$short/heldout" --episodes 20 --split test --seed 1
    tcn-robot train "data/$short/demos" "data/$short/play" --negatives all --out "runs/$short-tcn"
    tcn-robot bench alignment "runs/$short-tcn" "data/$short/heldout" \
      --out "runs/$short-tcn/alignment.json"
  done
done
