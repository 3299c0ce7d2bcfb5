"""Train the demo model by the clock, on one GPU, or on several of one machine, one process each.

    python3 train.py --pack PACK --out OUT --minutes 17

Schedules follow the elapsed share of --minutes, so the run always ends in time. OUT gets log.txt and ema.pt (every 3 minutes).
RANK and WORLD_SIZE in the environment, as torchrun sets them, make this process one of several; they average their gradients.
--overfit N repeats N batches' worth of seeds without wear on the pictures: the loss must fall near zero, else something is wrong.
"""
import argparse
import math
import multiprocessing
import os
import time

import numpy as np
import torch
import torch.distributed as dist
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


class Eyes(nn.Module):
    """Extra heads that teach the eyes directly; not exported.

    whole: what is on the picture, from the tower's mean. spot and centre, at every visual token: which thing covers it, whether a
    thing's centre lies in it, which way and how far that centre is, and how large the thing is. Naming all of a scene, counting and
    places need tokens that know this, and the answers alone teach it slowly.
    """

    def __init__(self, world):
        super().__init__()
        self.nothing = world.n_aux
        self.whole = nn.Linear(model.VIT['hidden'], world.n_aux)
        self.spot = nn.Linear(model.LLM['hidden'], world.n_aux + 1)
        self.centre = nn.Linear(model.LLM['hidden'], 5)
        nn.init.constant_(self.whole.bias, -4.5)
        nn.init.constant_(self.centre.bias[:1], -3)

    def forward(self, states, visual):
        return self.whole(states[:, 1:].mean(1)), self.spot(visual), self.centre(visual)

    def losses(self, guess, found, centre, labels, label, box):
        whole = F.binary_cross_entropy_with_logits(guess.float(), labels, reduction='sum') / len(labels)
        found, label, centre, box = found.float().flatten(0, 1), label.flatten(), centre.float().flatten(0, 1), box.flatten(0, 1)
        thing = (label >= 0) & (label != self.nothing)
        asked = (box[:, 0] > 0) | (label >= 0)
        share = lambda x, w: (x * w).sum() / w.sum().clamp_min(1)
        spot = share(F.cross_entropy(found, label.clamp_min(0), reduction='none'), thing + .25 * (label == self.nothing))
        here = share(F.binary_cross_entropy_with_logits(centre[:, 0], box[:, 0], reduction='none'), asked * (1 + 4 * box[:, 0]))
        way = share(F.smooth_l1_loss(centre[:, 1:], box[:, 1:], reduction='none').sum(-1), thing.float())
        return whole, spot + 2 * here + .5 * way


