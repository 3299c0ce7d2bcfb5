"""Write what the C program's tests compare with, from the exported weights in float32 arithmetic.

    python3 golden.py --pack PACK --model share/model --out tests/demo

pictures/        40 pictures of our own making, PNG and JPEG
corpus.tsv       file, question, language, words the answer must hold (| between alternatives, ; between words), words it must not
conversations.json   12 conversations, greedy: prompt ids, answer ids, the gap between the two best logits at each step, first logits
visual.safetensors   the 64 visual embeddings of two pictures, and the pixels they were made from
"""
import argparse
import io
import json
import os
import random

import torch
from safetensors.torch import save_file

import compose
import evaluate
import export
import scenes
import talk
from tokenizer import Tokenizer

SEED = 77
KINDS = ['single'] * 12 + ['several'] * 8 + ['count'] * 6 + ['figures'] * 7 + ['text'] * 7


def store(image, base, limit=20000):
    """PNG where it is small, else JPEG."""
    out = io.BytesIO()
    image.save(out, 'PNG', optimize=True)
    if out.tell() <= limit:
        name = base + '.png'
        data = out.getvalue()
    else:
        name = base + '.jpg'
        for quality in (90, 80, 65):
            out = io.BytesIO()
            image.save(out, 'JPEG', quality=quality)
            if out.tell() <= limit:
                break
        data = out.getvalue()
    return name, data


def load_pixels(path):
    return compose.load_pixels([evaluate.Image.open(path)])


@torch.no_grad()
def answer(net, tok, ids, visual):
    out, gaps = net.generate(torch.tensor([ids]), visual, gaps=True)
    return out[0], gaps[0]


