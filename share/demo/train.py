"""Train the demo model on one GPU, by the clock.

    python3 train.py --pack PACK --out OUT --minutes 17

Schedules follow the elapsed share of --minutes, so the run always ends in time. OUT gets log.txt and ema.pt (every 3 minutes).
--overfit N repeats N batches' worth of seeds without wear on the pictures: the loss must fall near zero, else something is wrong.
"""
import argparse
import math
import multiprocessing
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import batches
import compose
import export
import model
import scenes


def parameters(net, head, decay):
    yes, no = [], []
    for name, p in list(net.named_parameters()) + list(head.named_parameters()):
        plain = p.dim() < 2 or 'embed' in name or 'ls' in name.split('.')[-1]
        (no if plain else yes).append(p)
    return [dict(params=yes, weight_decay=decay), dict(params=no, weight_decay=0.0)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--pack', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--minutes', type=float, default=17)
    p.add_argument('--workers', type=int, default=15)
    p.add_argument('--batch', type=int, help='conversations a step (default 512)')
    p.add_argument('--rate', type=float, default=1.5e-3)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    p.add_argument('--eager', action='store_true')
    p.add_argument('--overfit', type=int)
    p.add_argument('--steps', type=int, help='stop after so many (for trials)')
    p.add_argument('--start', help='checkpoint folder to begin from (with --rate 6e-4, say)')
    o = p.parse_args()
    os.makedirs(o.out, exist_ok=True)
    log = open(f'{o.out}/log.txt', 'a')

    def say(*a):
        print(*a, flush=True)
        print(*a, file=log, flush=True)
    torch.manual_seed(o.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    dev = torch.device(o.device)
    progress = multiprocessing.Value('d', 1.0 if o.overfit else 0.0)
    stream = batches.Stream(o.pack, o.seed, progress, o.batch, o.overfit)
    loader = torch.utils.data.DataLoader(stream, batch_size=None, num_workers=o.workers, prefetch_factor=4 if o.workers else None, pin_memory=False)
    source = iter(loader)
    t0 = time.time()
    first = next(source)       # workers fork before CUDA wakes
    world = scenes.World(o.pack)
    bank = compose.Bank(world, dev)
    say(f'bank and workers ready after {time.time() - t0:.1f} s')
    net = model.InternVL().to(dev)
    if o.start:
        net.load_state_dict(export.load(o.start, dev).state_dict())
    head = nn.Linear(model.VIT['hidden'], world.n_aux).to(dev)
    nn.init.constant_(head.bias, -4.5)
    local_head = nn.Linear(model.LLM['hidden'], world.n_aux + 1).to(dev)
    ema = [q.detach().clone() for q in net.parameters()]
    live = [q.detach() for q in net.parameters()]
    cuda = dev.type == 'cuda'
    opt = torch.optim.AdamW(parameters(net, nn.ModuleList([head, local_head]), .05), lr=o.rate, betas=(.9, .98), fused=cuda)
    see, hidden = net.see, net.hidden
    if cuda and not o.eager:
        see = torch.compile(net.see, dynamic=False)
        hidden = torch.compile(net.hidden, dynamic=False)
    scaled = dict(device_type=dev.type, dtype=torch.bfloat16, enabled=cuda)     # a CPU emulates it, very slowly

    def loss_of(b):
        rng = np.random.default_rng(int(b['seed']) % 2 ** 32)
        size = 224 if o.overfit else int(rng.choice((224, 224, 224, 288, 336, 448)))
        ground, layers = (np.asarray(b[k]) for k in ('ground', 'layers'))
        with torch.no_grad():
            x = compose.compose(bank, ground, layers, size, rng)
            x = x if o.overfit else compose.wear(x, rng)
            x = compose.normalise(x)
            up = lambda k: torch.as_tensor(b[k]).to(dev, non_blocking=True)
            ids, at, target, aux, local = up('ids').long(), up('at'), up('target'), up('aux'), up('local')
            labels = torch.zeros(len(x), world.n_aux, device=dev)
            labels[aux[:, 0], aux[:, 1]] = 1
        with torch.autocast(**scaled):
            visual, states = see(x)
            h = hidden(ids, visual.reshape(len(ids), -1, visual.shape[-1]))
            logits = net.language_model.lm_head(h.reshape(-1, h.shape[-1])[at])
            guess = head(states[:, 1:].mean(1))
            found = local_head(visual[local[:, 0], local[:, 1]])
        loss = F.cross_entropy(logits.float(), target)
        side = F.binary_cross_entropy_with_logits(guess.float(), labels, reduction='sum') / len(x)
        # The same at the spot itself: counting and places need tokens that know what stands where.
        side = side + 2 * F.cross_entropy(found.float(), local[:, 2])
        return loss, side

    start, saved, step, seen, mean, mean_side, wait = time.time(), time.time(), 0, 0, None, None, 0.0
    mark, mark_seen = start, 0
    batch = first
    while True:
        now = time.time()
        done = (now - start) / 60 / o.minutes
        if done >= 1 or o.steps and step >= o.steps:
            break
        if not o.overfit:
            progress.value = done
        rate = o.rate * min(1, (step + 1) / 400) * (2e-5 / o.rate + (1 - 2e-5 / o.rate) * .5 * (1 + math.cos(math.pi * min(1, done))))
        if o.overfit:
            rate = o.rate * min(1, (step + 1) / 100)
        for g in opt.param_groups:
            g['lr'] = rate
        # The eyes first: weight of the auxiliary head falls to a tenth by half time.
        weight = .15 * max(.1, 1 - 1.8 * done)
        loss, side = loss_of(batch)
        (loss + weight * side).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
        step += 1
        seen += len(batch['ids'])
        torch._foreach_lerp_(ema, live, 1 - min(.9995, (step + 1) / (step + 20)))
        both = torch.stack([loss.detach(), side.detach()])
        mean = both if mean is None else mean * .97 + both * .03
        t = time.time()
        batch = next(source)
        wait += time.time() - t
        if step in (1, 5, 20) or step % 100 == 0:
            a, b = mean.tolist()
            now = time.time()
            say(f'{now - start:6.0f} s step {step} loss {a:.4f} aux {b:.3f} rate {rate:.2e} {(seen - mark_seen) / (now - mark):.0f}/s waiting {wait:.1f} s')
            mark, mark_seen, wait = now, seen, 0.0
        if time.time() - saved > 180:
            save(net, ema, o.out)
            saved = time.time()
    save(net, ema, o.out)
    say(f'done: {step} steps, {seen} conversations, {time.time() - start:.0f} s, loss {mean.tolist()[0]:.4f}')
    os._exit(0)       # workers are daemons in the middle of a batch; nothing of theirs is worth waiting for


def save(net, ema, folder):
    state = {name: w.detach().clone() for (name, _), w in zip(net.named_parameters(), ema)}
    torch.save(state, f'{folder}/ema.tmp')
    os.replace(f'{folder}/ema.tmp', f'{folder}/ema.pt')


if __name__ == '__main__':
    main()
