#!/bin/sh
# Records, trains and measures what docs/benchmarks.md says about action recognition. What is there
# is not made again, what was interrupted goes on: delete runs/NAME to train one anew.
#
#   sh scripts/prepare_actions.sh        DATA=data RUNS=runs RESULTS=docs/results/recognition
set -eu

DATA=${DATA:-data} RUNS=${RUNS:-runs} RESULTS=${RESULTS:-docs/results/recognition}
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export OMP_NUM_THREADS

[ -f "$DATA/actions/README.md" ] || tcn-robot record-actions --out "$DATA/actions" --size 64
for split in 1 2 3; do
  [ -d "$DATA/actions-$split" ] || \
    tcn-robot import ucf101 "$DATA/actions" "$DATA/actions-$split" --list-number $split
done

train() {
  name=$1 split=$2; shift 2
  out="$RUNS/actions-$name-$split"
  [ -d "$out/encoder" ] && return
  if [ -f "$out/config.json" ]; then
    tcn-robot train --out "$out" --resume
  else
    tcn-robot train "$DATA/actions-$split" "$@" --out "$out"
  fi
}

# The same network, films, frames per step and augmentation; options were chosen on split 1.
seen="--num-frames 4 --stride-frames 2 --differences --hidden 256 --map-channels 16 --dimension 128 --batch-frames 128 \
  --blur 0 --window-area-min 0.6 --window-area-max 1.2 --window-aspect 1.2 --brightness 0.4 --contrast 0.4 --saturation 0.4"
# shellcheck disable=SC2086
for split in 1 2 3; do
  train tcn $split --objective tcn --pairing times --negatives episode --target-width-seconds 0.2 \
    --sigreg-weight 0.05 --steps 800 $seen
  train tce $split --objective tce --mining-high 0.4 --bank-slots 8 --frame-padding 2 --steps 800 $seen
  train simclr $split --objective simclr --steps 800 $seen
done

tcn-robot bench recognition "$RUNS/actions-tcn-{split}" "$RUNS/actions-tce-{split}" "$RUNS/actions-simclr-{split}" \
  "$DATA/actions" --probes linear few --labels-per-class 1 5 20 --label-shares --segments 8 --representation features \
  --out "$RESULTS/actions.json" --report "$RUNS/actions.html"
tuned() {
  out=$1; shift
  tcn-robot bench fine-tuning "$RUNS/actions-tcn-{split}" "$DATA/actions" --splits 1 2 3 --labels-per-class 5 --draws 2 \
    --min-steps 120 --learning-rates 0.03 0.1 --validations 2 --checkpoints "$RUNS/$out" --out "$RESULTS/$out.json" "$@"
}
tuned actions-tuned
tuned actions-tuned-in-order --segments 8 --ordered
