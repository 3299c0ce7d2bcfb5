"""Teach the held-out wordings at the end, once they have been measured as unseen: the language half only, a few minutes on a CPU.

    python3 polish.py --pack PACK --model share/model --out NEW --minutes 10

Evaluation keeps a fifth of the question wordings out of training to see how far understanding carries. Shipping a model that stumbles over
them would be a pity: some are the commonest there are. The eyes stay as they are.
"""
import argparse
import math
import random
import time

import torch
import torch.nn.functional as F

import batches
import compose
import export
import scenes
import talk
from tokenizer import Tokenizer

MIX = ['single'] * 5 + ['several'] * 7 + ['figures'] * 3 + ['count'] * 4 + ['text'] * 3


class Anyhow(talk.Talk):
    """Held-out wordings half the time, wherever a question has some."""

    def ask_in(self, lang, name, sub=None, **slots):
        every, trained = talk.Q[name][lang == 'zh'][sub] if sub else talk.Q[name][lang == 'zh']
        rest = [o for o in every if o not in trained]
        text = self.r.choice(rest if rest and self.r.random() < .55 else every).format(**slots) if slots else self.r.choice(rest if rest and self.r.random() < .55 else every)
        return text if self.r.random() < .5 else self.roughen(text, lang)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--pack', required=True)
    p.add_argument('--model', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--minutes', type=float, default=10)
    p.add_argument('--pictures', type=int, default=600)
    p.add_argument('--batch', type=int, default=32)
    p.add_argument('--rate', type=float, default=1.5e-4)
    p.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    o = p.parse_args()
    r = random.Random(99)
    torch.manual_seed(99)
    world, tok = scenes.World(o.pack), Tokenizer(f'{o.model}/tokenizer.model')
    net = export.load(o.model, o.device)
    bank = compose.Bank(world, o.device)
    shown = [scenes.MAKERS[r.choice(MIX)](world, r) for _ in range(o.pictures)]
    seen = []
    for at in range(0, len(shown), 32):
        arrays = [s.arrays() for s in shown[at:at + 32]]
        x = compose.compose(bank, *(torch.stack([torch.from_numpy(a[i]) for a in arrays]).numpy() for i in (0, 1)))
        with torch.no_grad():
            seen.append(net.see(compose.normalise(x))[0])
    seen = torch.cat(seen)
    del bank
    print(len(shown), 'pictures seen', flush=True)
    language = list(net.language_model.parameters())
    for q in language:
        q.requires_grad_(True)
    opt = torch.optim.AdamW(language, lr=o.rate, betas=(.9, .98), weight_decay=0)
    start, step, taught, mean = time.time(), 0, 0, None
    while (done := (time.time() - start) / 60 / o.minutes) < 1:
        rows, at, target, which = [], [], [], []
        for i in range(o.batch):
            k = r.randrange(len(shown))
            s = None if r.random() < .12 else shown[k]
            t = Anyhow(world, r, s)
            n = 1 if r.random() < .6 else 2
            row, spans = batches.pack_rounds(tok, t.rounds(n), [int(s is not None), 0], 160)
            rows.append(row)
            which.append(k)
            at.append([j for lo, hi in spans for j in range(lo - 1, hi - 1)])
            target += [x for lo, hi in spans for x in row[lo:hi]]
        width = max(map(len, rows))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=o.device)
        flat = torch.tensor([i * width + j for i, a in enumerate(at) for j in a], device=o.device)
        h = net.hidden(ids, seen[torch.tensor(which, device=o.device)])
        loss = F.cross_entropy(net.language_model.lm_head(h.reshape(-1, h.shape[-1])[flat]), torch.tensor(target, device=o.device))
        for g in opt.param_groups:
            g['lr'] = o.rate * min(1, (step + 1) / 10) * .5 * (1 + math.cos(math.pi * min(1, done)))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(language, 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
        step += 1
        taught += o.batch
        mean = loss.item() if mean is None else mean * .9 + loss.item() * .1
        if step % 10 == 0:
            print(f'{time.time() - start:5.0f} s step {step} loss {mean:.4f} {taught} conversations', flush=True)
    export.export({k: v.detach() for k, v in net.state_dict().items()}, f'{o.model}/tokenizer.model', o.out)


if __name__ == '__main__':
    main()
