#!/bin/bash
# Finetunes base_model on train_data.jsonl as finetune.yaml says, and leaves the result in trained_model.
set -euo pipefail
export OPENBLAS_NUM_THREADS=1
rm -rf tokens checkpoints trained_model
python3 tokenize_data.py
python3 train.py
python3 export.py
