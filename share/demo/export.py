"""Write the trained weights as a checkpoint folder with the published layout.

    python3 export.py --pack PACK --weights OUT/ema.pt --model share/model
"""
import argparse
import json
import os
import shutil

import torch
from safetensors import safe_open
from safetensors.torch import save_file

import model
from tokenizer import ADDED, PIECES, Tokenizer

SHARDS = 2


def token(content):
    return dict(content=content, lstrip=False, normalized=False, rstrip=False, single_word=False)


def settings(tok):
    v, c = model.VIT, model.LLM
    added = {name: PIECES + i for i, name in enumerate(ADDED)}
    special = ['<img>', '</img>'] + ADDED
    ids = {0: '<unk>', 1: '<|startoftext|>', 2: '<|endoftext|>', tok.start: '<|im_start|>', tok.end: '<|im_end|>', tok.img: '<img>', tok.img_end: '</img>',
           **{i: name for name, i in added.items()}}
    config = dict(
        _commit_hash=None, architectures=['InternVLChatModel'],
        auto_map=dict(AutoConfig='configuration_internvl_chat.InternVLChatConfig', AutoModel='modeling_internvl_chat.InternVLChatModel'),
        downsample_ratio=0.5, dynamic_image_size=False, force_image_size=v['image'],
        llm_config=dict(
            architectures=['LlamaForCausalLM'], attention_bias=False, attention_dropout=0.0, bos_token_id=1, eos_token_id=tok.end, hidden_act='silu',
            hidden_size=c['hidden'], initializer_range=0.02, intermediate_size=c['mlp'], max_position_embeddings=c['positions'], model_type='llama',
            num_attention_heads=c['heads'], num_hidden_layers=c['layers'], num_key_value_heads=c['kv_heads'], pad_token_id=0, pretraining_tp=1,
            rms_norm_eps=1e-05, rope_scaling=None, rope_theta=c['theta'], tie_word_embeddings=False, torch_dtype='bfloat16', use_cache=True, vocab_size=c['vocab']),
        max_dynamic_patch=6, min_dynamic_patch=1, model_type='internvl_chat', pad2square=False, ps_version='v1', system_message='Answer the questions.',
        select_layer=-1, template='Hermes-2', torch_dtype='bfloat16', transformers_version=None, use_backbone_lora=0, use_llm_lora=0, use_thumbnail=False,
        vision_config=dict(
            architectures=['InternVisionModel'], attention_dropout=0.0, drop_path_rate=0.0, dropout=0.0, hidden_act='gelu', hidden_size=v['hidden'],
            image_size=v['image'], initializer_factor=0.1, initializer_range=1e-10, intermediate_size=v['mlp'], layer_norm_eps=1e-06, model_type='intern_vit_6b',
            norm_type='rms_norm', num_attention_heads=v['heads'], num_channels=3, num_hidden_layers=v['layers'], patch_size=v['patch'], qk_normalization=True,
            qkv_bias=False, torch_dtype='bfloat16', use_flash_attn=True))
    return {
        'config.json': config,
        'generation_config.json': dict(_from_model_config=True, eos_token_id=[2, tok.start, tok.end], transformers_version='4.36.2'),
        'preprocessor_config.json': dict(crop_size=v['image'], do_center_crop=True, do_normalize=True, do_resize=True, feature_extractor_type='CLIPFeatureExtractor',
                                         image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], resample=3, size=v['image']),
        'added_tokens.json': dict(sorted(added.items())),
        'special_tokens_map.json': dict(additional_special_tokens=special, bos_token=token('<|startoftext|>'), eos_token=token('<|im_end|>'),
                                        pad_token=token('<unk>'), unk_token=token('<unk>')),
        'tokenizer_config.json': dict(
            add_bos_token=False, add_eos_token=False, added_tokens_decoder={str(i): dict(token(name), special=True) for i, name in sorted(ids.items())},
            additional_special_tokens=special, bos_token='<|startoftext|>', clean_up_tokenization_spaces=False, eos_token='<|im_end|>', legacy=True,
            model_max_length=c['positions'], pad_token='<unk>', sp_model_kwargs={}, spaces_between_special_tokens=False, tokenizer_class='LlamaTokenizer',
            unk_token='<unk>', use_default_system_prompt=False)}


def export(state, tokenizer_model, folder):
    os.makedirs(folder, exist_ok=True)
    shutil.copyfile(tokenizer_model, f'{folder}/tokenizer.model')
    for name, value in settings(Tokenizer(tokenizer_model)).items():
        with open(f'{folder}/{name}', 'w') as f:
            json.dump(value, f, indent=2, ensure_ascii=False)
            f.write('\n')
    state = {k: state[k].to(torch.bfloat16).cpu().contiguous() for k in sorted(state)}
    total = sum(t.numel() * 2 for t in state.values())
    shards, filled = [{} for _ in range(SHARDS)], 0
    for name, t in state.items():
        shards[min(SHARDS - 1, filled * SHARDS // total)][name] = t
        filled += t.numel() * 2
    where = {}
    for i, shard in enumerate(shards, 1):
        file = f'model-{i:05d}-of-{SHARDS:05d}.safetensors'
        save_file(shard, f'{folder}/{file}', metadata=dict(format='pt'))
        os.chmod(f'{folder}/{file}', 0o644)
        where.update({name: file for name in shard})
    with open(f'{folder}/model.safetensors.index.json', 'w') as f:
        json.dump(dict(metadata=dict(total_size=total), weight_map=where), f, indent=2)
        f.write('\n')


def load(folder, device='cpu'):
    """The exported bfloat16 weights, in float32 arithmetic."""
    net = model.InternVL()
    state = {}
    for file in set(json.load(open(f'{folder}/model.safetensors.index.json'))['weight_map'].values()):
        with safe_open(f'{folder}/{file}', 'pt') as f:
            state.update({k: f.get_tensor(k).float() for k in f.keys()})
    net.load_state_dict(state)
    return net.to(device).eval().requires_grad_(False)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--pack', required=True)
    p.add_argument('--weights', required=True)
    p.add_argument('--model', required=True)
    o = p.parse_args()
    export(torch.load(o.weights, map_location='cpu'), f'{o.pack}/tokenizer.model', o.model)
    print({f: os.path.getsize(f'{o.model}/{f}') for f in sorted(os.listdir(o.model))})


if __name__ == '__main__':
    main()
