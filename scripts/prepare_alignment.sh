#!/bin/sh
# Records, trains and measures what docs/benchmarks.md says about alignment on the pour. What is
# there is not made again, what was interrupted goes on: delete runs/NAME to train one anew.
#
#   sh scripts/prepare_alignment.sh        DATA=data RUNS=runs RESULTS=docs/results/alignment_suite SEEDS="0 1 2"
set -eu

DATA=${DATA:-data} RUNS=${RUNS:-runs} RESULTS=${RESULTS:-docs/results/alignment_suite} SEEDS=${SEEDS:-0 1 2}
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export OMP_NUM_THREADS

record() {
  out=$1; shift
  tcn-robot record MujocoPour-v0 --out "$DATA/$out" --size 64 --workers 2 --resume "$@"
}

train() {
  out=$1; shift
  [ -d "$RUNS/$out/encoder" ] && return
  if [ -f "$RUNS/$out/config.json" ]; then
    tcn-robot train --out "$RUNS/$out" --resume
  else
    tcn-robot train "$@" --batch-frames 128 --out "$RUNS/$out"
  fi
}

# One body, one look: what is trained on and what is held out.
# Options were chosen on pour-test (seed 1), so that what is reported has episodes of its own.
record pour-final --episodes 20 --split test --seed 2 --views front left right
record pour-valid --episodes 8 --split valid --views front left right
record pour-train-240 --episodes 240 --views front left right
# Two bodies in looks of their own, never at the same moment.
for body in robot hand; do
  for split in valid train; do
    [ $split = train ] && episodes=120 || episodes=8
    record "pourx-$body-$split" --episodes $episodes --split $split --embodiment $body --seed 10 \
      --views front left right top --randomise all --moving-cameras
  done
done
# The moments of the held-out episodes again: another body; another look; both, from a new camera.
again() {
  [ -d "$DATA/$2/episode_000019" ] || tcn-robot rerender "$DATA/$1" --out "$DATA/$2" $3
}
again pour-final pour-final-hand "--embodiment hand --views front left right"
again pour-final pour-final-looks "--randomise all --seed 6 --views front left right corner"
again pour-final-looks pour-final-hard "--embodiment tongs --views corner"

official="--loss npairs --episodes-per-batch 1 --window-frames 580 --window-area-min 0.8 \
  --window-area-max 3 --brightness 0.125 --contrast 0 --saturation 0.5 --shift-px 0 --blur 0"
moved="--window-area-min 0.7 --window-area-max 1.4 --window-aspect 1.2 --rotation-degrees 10"
windows="--num-frames 3 --stride-frames 5 --hidden 256 --map-channels 16 --average-decay 0.99"
two="$DATA/pourx-robot-train $DATA/pourx-hand-train $DATA/pourx-robot-valid $DATA/pourx-hand-valid"
# shellcheck disable=SC2086
for seed in $SEEDS; do
  train pour-soft-$seed "$DATA/pour-train-240" "$DATA/pour-valid" --target-width-seconds 1 --blur 0 \
    --steps 3000 --seed $seed
  train pourx-soft-$seed $two --target-width-seconds 1 $moved --steps 1500 --seed $seed
  train pourx-official-$seed $two $official --steps 1500 --seed $seed
  train pourx-windows-$seed $two --target-width-seconds 1 $moved $windows --steps 1500 --seed $seed
  train pourx-windows-official-$seed $two $official $windows --steps 1500 --seed $seed
done

runs() { for seed in $SEEDS; do echo "$RUNS/$1-$seed"; done; }
# shellcheck disable=SC2046
tcn-robot bench alignment $(runs pour-soft) "$DATA/pour-final" "$DATA/pour-train-240" \
  --out "$RESULTS/pour.json" --report "$RUNS/pour-alignment.html"
hard() {
  out=$1; shift
  tcn-robot bench alignment "$@" "$DATA/pour-final" "$DATA/pour-final-hand" "$DATA/pour-final-hard" \
    "$DATA/pourx-robot-train" "$DATA/pourx-hand-train" \
    --out "$RESULTS/$out.json" --report "$RUNS/$out-alignment.html"
}
# shellcheck disable=SC2046
hard pour-hard $(runs pourx-soft) $(runs pourx-official)
# shellcheck disable=SC2046
hard pour-hard-windows $(runs pourx-windows) $(runs pourx-windows-official)
