#!/bin/sh
# Records and trains what a robot learns from films of a hand with: docs/hand_to_robot.md. What is
# there is not made again; delete the folder of a recording that was interrupted.
#
#   sh scripts/prepare_hand_to_robot.sh [push|reach|button|drawer] ...
#   tcn-robot study docs/studies/hand-to-robot.json
#
# The encoder sees the hand do the task and both bodies play, never both at one moment and never the
# robot doing the task: every film in a look of its own, with cameras that drift. The reward is
# fitted on demonstrations of the hand in the task's own look, and calibrated by play in that look.
set -eu

WORKERS=${WORKERS:-2}

record() {
  out=data/hand-to-robot/$short-$1 last=$2 episodes=$3; shift 3
  [ -d "$out/episode_0000$last" ] || tcn-robot record "$task" --out "$out" --episodes "$episodes" \
    --views front left right --size 64 --workers "$WORKERS" "$@"
}
drawn() { record "$@" --randomise all --moving-cameras; }

for short in ${@:-push reach}; do
  # The numbers of episodes are those that docs/benchmarks.md was measured with.
  case $short in
    push) task=MujocoPush-v0 play=60 drawn_play=40 ;;
    reach) task=MujocoReach-v0 play=20 drawn_play=60 ;;
    button) task=MujocoButton-v0 play=60 drawn_play=60 ;;
    drawer) task=MujocoDrawer-v0 play=60 drawn_play=60 ;;
    *) echo "unknown task '$short'; known: push, reach, button, drawer" >&2; exit 2 ;;
  esac
  record demos 39 40 --embodiment hand
  record demos 49 10 --embodiment hand --split valid
  record play-hand $((play - 1)) $play --embodiment hand --policy play --seed 2
  record play-robot $((play - 1)) $play --policy play --seed 3
  drawn drawn-demos 59 60 --embodiment hand --seed 20
  drawn drawn-valid 07 8 --embodiment hand --seed 20 --split valid
  drawn drawn-play-hand 39 40 --embodiment hand --policy play --seed 22
  drawn drawn-play-robot $((drawn_play - 1)) $drawn_play --policy play --seed 23
  [ $drawn_play = 60 ] || drawn drawn-play-robot-2 19 20 --policy play --seed 24
  more=$(ls -d "data/hand-to-robot/$short-drawn-play-robot-2" 2>/dev/null || true)
  # shellcheck disable=SC2086
  [ -d "runs/hand-to-robot-$short/encoder" ] || tcn-robot train "data/hand-to-robot/$short-drawn-demos" \
    "data/hand-to-robot/$short-drawn-valid" "data/hand-to-robot/$short-drawn-play-hand" \
    "data/hand-to-robot/$short-drawn-play-robot" $more --target-width-seconds 1 \
    --window-area-min 0.7 --window-area-max 1.4 --window-aspect 1.2 --rotation-degrees 10 \
    --hidden 256 --map-channels 16 --average-decay 0.99 --steps 1500 --out "runs/hand-to-robot-$short"
done
