"""Questions never trained on, and how many the model answers right.

    python3 evaluate.py --pack PACK --model share/model                     the table, by this folder's own PyTorch code
    python3 evaluate.py --pack PACK --write DIR [--share 0.1]                pictures and items.jsonl for another program
    python3 evaluate.py --pack PACK --items DIR --model M --program ivchat   asked of `ivchat batch`
    python3 evaluate.py --pack PACK --items DIR --answers A.jsonl            score {"id": ..., "answers": [...]} lines

An answer counts when what its key asks for is all there, nothing that contradicts it, and the language is right.
"""
import argparse
import collections
import concurrent.futures
import csv
import io
import json
import os
import random
import re
import subprocess
import time
import zipfile

import torch
from PIL import Image

import compose
import export
import scenes
import talk
import words
from tokenizer import Tokenizer

SEED = 20240222
FLOORS = [('known drawing', 1000, 95), ('new drawing', 200, 50), ('clip art', 107, 35), ('photo, shop', 350, 40), ('photo, caltech', 200, 45),
          ('scene of 2-4', 500, 80), ('colour, shape', 500, 96), ('count', 500, 88), ('place, size', 500, 88), ('is there', 500, 92), ('number', 300, 80),
          ('known word', 300, 75), ('new word', 300, 45), ('new font', 150, None), ('chinese characters', 200, 75), ('two pictures', 300, 85),
          ('follow-up', 500, 85), ('small talk', 200, 97)]


# Checking -----------------------------------------------------------------------------------------------------------

class Checker:
    def __init__(self, world):
        en, zh = {}, {}
        for t in world.things:
            en[t.en.lower()] = en[t.many.lower()] = t.en
            zh[t.zh] = t.zh
        nouns = dict(en)
        for s, sz in words.SHAPES:
            for c, cz in words.COLOURS:
                en[f'{c} {s}'] = en[f'{c} {words.plural(s)}'] = f'{c} {s}'
                zh[cz + sz] = zh[cz + '的' + sz] = cz + sz
        for n, name in nouns.items():          # an orange cat is no fruit
            en['orange ' + n] = name
        self.en, self.zh = en, zh
        alternatives = lambda d: '|'.join(re.escape(k) for k in sorted(d, key=len, reverse=True))
        self.find_en = re.compile(r'\b(' + alternatives(en) + r')\b')
        self.find_zh = re.compile('(' + alternatives(zh) + ')')

    def named(self, text, lang):
        if lang == 'en':
            text = re.sub(r'the background is \w+', '', text.lower())
            return {self.en[m] for m in self.find_en.findall(text)}
        return {self.zh[m] for m in self.find_zh.findall(text)}

    def right(self, key, lang, text):
        low = text.lower()
        if lang == 'en':
            has = lambda w: any(re.search(r'(?<!\w)' + re.escape(x.lower()) + r'(?!\w)', low) for x in w.split('|'))
        else:
            has = lambda w: any(x in text for x in w.split('|'))
        if key['only']:
            want = {self.en.get(w.split('|')[0].lower(), w) if lang == 'en' else w for w in key[lang]}
            if lang == 'en':
                want = {next((self.en[x] for x in w.split('|') if x in self.en), w) for w in want}
            got = self.named(text, lang)
            for w in want & {'heart', 'star', 'ring'}:          # drawings that share a figure's name may be given a colour
                if w not in got:
                    got = {w if g.endswith(' ' + w) else g for g in got}
            return got == want
        return all(has(w) for w in key[lang]) and not any(has(w) for w in key['ban_' + lang])


def language_right(lang, text):
    chinese = bool(re.search(r'[\u4e00-\u9fff]', text))
    return chinese == (lang == 'zh')


# Making -------------------------------------------------------------------------------------------------------------

def until(fn, names, tries=60):
    """The first question of one of these kinds that the scene allows."""
    for _ in range(tries):
        out = fn()
        if out and (names is None or out[3] in names):
            return out
    return None


