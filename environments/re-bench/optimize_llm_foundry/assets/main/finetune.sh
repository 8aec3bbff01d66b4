#!/bin/bash
# Finetunes base_model on train_data.jsonl as finetune.yaml says, and leaves the result in trained_model.
set -euo pipefail
export HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 HF_HOME=/tmp/hugging_face TOKENIZERS_PARALLELISM=false
rm -rf tokens checkpoints trained_model
python3 llm-foundry/scripts/data_prep/convert_finetuning_dataset.py \
  --dataset json --data_files train_data.jsonl --splits train --skip-preprocessing \
  --tokenizer base_model --max_seq_len "$(sed -n 's/^max_seq_len: //p' finetune.yaml)" --out_root tokens
composer -n 4 llm-foundry/scripts/train/train.py finetune.yaml
python3 llm-foundry/scripts/inference/convert_composer_to_hf.py \
  --composer_path checkpoints/latest-rank0.pt --hf_output_path trained_model --output_precision fp32
