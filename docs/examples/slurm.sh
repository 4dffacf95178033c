#!/bin/bash
# Slurm: a job array over one folder, on a file system that all nodes share.
#   sbatch docs/examples/slurm.sh /shared/photos /shared/large
#SBATCH --job-name=restore
#SBATCH --array=0-31
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@60
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=restore-%A-%a.log

set -euo pipefail
# Tasks that start at the same moment on different processors could choose different backends.
exec srun restore enhance "$1" "$2" --resume \
    --shard "$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))/$SLURM_ARRAY_TASK_COUNT" \
    --device cpu --precision fp32 --threads "$SLURM_CPUS_PER_TASK" \
    --report "restore-$SLURM_ARRAY_JOB_ID-$SLURM_ARRAY_TASK_ID.json"