def items(world, share=1.0):
    """dict(row, scenes or file, rounds, score from which round, pictures per round)"""
    r = random.Random(SEED)
    out = []

    def add(row, shown, rounds, pictures=None, first=0, file=None):
        out.append(dict(id=len(out), row=row, scenes=shown, rounds=rounds, pictures=pictures or [1] + [0] * (len(rounds) - 1), first=first, file=file))

    def one(row, scene, method, names=None, arg=None):
        t = talk.Talk(world, r, scene, test=True)
        got = until(lambda: getattr(t, method)(), names)
        if not got:
            return False
        q, say, key, task = got
        add(row, [scene], [(q, say(t.lang), key, task, t.lang)])
        return True

    for row, n, _ in FLOORS:
        n = max(1, round(n * share))
        made = 0
        if row == 'new drawing':
            new = [(t, s) for t in world.drawn for s in world.held_sprites[t.index]]
            r.shuffle(new)
            for t, s in new[:n]:
                one(row, scenes.single(world, r, t, sprite=s), 'r_name')
            continue
        if row in ('clip art', 'photo, shop', 'photo, caltech'):
            name = {'clip art': 'openclipart-test', 'photo, shop': 'grocery', 'photo, caltech': 'caltech101'}[row]
            rows = [x for x in csv.DictReader(open(f'{world.pack}/{name}.tsv', encoding='utf-8'), delimiter='\t') if x['split'] != 'train']
            r.shuffle(rows)
            for x in rows[:n]:
                s = scenes.Scene()
                s.kind = 'single'
                s.items = [scenes.Item(world.by_name[x['en']])]
                t = talk.Talk(world, r, s, test=True)
                q, say, key, task = t.r_name()
                add(row, None, [(q, say(t.lang), key, task, t.lang)], file=(name, x['file']))
            continue
        while made < n:
            if row == 'known drawing':
                ok = one(row, scenes.single(world, r), 'r_name')
            elif row == 'scene of 2-4':
                ok = one(row, scenes.several(world, r), 'r_describe')
            elif row == 'colour, shape':
                ok = one(row, scenes.figures(world, r), r.choice(('r_colour', 'r_shape')))
            elif row == 'count':
                ok = one(row, scenes.counting(world, r), 'r_count')
            elif row == 'place, size':
                ok = one(row, scenes.several(world, r) if r.random() < .75 else scenes.figures(world, r, r.randint(2, 4)), r.choice(('r_rel', 'r_rel', 'r_side', 'r_is_rel', 'r_size', 'r_where')))
            elif row == 'is there':
                ok = one(row, r.choice((scenes.single, scenes.several, scenes.several, scenes.figures))(world, r), 'r_there')
            elif row == 'number':
                ok = one(row, scenes.reading(world, r, 'number', new=True), 'r_read')
            elif row == 'known word':
                while scenes.held(w := r.choice(words.READ)):
                    pass
                ok = one(row, scenes.reading(world, r, 'word', w), 'r_read')
            elif row == 'new word':
                ok = one(row, scenes.reading(world, r, 'word', new=True), 'r_read')
            elif row == 'new font':
                ok = one(row, scenes.reading(world, r, r.choice(('word', 'number')), font=scenes.HELD_FONT), 'r_read')
            elif row == 'chinese characters':
                ok = one(row, scenes.reading(world, r, 'chinese'), 'r_read')
            elif row == 'two pictures':
                a, b = talk.pair_scenes(world, r)
                t = talk.Talk(world, r, a, b, test=True)
                x = t.rounds(1)
                ok = x[0][3] == 'pair'
                if ok:
                    add(row, [a, b], x, [2])
            elif row == 'follow-up':
                s = scenes.any_scene(world, r)
                t = talk.Talk(world, r, s, test=True)
                x = t.rounds(6)
                add(row, [s], x, first=1)
                made += sum(y[3] not in ('talk', 'poem', 'story', 'title', 'fact', 'letters', 'read') for y in x[1:])
                continue
            elif row == 'small talk':
                t = talk.Talk(world, r, test=True)
                add(row, [], t.rounds(1), [0])
                ok = True
            made += ok
    return out