@torch.no_grad()
def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--pack', required=True)
    p.add_argument('--model', required=True)
    p.add_argument('--out', required=True)
    o = p.parse_args()
    torch.set_num_threads(2)
    os.makedirs(f'{o.out}/pictures', exist_ok=True)
    world = scenes.World(o.pack)
    net, tok = export.load(o.model), Tokenizer(f'{o.model}/tokenizer.model')
    bank = compose.Bank(world, 'cpu')
    check = evaluate.Checker(world)
    r = random.Random(SEED)
    rows, shown, kept = [], [], 0
    for i, kind in enumerate(KINDS):
        # Calm grounds: a test should fail for a reason of the program's, not for a doubtful picture.
        for _ in range(20):
            s = scenes.MAKERS[kind](world, r)
            if s.ground[0] in (scenes.FLAT, scenes.GRADIENT, scenes.LAND) and s.ground[18] == 0:
                break
        torch.manual_seed(i)
        ground, layers = s.arrays()
        size = (448, 512, 384)[i % 3]
        x = compose.compose(bank, ground[None], layers[None], size)
        image = compose.to_images((x * 255).round() / 255)[0]
        name, data = store(image, f'{i:02d}-{kind}')
        open(f'{o.out}/pictures/{name}', 'wb').write(data)
        shown.append((name, s))
        visual = net.see(load_pixels(f'{o.out}/pictures/{name}'))[0]
        for lang in ('en', 'zh'):
            t = talk.Talk(world, r, s, lang=lang, clean=True)
            q, say, key, task = t.next_round(True)
            out, gaps = answer(net, tok, tok.prompt([], q, [1]), visual)
            text = tok.decode(out)
            good = check.right(key, lang, text)
            # Only what the reference itself answers rightly, with room to spare, can be asked of the program.
            if good and min(gaps) > .05:
                rows.append((f'pictures/{name}', q, lang, ';'.join(key[lang]), ';'.join(key['ban_' + lang])))
            kept += good
    with open(f'{o.out}/corpus.tsv', 'w', encoding='utf-8') as f:
        f.write('file\tquestion\tlanguage\trequired\tforbidden\n')
        for row in rows:
            f.write('\t'.join(row) + '\n')
    print(f'{kept} of {2 * len(KINDS)} answered rightly, {len(rows)} rows in the corpus')

    conversations = []
    for n in range(12):
        name, s = shown[n * 3 % len(shown)]
        t = talk.Talk(world, r, s, clean=True, lang=('en', 'zh')[n % 2])
        rounds = t.rounds(3 + n % 3)
        pictures = [1] + [0] * (len(rounds) - 1)
        files = [f'pictures/{name}']
        if n == 10:          # a second picture, later
            name2, s2 = shown[(n * 3 + 1) % len(shown)]
            more = talk.Talk(world, r, s2, clean=True, lang=t.lang).rounds(2)
            rounds, pictures, files = rounds[:2] + more, [1, 0, 1, 0], files + [f'pictures/{name2}']
        if n == 11:          # two at once
            a, b = shown[0], shown[1]
            rounds = talk.Talk(world, r, a[1], b[1], clean=True, lang='en').rounds(3)
            pictures, files = [2, 0, 0], [f'pictures/{a[0]}', f'pictures/{b[0]}']
        seen = torch.cat([net.see(load_pixels(f'{o.out}/{f}'))[0] for f in files], 1)
        past, turns, used = [], [], 0
        for k, (q, *_) in enumerate(rounds):
            used += pictures[k]
            ids = tok.prompt(past, q, pictures[:k + 1])
            visual = seen[:, :used * 64]
            out, gaps = answer(net, tok, ids, visual)
            first = net.language_model.lm_head(net.hidden(torch.tensor([ids]), visual)[:, -1])[0]
            text = tok.decode(out)
            turns.append(dict(pictures=pictures[k], question=q, prompt_ids=ids, answer_ids=out, gaps=[round(g, 4) for g in gaps], answer=text,
                              first_logits=[round(float(v), 5) for v in first[:32]], first_best=[[int(i), round(float(first[i]), 5)] for i in first.topk(5).indices]))
            past.append((q, text))
        conversations.append(dict(files=files, turns=turns))
    # A conversation without any picture, to the same rules.
    past, turns = [], []
    for q in ('Hello', 'What is in the picture?', '你是谁？'):
        ids = tok.prompt(past, q, [0] * (len(past) + 1))
        out, gaps = answer(net, tok, ids, None)
        text = tok.decode(out)
        turns.append(dict(pictures=0, question=q, prompt_ids=ids, answer_ids=out, gaps=[round(g, 4) for g in gaps], answer=text))
        past.append((q, text))
    conversations.append(dict(files=[], turns=turns))
    note = 'float32 arithmetic on the bfloat16 weights; answer_ids end with the stop id; compare up to the first step whose gap is below 0.05'
    with open(f'{o.out}/conversations.json', 'w', encoding='utf-8') as f:
        json.dump(dict(note=note, conversations=conversations), f, ensure_ascii=False, separators=(',', ':'))
        f.write('\n')
    tensors = {}
    names = [n for n, _ in shown]
    for i, name in enumerate((next(n for n in names if n.endswith('.png')), next((n for n in names if n.endswith('.jpg')), names[-1]))):
        pixels = load_pixels(f'{o.out}/pictures/{name}')
        tensors[f'{name}.embeds'] = net.see(pixels)[0][0].contiguous()
        rgb = (pixels * torch.tensor(compose.STD).view(1, 3, 1, 1) + torch.tensor(compose.MEAN).view(1, 3, 1, 1)) * 255
        tensors[f'{name}.rgb'] = rgb[0].round().to(torch.uint8).permute(1, 2, 0).contiguous()
    save_file(tensors, f'{o.out}/visual.safetensors')
    os.chmod(f'{o.out}/visual.safetensors', 0o644)
    for c in conversations:
        for t in c['turns']:
            print(' ', t['question'], '|', t['answer'].replace('\n', ' / '), '| smallest gap', min(t['gaps']))


if __name__ == '__main__':
    main()
