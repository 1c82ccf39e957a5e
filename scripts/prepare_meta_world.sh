#!/bin/sh
# Records films of Meta-World's experts and random play, and trains an encoder per task, for
# docs/studies/meta-world.json. What is there is not made again; delete the folder of a recording that
# was interrupted.
#
#   sh scripts/prepare_meta_world.sh [drawer-open-v3|button-press-topdown-v3|door-open-v3|...] ...
#   tcn-robot study docs/studies/meta-world.json
set -eu

WORKERS=${WORKERS:-2}
TASKS=${*:-drawer-open-v3 button-press-topdown-v3 door-open-v3}

record() {
  out=data/meta-world/$task/$1 split=$2 last=$3; shift 3
  [ -d "$out/episode_0000$last" ] || tcn-robot record "metaworld/$task" --out "$out" --split "$split" \
    --views corner corner2 --size 64 --workers "$WORKERS" "$@"
}

for task in $TASKS; do
  record demos train 15 --episodes 16
  record demos valid 19 --episodes 4
  record play train 05 --episodes 6 --policy random --seed 2
  record heldout test 19 --episodes 20 --seed 1
  run=runs/meta-world/$task
  [ -d "$run/encoder" ] || tcn-robot train "data/meta-world/$task/demos" "data/meta-world/$task/play" \
    --negatives all --out "$run"
  [ -e "$run/alignment.json" ] || tcn-robot bench alignment "$run" "data/meta-world/$task/heldout" \
    --out "$run/alignment.json"
done