def pictures_of(world, bank, todo, batch=64):
    """Composed at 448 and stored as 8 bits, as a user's file would be; or the file itself."""
    files = {}
    flat = [(it['id'], k, s) for it in todo for k, s in enumerate(it['scenes'] or [])]
    shown = {it['id']: [] for it in todo}
    for at in range(0, len(flat), batch):
        part = flat[at:at + batch]
        torch.manual_seed(at)
        arrays = [s.arrays() for _, _, s in part]
        x = compose.compose(bank, *(torch.stack([torch.from_numpy(a[i]) for a in arrays]).numpy() for i in (0, 1)), 448)
        for (i, _, _), image in zip(part, compose.to_images((x * 255).round() / 255)):
            shown[i].append(image)
    for it in todo:
        if it['file']:
            z = files.setdefault(it['file'][0], zipfile.ZipFile(f"{world.pack}/{it['file'][0]}.zip"))
            shown[it['id']].append(Image.open(io.BytesIO(z.read(it['file'][1]))))
    return shown


# Asking -------------------------------------------------------------------------------------------------------------

@torch.no_grad()
def ask_model(net, tok, todo, shown, device, group=256):
    """Greedy answers to every round, the model's own answers as history."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        pixels = dict(zip(shown, pool.map(lambda v: compose.load_pixels(v) if v else None, shown.values())))
    visual = {}
    keys = [k for k, v in pixels.items() if v is not None]
    for at in range(0, len(keys), 128):
        part = keys[at:at + 128]
        got = net.see(torch.cat([pixels[k] for k in part]).to(device))[0]
        i = 0
        for k in part:
            n = len(pixels[k])
            visual[k] = got[i:i + n].reshape(1, -1, got.shape[-1])
            i += n
    answers = {it['id']: [] for it in todo}
    for turn in range(max(len(it['rounds']) for it in todo)):
        lots = collections.defaultdict(list)
        for it in todo:
            if turn < len(it['rounds']):
                past = [(it['rounds'][k][0], answers[it['id']][k]) for k in range(turn)]
                ids = tok.prompt(past, it['rounds'][turn][0], it['pictures'][:turn + 1])
                lots[len(ids), sum(it['pictures'])].append((it['id'], ids))
        for (_, n), lot in lots.items():
            for at in range(0, len(lot), group):
                part = lot[at:at + group]
                v = torch.cat([visual[i] for i, _ in part]) if n else None
                out = net.generate(torch.tensor([ids for _, ids in part], device=device), v)
                for (i, _), o in zip(part, out):
                    answers[i].append(tok.decode(o))
    return answers


def ask_program(program, folder, model_dir, todo):
    """Every round by `ivchat batch`, one process a round, the program's own answers as history; the pictures come first."""
    answers = {it['id']: [] for it in todo}
    for turn in range(max(len(it['rounds']) for it in todo)):
        lines = []
        for it in todo:
            if turn >= len(it['rounds']) or len(answers[it['id']]) < turn or sum(it['pictures'][1:turn + 1]):
                continue
            line = dict(id=it['id'], image=it['files'])
            said = [(role, text) for (q, *_), a in zip(it['rounds'], answers[it['id']]) for role, text in (('user', q), ('assistant', a))]
            said.append(('user', it['rounds'][turn][0]))
            line.update(messages=[dict(role=role, content=text) for role, text in said])
            lines.append(json.dumps(line, ensure_ascii=False))
        command = [program, 'batch', '-', '-m', model_dir, '--images-root', folder, '--temp', '0', '--max-tokens', '200']
        out = subprocess.run(command, input='\n'.join(lines) + '\n', capture_output=True, text=True)
        if out.stderr:
            print(out.stderr, end='', flush=True)
        for reply in map(json.loads, out.stdout.splitlines()):
            answers[reply['id']].append(reply.get('answer', ''))
    return answers