def average(parameters):
    """The mean of all processes' gradients, in one message."""
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for p, g in zip(parameters, flat.split([g.numel() for g in grads])):
        p.grad = g.view_as(p)


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
    rank, ranks = int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))
    os.makedirs(o.out, exist_ok=True)
    log = open(f'{o.out}/log.txt', 'a')

    def say(*a):
        if rank == 0:
            print(*a, flush=True)
            print(*a, file=log, flush=True)
    torch.manual_seed(o.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    dev = torch.device(o.device, rank) if o.device == 'cuda' else torch.device(o.device)
    floor = 1.0 if o.overfit else .2 if o.start else 0.0       # who has been to school needs no first lessons
    progress = multiprocessing.Value('d', floor)
    stream = batches.Stream(o.pack, o.seed, progress, o.batch, o.overfit, rank)
    loader = torch.utils.data.DataLoader(stream, batch_size=None, num_workers=o.workers, prefetch_factor=4 if o.workers else None, pin_memory=False)
    source = iter(loader)
    t0 = time.time()
    first = next(source)       # workers fork before CUDA wakes
    world = scenes.World(o.pack, compose.MANNERS)
    if dev.type == 'cuda':
        torch.cuda.set_device(dev)
    if ranks > 1:
        dist.init_process_group('nccl' if dev.type == 'cuda' else 'gloo')
    bank = compose.Bank(world, dev)
    say(f'bank and workers ready after {time.time() - t0:.1f} s')
    net = model.InternVL().to(dev)
    if o.start:
        net.load_state_dict(export.load(o.start, dev).state_dict())
    eyes = Eyes(world).to(dev)
    ema = [q.detach().clone() for q in net.parameters()]
    live = [q.detach() for q in net.parameters()]
    cuda = dev.type == 'cuda'
    opt = torch.optim.AdamW(parameters(net, eyes, .05), lr=o.rate, betas=(.9, .98), fused=cuda)
    everything = [q for group in opt.param_groups for q in group['params']]
    if ranks > 1:
        for q in everything:
            dist.broadcast(q.data, 0)
    see, hidden = net.see, net.hidden
    if cuda and not o.eager:
        see = torch.compile(net.see, dynamic=False)
        hidden = torch.compile(net.hidden, dynamic=False)
    scaled = dict(device_type=dev.type, dtype=torch.bfloat16, enabled=cuda)     # a CPU emulates it, very slowly

    def loss_of(b):
        rng = np.random.default_rng(int(b['seed']) % 2 ** 32)
        size = 224 if o.overfit else int(np.random.default_rng(step).choice((224, 224, 224, 288, 336, 448)))      # alike on all GPUs: the slowest sets the pace
        ground, layers = (np.asarray(b[k]) for k in ('ground', 'layers'))
        with torch.no_grad():
            x = compose.compose(bank, ground, layers, size, rng)
            lowest = layers[:, 0, 0]
            drawn = (lowest >= 0) & ((lowest < world.shape0) | (lowest >= world.n_sprites))
            x = compose.normalise(x if o.overfit else compose.wear(x, rng, drawn=drawn))
            up = lambda k: compose.upload(b[k], dev)
            ids, at, target, aux = up('ids').long(), up('at'), up('target'), up('aux')
            labels = torch.zeros(len(x), world.n_aux, device=dev)
            labels[aux[:, 0], aux[:, 1]] = 1
        with torch.autocast(**scaled):
            visual, states = see(x)
            h = hidden(ids, visual.reshape(len(ids), -1, visual.shape[-1]))
            logits = net.language_model.lm_head(h.reshape(-1, h.shape[-1])[at])
            # Heads that know nothing yet must not pull at eyes that do.
            guesses = eyes(states.detach(), visual.detach()) if o.start and step < 300 else eyes(states, visual)
        return F.cross_entropy(logits.float(), target), *eyes.losses(*guesses, labels, up('label'), up('box'))

    start, saved, step, seen, mean, wait, done = time.time(), time.time(), 0, 0, None, 0.0, 0.0
    mark, mark_seen = start, 0
    batch = first
    while True:
        if step % 10 == 0:
            done = (time.time() - start) / 60 / o.minutes
            if ranks > 1:       # one clock for all, so that all stop at the same step
                clock = torch.tensor([done], device=dev)
                dist.all_reduce(clock)
                done = clock.item() / ranks
        if done >= 1 or o.steps and step >= o.steps:
            break
        if not o.overfit:
            progress.value = max(floor, done)
        rate = o.rate * min(1, (step + 1) / 400) * (2e-5 / o.rate + (1 - 2e-5 / o.rate) * .5 * (1 + math.cos(math.pi * min(1, done))))
        if o.overfit:
            rate = o.rate * min(1, (step + 1) / 100)
        for g in opt.param_groups:
            g['lr'] = rate
        # The eyes first: the weight of the whole picture falls to a tenth by half time, that of the spots to a seventh by the end.
        loss, whole, spots = loss_of(batch)
        (loss + .15 * max(.1, 1 - 1.8 * done) * whole + .25 * max(.15, 1 - done) * spots).backward()
        if ranks > 1:
            average(everything)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
        step += 1
        seen += len(batch['ids']) * ranks
        torch._foreach_lerp_(ema, live, 1 - min(.9995, (step + 1) / (step + 20)))
        both = torch.stack([loss.detach(), whole.detach(), spots.detach()])
        mean = both if mean is None else mean * .97 + both * .03
        t = time.time()
        batch = next(source)
        wait += time.time() - t
        if step in (1, 5, 20) or step % 100 == 0:
            a, b, c = mean.tolist()
            now = time.time()
            say(f'{now - start:6.0f} s step {step} loss {a:.4f} whole {b:.3f} spots {c:.3f} rate {rate:.2e} {(seen - mark_seen) / (now - mark):.0f}/s waiting {wait:.1f} s')
            mark, mark_seen, wait = now, seen, 0.0
        if rank == 0 and time.time() - saved > 180:
            save(net, ema, o.out)
            saved = time.time()
    if rank == 0:
        save(net, ema, o.out)
    say(f'done: {step} steps, {seen} conversations, {time.time() - start:.0f} s, loss {mean.tolist()[0]:.4f}')
    os._exit(0)       # workers are daemons in the middle of a batch; nothing of theirs is worth waiting for


def save(net, ema, folder):
    state = {name: w.detach().clone() for (name, _), w in zip(net.named_parameters(), ema)}
    torch.save(state, f'{folder}/ema.tmp')
    os.replace(f'{folder}/ema.tmp', f'{folder}/ema.pt')


if __name__ == '__main__':
    main()
