#!/bin/sh
# Records and trains what the benchmarks in docs/benchmarks.md are measured on. What is there is not
# made again; delete the folder of a recording that was interrupted.
#
#   sh scripts/prepare_benchmarks.sh [push|reach|button|drawer|pour|dish-rack|bullet-reach|...] ...
set -eu

WORKERS=${WORKERS:-2}

record() {
  out=data/$short/$1 split=$2 last=$3; shift 3
  [ -d "$out/episode_0000$last" ] || tcn-robot record "$task" --out "$out" --split "$split" \
    --views front left right --size 64 --workers "$WORKERS" "$@"
}

for name in "${@:-push reach}"; do
  for short in $name; do
    case $short in
      push) task=MujocoPush-v0 ;;
      reach) task=MujocoReach-v0 ;;
      button) task=MujocoButton-v0 ;;
      drawer) task=MujocoDrawer-v0 ;;
      pick-place) task=MujocoPickPlace-v0 ;;
      stack) task=MujocoStack-v0 ;;
      pour) task=MujocoPour-v0 ;;
      dish-rack) task=MujocoDishRack-v0 ;;
      bullet-reach) task=BulletReach-v0 ;;
      bullet-push) task=BulletPush-v0 ;;
      *) echo "unknown task '$short' (known: push, reach, button, drawer, pick-place, stack," \
           "pour, dish-rack, bullet-reach, bullet-push)" >&2; exit 2 ;;
    esac
    record demos train 15 --episodes 16
    record demos valid 19 --episodes 4
    record play train 79 --episodes 80 --policy play --seed 2
    record heldout test 19 --episodes 20 --seed 1
    [ -d "runs/$short-tcn/encoder" ] || tcn-robot train "data/$short/demos" "data/$short/play" \
      --negatives all --out "runs/$short-tcn"
    [ -e "runs/$short-tcn/alignment.json" ] || tcn-robot bench alignment "runs/$short-tcn" \
      "data/$short/heldout" --out "runs/$short-tcn/alignment.json"
    # The box may stand anywhere on a wide field: with 16 demonstrations fingers beside it look like the
    # press of a box that stands there. The encoder has not seen these.
    [ $short != button ] || { record demos48 train 47 --episodes 48 --seed 7; record demos48 valid 51 --episodes 4; }
  done
done