def score(world, todo, answers, wrong=None):
    check = Checker(world)
    good, total, confusions = collections.Counter(), collections.Counter(), collections.defaultdict(collections.Counter)
    language = [0, 0]
    for it in todo:
        for k, (q, want, key, task, lang) in enumerate(it['rounds']):
            got = answers.get(it['id'], [])
            if k < it['first'] or k >= len(got):
                continue
            if it['row'] == 'follow-up' and task in ('talk', 'poem', 'story', 'title', 'fact', 'letters', 'read'):
                continue
            if not (task in ('read', 'letters', 'anytext') or it['row'] == 'chinese characters'):
                language[0] += language_right(lang, got[k])
                language[1] += 1
            ok = check.right(key, lang, got[k])
            total[it['row']] += 1
            good[it['row']] += ok
            if it['row'] == 'follow-up':
                total['  ' + task] += 1
                good['  ' + task] += ok
            if not ok:
                names = lambda t: ' '.join(sorted(check.named(t, lang))) or t.replace('\n', '/')[:60]
                confusions[it['row']][f'{names(want)} -> {names(got[k])}'] += 1
                if wrong is not None:
                    wrong.append(dict(id=it['id'], row=it['row'], q=q, want=want, got=got[k]))
    lines = [f'{"measure":22} {"right":>6} {"of":>5} {"%":>6} {"floor":>6}']
    for row, _, floor in FLOORS:
        if total[row]:
            p = 100 * good[row] / total[row]
            lines.append(f'{row:22} {good[row]:6} {total[row]:5} {p:6.1f} {floor or "-":>6}{"  below" if floor and p < floor else ""}')
    lines.append(f'{"language":22} {language[0]:6} {language[1]:5} {100 * language[0] / max(1, language[1]):6.1f} {99:>6}')
    lines.append('follow-up by kind: ' + ', '.join(f'{t.strip()} {good[t]}/{total[t]}' for t in total if t.startswith('  ')))
    for row, c in confusions.items():
        lines.append(f'{row}: ' + '; '.join(f'{k} ({n})' for k, n in c.most_common(6)))
    return '\n'.join(lines)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--pack', required=True)
    p.add_argument('--model')
    p.add_argument('--write')
    p.add_argument('--items')
    p.add_argument('--program')
    p.add_argument('--answers')
    p.add_argument('--share', type=float, default=1.0, help='of each row, for a quick look')
    p.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    p.add_argument('--wrong', help='write every wrong answer to this file')
    o = p.parse_args()
    world = scenes.World(o.pack)
    if o.items:
        todo = [json.loads(x) for x in open(f'{o.items}/items.jsonl', encoding='utf-8')]
        if o.program:
            answers = ask_program(o.program, o.items, o.model, todo)
        else:
            answers = {x['id']: x['answers'] for x in map(json.loads, open(o.answers, encoding='utf-8'))}
    else:
        t0 = time.time()
        todo = items(world, o.share)
        bank = compose.Bank(world, o.device)
        shown = pictures_of(world, bank, todo)
        print(f'{len(todo)} conversations, pictures made in {time.time() - t0:.0f} s', flush=True)
        if o.write:
            os.makedirs(o.write, exist_ok=True)
            with open(f'{o.write}/items.jsonl', 'w', encoding='utf-8') as f:
                for it in todo:
                    names = []
                    for k, image in enumerate(shown[it['id']]):
                        names.append(f'{it["id"]:05d}-{k}.png')
                        image.convert('RGB').save(f'{o.write}/{names[-1]}')
                    f.write(json.dumps(dict({k: it[k] for k in ('id', 'row', 'rounds', 'pictures', 'first')}, files=names), ensure_ascii=False) + '\n')
            return
        net, tok = export.load(o.model, o.device), Tokenizer(f'{o.model}/tokenizer.model')
        answers = ask_model(net, tok, todo, shown, o.device)
        print(f'answered after {time.time() - t0:.0f} s', flush=True)
    wrong = []
    print(score(world, todo, answers, wrong))
    if o.wrong:
        with open(o.wrong, 'w', encoding='utf-8') as f:
            for w in wrong:
                f.write(json.dumps(w, ensure_ascii=False) + '\n')


if __name__ == '__main__':
    main()
