"""Training batches from nothing but a seed: scenes and conversations as numpy arrays, made by worker processes."""
import random

import numpy as np
import torch

import compose
import scenes
import talk
from tokenizer import IMG, Tokenizer

BATCH, LENGTH = 512, 256
PAIRS, PAIR_LENGTH = 256, 384
LONGS, LONG_LENGTH, LONG_PICTURES = 128, 1024, 4
PAIR_SHARE, LONG_SHARE = .11, .09         # of the batches; every batch has 512 pictures
SHAPES = dict(one=(BATCH, LENGTH, 1), pair=(PAIRS, PAIR_LENGTH, 2), long=(LONGS, LONG_LENGTH, LONG_PICTURES))


def pack_rounds(tok, rounds, pictures, length):
    """ids and the answers' positions, as many rounds as fit."""
    ids, spans = list(tok.system), []
    for (q, a, *_), n in zip(rounds, pictures):
        head, tail = tok.question(q, n), tok.encode(a) + [tok.end]
        if len(ids) + len(head) + len(tail) > length:
            break
        ids += head
        spans.append((len(ids), len(ids) + len(tail)))
        ids += tail
    return ids, spans


def one_picture(world, tok, r, progress):
    early = progress < .05
    low, top = (2, 2) if progress < .1 else (3, 10)      # so many that the length is used; what does not fit is dropped
    if r.random() < .045 and not early:
        return None, talk.Talk(world, r).rounds(r.randint(1, 5)), [0] * 5
    s = scenes.any_scene(world, r, scenes.EARLY if early else scenes.TRAINING)
    rounds, pictures = [], []
    lang = None
    if r.random() < .05:          # some words before the picture comes
        t = talk.Talk(world, r)
        rounds = t.rounds(r.randint(1, 2))
        pictures, lang = [0] * len(rounds), t.lang
    t = talk.Talk(world, r, s, lang=lang)
    n = r.randint(low, top)
    return s, rounds + t.rounds(n), pictures + [1] + [0] * (n - 1)


def two_pictures(world, tok, r):
    if r.random() < .55:          # both in one turn
        a, b = talk.pair_scenes(world, r)
        n = r.randint(2, 6)
        return (a, b), talk.Talk(world, r, a, b).rounds(n), [2] + [0] * (n - 1)
    a, b = (scenes.any_scene(world, r, scenes.TRAINING) for _ in range(2))
    t = talk.Talk(world, r, a)     # the second comes later; questions then are about it
    n, m = r.randint(1, 3), r.randint(1, 4)
    rounds = t.rounds(n)
    return (a, b), rounds + talk.Talk(world, r, b, lang=t.lang).rounds(m), [1] + [0] * (n - 1) + [1] + [0] * (m - 1)


def many_pictures(world, tok, r):
    """A long evening: up to four pictures one after the other, to the end of the context."""
    shown, rounds, pictures, lang = [], [], [], None
    n = r.randint(1, LONG_PICTURES)
    for _ in range(n):
        s = scenes.any_scene(world, r, scenes.TRAINING)
        t = talk.Talk(world, r, s, lang=lang)
        k = r.randint(2, 7) if n > 1 else 30
        rounds += t.rounds(k)
        pictures += [1] + [0] * (k - 1)
        shown.append(s)
        lang = t.lang
    return shown, rounds, pictures


GRID = 8                 # visual tokens a side; token a*8+b looks at column a, row b (the published order)


CELLS = (np.arange(GRID, dtype=np.float32) + .5) / GRID


def spots(scene, nothing):
    """What the eyes should find at each visual token: a label (-1: not asked), and [centre here, way to it, extent]."""
    label = np.full((GRID, GRID), -1 if scene.kind == 'photo' else nothing, np.int64)
    box = np.zeros((GRID, GRID, 5), np.float32)
    x, y = CELLS[:, None], CELLS[None, :]
    for what, cx, cy, w, h in scene.where:
        dx, dy = cx - x + 0 * y, cy - y + 0 * x
        label[(abs(dx) < w / 2 + .5 / GRID) & (abs(dy) < h / 2 + .5 / GRID)] = -1        # the rim is a matter of taste
    for what, cx, cy, w, h in scene.where:
        dx, dy = cx - x + 0 * y, cy - y + 0 * x
        core = (2 * dx / w) ** 2 + (2 * dy / h) ** 2 < .6
        a, b = (min(GRID - 1, max(0, int(v * GRID))) for v in (cx, cy))
        core[a, b] = True
        label[core] = what
        box[core, 1:] = np.stack([dx[core] * GRID, dy[core] * GRID, np.full(core.sum(), np.log2(w * GRID)), np.full(core.sum(), np.log2(h * GRID))], -1)
        box[a, b, 0] = 1
    return label.reshape(-1), box.reshape(-1, 5)


def make(world, tok, seed, progress=1.0, kind='one', batch=None):
    r = random.Random(seed)
    b, length, per = SHAPES[kind]
    b = max(1, batch // per) if batch else b
    ids = np.zeros((b, length), np.int32)
    ground = np.zeros((b * per, scenes.GROUND), np.float32)
    layers = np.zeros((b * per, scenes.MAX_LAYERS, scenes.LAYER), np.float32)
    layers[:, :, 0] = -1
    at, target, aux = [], [], []
    label, box = np.full((b * per, GRID * GRID), -1, np.int64), np.zeros((b * per, GRID * GRID, 5), np.float32)
    for i in range(b):
        if kind == 'pair':
            shown, rounds, pictures = two_pictures(world, tok, r)
        elif kind == 'long':
            shown, rounds, pictures = many_pictures(world, tok, r)
        else:
            scene, rounds, pictures = one_picture(world, tok, r, progress)
            shown = (scene,) if scene else ()
        for k, s in enumerate(shown):
            ground[i * per + k], layers[i * per + k] = s.arrays()
            aux += [(i * per + k, x) for x in s.aux]
            label[i * per + k], box[i * per + k] = spots(s, world.n_aux)
        row, spans = pack_rounds(tok, rounds, pictures, length)
        ids[i, :len(row)] = row
        for lo, hi in spans:
            at.extend(range(i * length + lo - 1, i * length + hi - 1))
            target.extend(row[lo:hi])
    return dict(ids=ids, ground=ground, layers=layers, at=np.array(at, np.int64), target=np.array(target, np.int64),
                aux=np.array(aux, np.int64).reshape(-1, 2), label=label, box=box, seed=seed)


class Stream(torch.utils.data.IterableDataset):
    def __init__(self, pack, seed, progress, batch=None, limit=None, rank=0):
        self.pack, self.seed, self.progress, self.batch, self.limit, self.rank = pack, seed, progress, batch, limit, rank

    def __iter__(self):
        torch.set_num_threads(1)
        info = torch.utils.data.get_worker_info()
        me, of = (info.id, info.num_workers) if info else (0, 1)
        world, tok = scenes.World(self.pack, compose.MANNERS), Tokenizer(f'{self.pack}/tokenizer.model')
        n = me
        own = (self.seed + 101 * self.rank) * 1000003        # several GPUs: the same kind of batch at the same step, other pictures
        while True:
            p = self.progress.value
            # Pairs and long ones wait until single pictures are understood.
            x = random.Random(self.seed * 7919 + n).random() if p > .08 and not self.limit else 1
            kind = 'pair' if x < PAIR_SHARE else 'long' if x < PAIR_SHARE + LONG_SHARE else 'one'
            yield make(world, tok, own + (n % self.limit if self.limit else n), p, kind, self.batch)
            n += of
