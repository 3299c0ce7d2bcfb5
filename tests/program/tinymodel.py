# tinymodel.py: writes a chat model of 200 thousand random weights, in two shards with an index, so that the program can
# be tested where there is no other model. Its tokens are bytes, it answers in printable ASCII and never stops.
import array
import json
import math
import random
import struct

NAMES = ['<unk>', '<|startoftext|>', '<|endoftext|>', '<|Human|>', '<|Assistant|>', '<|System|>', '<|im_start|>',
         '<|im_end|>', '<|im_sep|>', '<img>', '</img>']
TYPES = [2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4]
FIRST_BYTE = len(NAMES)
VOCAB = len(NAMES) + 256 + 2            # "▁" and <IMG_CONTEXT> at the end
N_CTX = 16384
PICTURE_TOKENS = 4
SIZE, PATCH, WIDTH, LAYERS = 56, 14, 32, 2                      # the tower's
HIDDEN, HEADS, KV_HEADS, MLP = 64, 4, 2, 96                     # the decoder's
SAID = [FIRST_BYTE + c for c in range(33, 127)] + [FIRST_BYTE + 27]     # what it can say: ASCII, and the escape character


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, value):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def tokenizer():
    pieces = list(zip(NAMES, TYPES)) + [(f'<0x{i:02X}>', 6) for i in range(256)] + [('\u2581', 1)]
    out = b''.join(field(1, field(1, text.encode()) + field(3, kind)) for text, kind in pieces)
    trainer = field(3, 2) + field(35, 1) + field(40, 0) + field(41, 1) + field(42, 2)
    normalizer = field(3, 0) + field(4, 0) + field(5, 1)
    return out + field(2, trainer) + field(3, normalizer)


def small_files():
    llm = {'architectures': ['LlamaForCausalLM'], 'hidden_size': HIDDEN, 'num_hidden_layers': LAYERS,
           'num_attention_heads': HEADS, 'num_key_value_heads': KV_HEADS, 'intermediate_size': MLP, 'vocab_size': VOCAB,
           'max_position_embeddings': N_CTX, 'rope_theta': 1e4, 'rms_norm_eps': 1e-5, 'tie_word_embeddings': False}
    vision = {'hidden_size': WIDTH, 'num_hidden_layers': LAYERS, 'num_attention_heads': 2, 'intermediate_size': 2 * WIDTH,
              'patch_size': PATCH, 'image_size': SIZE, 'qk_normalization': True, 'qkv_bias': False,
              'norm_type': 'rms_norm', 'layer_norm_eps': 1e-6}
    marks = {str(i): {'content': NAMES[i], 'special': True} for i in (6, 7)}
    return {
        'config.json': {'architectures': ['InternVLChatModel'], 'model_type': 'internvl_chat', 'template': 'Hermes-2',
                        'select_layer': -1, 'downsample_ratio': 0.5, 'force_image_size': SIZE, 'llm_config': llm,
                        'vision_config': vision},
        'preprocessor_config.json': {'image_mean': [0.485, 0.456, 0.406], 'image_std': [0.229, 0.224, 0.225],
                                     'size': SIZE},
        'tokenizer_config.json': {'add_bos_token': False, 'added_tokens_decoder': marks},
        'added_tokens.json': {'<IMG_CONTEXT>': VOCAB - 1},
    }


