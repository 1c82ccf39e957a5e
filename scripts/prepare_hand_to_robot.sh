#!/bin/sh
# Records what a robot learns from films of a hand with, and makes its encoders: docs/hand_to_robot.md.
# What is there is not made again; delete the folder of a recording that was interrupted.
#
#   sh scripts/prepare_hand_to_robot.sh [push|reach|button|drawer] ...
#   LOOKS=1 sh scripts/prepare_hand_to_robot.sh push       # the trained encoder of many looks as well
#   tcn-robot study docs/studies/hand-to-robot.json
#
# The hand does the task, and both bodies play, never both at one moment; the robot never does the
# task. The reward is fitted on the hand's demonstrations and calibrated by play. The painted encoder
# is made from the same films. The trained one sees other films, each in a look of its own, by
# cameras that drift.
set -eu

WORKERS=${WORKERS:-2}
LOOKS=${LOOKS:-}

record() {
  out=data/hand-to-robot/$short-$1 last=$2 episodes=$3; shift 3
  [ -d "$out/episode_0000$last" ] || tcn-robot record "$task" --out "$out" --episodes "$episodes" \
    --views front left right --size 64 --workers "$WORKERS" "$@"
}
drawn() { record "$@" --randomise all --moving-cameras; }

painted_encoder() {
  [ -d "runs/hand-to-robot-$short-painted/encoder" ] || tcn-robot train "$films-demos" "$films-play-hand" \
    "$films-play-robot" --foreground --encoder pixels --grid-px 16 --colour --steps 0 \
    --out "runs/hand-to-robot-$short-painted"
}

encoder_of_many_looks() {
  # The numbers of episodes are those that docs/hand_to_robot.md was measured with.
  drawn drawn-demos 59 60 --embodiment hand --seed 20
  drawn drawn-valid 07 8 --embodiment hand --seed 20 --split valid
  drawn drawn-play-hand 39 40 --embodiment hand --policy play --seed 22
  drawn drawn-play-robot $((drawn_play - 1)) $drawn_play --policy play --seed 23
  [ $drawn_play = 60 ] || drawn drawn-play-robot-2 19 20 --policy play --seed 24
  more=$(ls -d "$films-drawn-play-robot-2" 2>/dev/null || true)
  # shellcheck disable=SC2086
  [ -d "runs/hand-to-robot-$short/encoder" ] || tcn-robot train "$films-drawn-demos" "$films-drawn-valid" \
    "$films-drawn-play-hand" "$films-drawn-play-robot" $more --target-width-seconds 1 \
    --window-area-min 0.7 --window-area-max 1.4 --window-aspect 1.2 --rotation-degrees 10 \
    --hidden 256 --map-channels 16 --average-decay 0.99 --steps 1500 --out "runs/hand-to-robot-$short"
}

for short in ${@:-push reach button}; do
  case $short in
    push) task=MujocoPush-v0 drawn_play=40 ;;
    reach) task=MujocoReach-v0 drawn_play=60 ;;
    button) task=MujocoButton-v0 drawn_play=60 ;;
    drawer) task=MujocoDrawer-v0 drawn_play=60 ;;
    *) echo "unknown task '$short'; known: push, reach, button, drawer" >&2; exit 2 ;;
  esac
  films=data/hand-to-robot/$short
  record demos 39 40 --embodiment hand
  record demos 49 10 --embodiment hand --split valid
  record play-hand 59 60 --embodiment hand --policy play --seed 2
  record play-robot 59 60 --policy play --seed 3
  painted_encoder
  [ -z "$LOOKS" ] || encoder_of_many_looks
done
