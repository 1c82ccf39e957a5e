#!/bin/sh
# Films, encoders, untrained encoders and policies for the question whether an audit's score ranks
# rewards as the success of their policies does; then audits each run's reward, which is stored with it
# and has seen no policy. What is there is not made again.
#
#   sh scripts/prepare_audit_ranks.sh
#   python scripts/audit_ranks.py
set -eu

sh scripts/prepare_benchmarks.sh reach button
for short in reach button; do
  [ -d "runs/$short-untrained/encoder" ] || tcn-robot train "data/$short/demos" \
    --steps 0 --out "runs/$short-untrained"
done
tcn-robot study docs/studies/audit-ranks.json
mkdir -p docs/results/audit/ranks
for run in runs/audit-ranks/*; do
  name=$(basename "$run")
  case $name in
    reach-*) task=MujocoReach-v0 ;;
    button-*) task=MujocoButton-v0 ;;
    *) continue ;;
  esac
  [ -e "docs/results/audit/ranks/$name.json" ] || tcn-robot audit --fitted "$run" --task "$task" \
    --episodes 3 --adversary-rollouts 48 --out "docs/results/audit/ranks/$name.json"
done