def tensors():
    """Name → (shape, centre): the values are centre + uniform noise that keeps the size of what flows through."""
    grid = SIZE // PATCH
    out = {
        'vision_model.embeddings.class_embedding': ([1, 1, WIDTH], 0),
        'vision_model.embeddings.patch_embedding.weight': ([WIDTH, 3, PATCH, PATCH], 0),
        'vision_model.embeddings.patch_embedding.bias': ([WIDTH], 0),
        'vision_model.embeddings.position_embedding': ([1, 1 + grid * grid, WIDTH], 0),
        'mlp1.0.weight': ([4 * WIDTH], 1), 'mlp1.0.bias': ([4 * WIDTH], 0),
        'mlp1.1.weight': ([HIDDEN, 4 * WIDTH], 0), 'mlp1.1.bias': ([HIDDEN], 0),
        'mlp1.3.weight': ([HIDDEN, HIDDEN], 0), 'mlp1.3.bias': ([HIDDEN], 0),
        'language_model.model.embed_tokens.weight': ([VOCAB, HIDDEN], 0),
        'language_model.model.norm.weight': ([HIDDEN], 1),
        'language_model.lm_head.weight': ([VOCAB, HIDDEN], 0),
    }
    for i in range(LAYERS):
        for name, shape, centre in (
                ('norm1.weight', [WIDTH], 1), ('norm2.weight', [WIDTH], 1), ('ls1', [WIDTH], 1), ('ls2', [WIDTH], 1),
                ('attn.qkv.weight', [3 * WIDTH, WIDTH], 0), ('attn.q_norm.weight', [WIDTH], 1),
                ('attn.k_norm.weight', [WIDTH], 1), ('attn.proj.weight', [WIDTH, WIDTH], 0),
                ('attn.proj.bias', [WIDTH], 0),
                ('mlp.fc1.weight', [2 * WIDTH, WIDTH], 0), ('mlp.fc1.bias', [2 * WIDTH], 0),
                ('mlp.fc2.weight', [WIDTH, 2 * WIDTH], 0), ('mlp.fc2.bias', [WIDTH], 0)):
            out[f'vision_model.encoder.layers.{i}.{name}'] = (shape, centre)
        kv = KV_HEADS * HIDDEN // HEADS
        for name, shape, centre in (
                ('input_layernorm.weight', [HIDDEN], 1), ('post_attention_layernorm.weight', [HIDDEN], 1),
                ('self_attn.q_proj.weight', [HIDDEN, HIDDEN], 0), ('self_attn.k_proj.weight', [kv, HIDDEN], 0),
                ('self_attn.v_proj.weight', [kv, HIDDEN], 0), ('self_attn.o_proj.weight', [HIDDEN, HIDDEN], 0),
                ('mlp.gate_proj.weight', [MLP, HIDDEN], 0), ('mlp.up_proj.weight', [MLP, HIDDEN], 0),
                ('mlp.down_proj.weight', [HIDDEN, MLP], 0)):
            out[f'language_model.model.layers.{i}.{name}'] = (shape, centre)
    return out


def values(name, shape, centre, rng):
    count = math.prod(shape)
    spread = 0.2 if len(shape) == 1 else 2 / math.sqrt(count // shape[0]) if 'embed' not in name else 1
    out = array.array('f', (centre + spread * rng.uniform(-1, 1) for _ in range(count)))
    if name.endswith('lm_head.weight'):
        for row in set(range(VOCAB)) - set(SAID):
            out[row * HIDDEN:(row + 1) * HIDDEN] = array.array('f', bytes(4 * HIDDEN))
    return out.tobytes()


def write_shard(path, entries, rng):
    header, data = {}, b''
    for name, (shape, centre) in entries:
        more = values(name, shape, centre, rng)
        header[name] = {'dtype': 'F32', 'shape': shape, 'data_offsets': [len(data), len(data) + len(more)]}
        data += more
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)
    return len(data)


def write(folder):
    """Fills the folder; returns the bytes of weights."""
    rng, everything, index, total = random.Random(1), sorted(tensors().items()), {}, 0
    folder.mkdir()
    for name, value in small_files().items():
        (folder / name).write_text(json.dumps(value))
    (folder / 'tokenizer.model').write_bytes(tokenizer())
    half = len(everything) // 2
    for i, entries in enumerate((everything[:half], everything[half:]), 1):
        file = f'model-0000{i}-of-00002.safetensors'
        total += write_shard(folder / file, entries, rng)
        index.update((name, file) for name, _ in entries)
    (folder / 'model.safetensors.index.json').write_text(
        json.dumps({'metadata': {'total_size': total}, 'weight_map': index}))
    return total
