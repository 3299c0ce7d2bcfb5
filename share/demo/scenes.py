"""Scenes: what stands where on a picture, as numbers that compose.py turns into pixels.

A World knows the drawings, figures, glyphs and photographs by their place in the sprite bank. A Scene is one picture: a ground,
layers (sprites with an inverse affine map and a colour matrix) and the items a conversation may speak about.
"""
import csv
import json
import math
import os
import zlib

import numpy as np
from PIL import ImageFont

import words

MAX_LAYERS = 12
LAYER = 20          # sprite, 6 of the inverse map, size, 12 of the colour matrix
GROUND = 24         # kind, two colours, angle, frequency, horizon, photo, 6 of its map, 4 jitter, seed, noise, grey
FONTS = ['DejaVuSans', 'DejaVuSans-Bold', 'DejaVuSerif', 'DejaVuSerif-Bold', 'DejaVuSansMono', 'DejaVuSansMono-Bold',
         'NotoSansSC-subset-Regular', 'NotoSansSC-subset-Bold']
HELD_FONT = 5
LATIN = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
GLYPH_EM = 110      # pixels of an em in a 160 pixel cell
FLAT, GRADIENT, NOISE, STRIPES, LAND, PHOTO, BLURRED = range(7)

NO_MIRROR = {'alarm clock', 'watch', 'book', 'newspaper', 'music note', 'keyboard', 'stop sign', 'ruler', 'dice', 'compass', 'radio'}
CONFUSED = [{'star', 'moon', 'heart', 'ring', 'gem', 'sun'}, {'chicken', 'chick', 'bird', 'turkey'}, {'tree', 'pine tree', 'Christmas tree'},
            {'phone', 'telephone'}, {'cap', 'hat'}, {'mouse', 'hamster', 'rat'}, {'laptop', 'computer', 'television'},
            {'cow', 'ox'}, {'car', 'taxi', 'race car', 'police car'}, {'ship', 'sailboat', 'speedboat'}]


def held(text, modulus=10):
    return zlib.crc32(text.encode()) % modulus == 0


class Photo:
    def __init__(self, index, thing, test):
        self.index, self.thing, self.test = index, thing, test


class World:
    def __init__(self, pack, manners=0):
        self.pack = pack
        self.manners = manners       # further manners of drawing each drawing: training only, compose.py draws them
        self.things = words.load_things(f'{pack}/concepts.tsv')
        self.by_name = {t.en: t for t in self.things}
        self.sprites = json.load(open(f'{pack}/sprites.json'))
        n = len(self.things)
        self.train_sprites, self.held_sprites = [[] for _ in range(n)], [[] for _ in range(n)]
        for i, s in enumerate(self.sprites):
            (self.held_sprites if s['held'] else self.train_sprites)[s['concept']].append(i)
        self.drawn = [t for t in self.things if self.train_sprites[t.index]]
        self.countable = [t for t in self.drawn if t.countable]
        self.by_category = {}
        for t in self.things:
            self.by_category.setdefault(t.category, []).append(t)
        self.shape0 = len(self.sprites)
        self.glyph0 = self.shape0 + 2 * len(words.SHAPES)
        self.hanzi = open(f'{pack}/ocr-chars.txt', encoding='utf-8').read().strip()
        self.fonts = [(f, LATIN + (self.hanzi if f.startswith('Noto') else '')) for f in FONTS]
        self.glyphs, self.advance = [], []
        at = self.glyph0
        for name, chars in self.fonts:
            font = ImageFont.truetype(self.font_path(name), GLYPH_EM)
            self.glyphs.append({c: at + i for i, c in enumerate(chars)})
            self.advance.append({c: font.getlength(c) / GLYPH_EM for c in chars})
            at += len(chars)
        self.n_sprites = at
        self.photos = []
        for archive in ('grocery', 'caltech101'):
            for row in csv.DictReader(open(f'{pack}/{archive}.tsv', encoding='utf-8'), delimiter='\t'):
                self.photos.append(Photo(len(self.photos), self.by_name[row['en']], row['split'] != 'train'))
                self.photos[-1].file = (archive, row['file'])
        by_class = {}
        for p in self.photos:
            if not p.test:
                by_class.setdefault(p.thing.index, []).append(p)
        self.photo_classes = list(by_class.values())
        self.train_photos = [p for p in self.photos if not p.test]
        pairs = [r.rstrip('\n').split('\t') for r in open(f'{pack}/tatoeba-en-zh.tsv', encoding='utf-8')][1:]
        self.tatoeba = pairs
        # Questions that sound like ours ("what is this", "who are you") must not be taught as off topic.
        ours = ('picture', 'photo', 'colour', 'color', 'what is this', "what's this", 'what is that', "what's that", 'who are you', 'how are you',
                'what are you', 'how many', 'your name', 'is this', 'is that', 'see', 'are you sure', 'who is')
        self.off_topic = [(e, z) for e, z, *_ in pairs if e.endswith('?') and z.endswith(('?', '？')) and not any(o in e.lower() for o in ours)]
        self.plain_words = sorted({w.upper() for e, *_ in pairs for w in e.strip('.?!').split() if w.isalpha() and w.isascii() and 2 <= len(w) <= 7})
        confused = {}
        for group in CONFUSED:
            for a in group:
                confused.setdefault(a, set()).update(group - {a})
        self.confused = confused
        # Auxiliary labels: concepts, figure shape x colour, glyphs that stand on the picture.
        self.aux_figure = len(self.things)
        self.aux_char = self.aux_figure + len(words.SHAPES) * len(words.COLOURS)
        self.aux_index = {c: self.aux_char + i for i, c in enumerate(LATIN + self.hanzi)}
        self.n_aux = self.aux_char + len(LATIN) + len(self.hanzi)

    def font_path(self, name):
        return os.path.join(self.pack, name + ('.otf' if name.startswith('Noto') else '.ttf'))


class Item:
    """Something on the picture: a drawing (thing) or a figure (shape), its place and extent in 0..1, its plain colour or ''."""

    def __init__(self, thing=None, shape=None, colour='', cx=.5, cy=.5, w=.3, h=.3):
        self.thing, self.shape, self.colour, self.cx, self.cy, self.w, self.h = thing, shape, colour, cx, cy, w, h
        self.key = ('t', thing.index) if thing else ('f', shape, colour)

    def size(self):
        return math.sqrt(self.w * self.h)


class Scene:
    def __init__(self):
        self.kind, self.items, self.layers, self.aux = '', [], [], set()
        self.where = []          # (auxiliary label, centre, extent): what the eyes should find at which spot
        self.ground = np.zeros(GROUND, np.float32)
        self.ground_name, self.text, self.photo = '', None, None

    def arrays(self):
        layers = np.zeros((MAX_LAYERS, LAYER), np.float32)
        layers[:, 0] = -1
        if self.layers:
            layers[:len(self.layers)] = self.layers
        return self.ground, layers


# Colours and maps ---------------------------------------------------------------------------------------------------

def hsv_rgb(h, s, v):
    h = (h % 360) / 60
    f = lambda n: v - v * s * max(0, min((n + h) % 6, 4 - (n + h) % 6, 1))
    return f(5), f(3), f(1)


def colour_rgb(r, name):
    h, s, v = words.HSV[name]
    return hsv_rgb(r.uniform(*h), r.uniform(*s), r.uniform(*v))


IDENTITY = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)


def tint(rgb):
    return (0, 0, 0, rgb[0], 0, 0, 0, rgb[1], 0, 0, 0, rgb[2])


def jitter(r):
    """Hue within 0.03 of a turn, brightness and contrast within 0.2, as one matrix on premultiplied colour."""
    if r.random() < .3:
        return IDENTITY
    a = r.uniform(-.03, .03) * 2 * math.pi
    c, s = math.cos(a), math.sin(a)
    k, q = (1 - c) / 3, s / math.sqrt(3)
    gain, contrast = r.uniform(.85, 1.12), r.uniform(.85, 1.15)
    m, off = gain * contrast, (1 - contrast) * .5
    return (m * (c + k), m * (k - q), m * (k + q), off, m * (k + q), m * (c + k), m * (k - q), off,
            m * (k - q), m * (k + q), m * (c + k), off)


def other_hand(r):
    """Colours as another artist might choose them: any hue, or none; more styles than seven sets of drawings have."""
    if r.random() < .3:
        g, off = r.uniform(.8, 1.1), r.uniform(-.05, .1)
        return (.3 * g, .59 * g, .11 * g, off) * 3
    a = r.uniform(-.5, .5) * math.pi
    c, s = math.cos(a), math.sin(a)
    k, q = (1 - c) / 3, s / math.sqrt(3)
    m, off = r.uniform(.7, 1.2), r.uniform(-.05, .1)
    return (m * (c + k), m * (k - q), m * (k + q), off, m * (k + q), m * (c + k), m * (k - q), off,
            m * (k - q), m * (k + q), m * (c + k), off)


def layer(sprite, cx, cy, side, angle=0.0, flip=False, stretch=(1, 1), colour=IDENTITY, shear=0.0):
    """side: the cell's side as a share of the picture, before the squash."""
    c, s = math.cos(angle), math.sin(angle)
    k = 2 / side
    ax, ay = k / stretch[0], k / stretch[1]
    a, b, d, e = c * ax, s * ay, -s * ax, c * ay
    a, b = a + shear * d, b + shear * e
    if flip:
        a, b = -a, -b
    return (sprite, a, b, -(a * cx + b * cy), d, e, -(d * cx + e * cy), side * math.sqrt(stretch[0] * stretch[1]), *colour)


# Grounds ------------------------------------------------------------------------------------------------------------

LIGHT = [('white', (1, 1, 1)), ('pale', (.95, .93, .85)), ('pale', (.85, .92, .97)), ('pale', (.97, .88, .9)), ('pale', (.88, .95, .86))]


def random_colour(r):
    return hsv_rgb(r.uniform(0, 360), r.random() ** 1.5 * .8, r.uniform(.4, 1))


def paint_ground(world, scene, r, plain=False, avoid=()):
    g, p = scene.ground, r.random()
    noise = 0.0 if r.random() < .6 else r.uniform(0, .04)
    if p < (.5 if plain else .4) and 'white' not in avoid:
        kind, c0, c1, scene.ground_name = FLAT, (1, 1, 1), (1, 1, 1), 'white'
    elif p < .62 or plain:
        kind = FLAT
        if r.random() < .6:
            names = [c for c, _ in words.COLOURS if c not in avoid]
            scene.ground_name = r.choice(names)
            c0 = c1 = colour_rgb(r, scene.ground_name)
        else:
            c0 = c1 = hsv_rgb(r.uniform(0, 360), r.uniform(.03, .2), r.uniform(.88, 1)) if avoid or plain else random_colour(r)
    elif p < .72:
        kind, c0, c1 = GRADIENT, random_colour(r), random_colour(r)
    elif p < .78:
        kind, c0 = NOISE, random_colour(r)
        c1 = tuple(min(1, max(0, x + r.uniform(-.25, .25))) for x in c0)
    elif p < .83:
        kind, c0 = STRIPES, hsv_rgb(r.uniform(0, 360), r.uniform(0, .35), r.uniform(.8, 1))
        c1 = tuple(min(1, max(0, x + r.uniform(-.15, .15))) for x in c0)
    elif p < .91:
        kind = LAND
        c0 = hsv_rgb(r.uniform(195, 220), r.uniform(.2, .6), r.uniform(.85, 1))
        c1 = hsv_rgb(*((r.uniform(85, 130), r.uniform(.4, .7), r.uniform(.5, .8)) if r.random() < .7 else
                       (r.uniform(200, 225), r.uniform(.6, .8), r.uniform(.5, .8))))
    else:
        kind, c0, c1 = BLURRED, (0, 0, 0), (0, 0, 0)
        photo_ground(scene, r, r.choice(world.train_photos).index, BLURRED)
        g[18] = noise
        return
    if avoid and kind in (GRADIENT, NOISE, STRIPES):       # figures need a ground that no figure vanishes on
        c0, c1 = (hsv_rgb(r.uniform(0, 360), r.uniform(.02, .12), r.uniform(.92, 1)) for _ in range(2))
    g[0], g[1:4], g[4:7] = kind, c0, c1
    g[7], g[8], g[9] = r.uniform(0, 6.283), r.uniform(2, 12), r.uniform(.35, .7)
    g[17], g[18] = r.random() * 1000, noise


def photo_ground(scene, r, index, kind=PHOTO, quiet=False):
    g = scene.ground
    g[0], g[10] = kind, index
    if quiet:
        g[11:17] = (1, 0, 0, 0, 1, 0)
        g[19:23] = (1, 1, 1, 0)
        return
    side = math.sqrt(r.uniform(.45, 1)) if kind == PHOTO else r.uniform(.5, 1)
    ratio = math.exp(r.uniform(-.25, .25))
    sx, sy = min(1, side * ratio), min(1, side / ratio)
    ox, oy = r.uniform(-(1 - sx), 1 - sx), r.uniform(-(1 - sy), 1 - sy)
    a = r.uniform(-.25, .25) if r.random() < .4 else 0
    c, s = math.cos(a), math.sin(a)
    f = -1 if r.random() < .5 else 1
    g[11:17] = (f * sx * c, sx * s, ox, -f * sy * s, sy * c, oy)
    g[19:23] = (r.uniform(.75, 1.25), r.uniform(.75, 1.25), r.uniform(.7, 1.3), r.uniform(-.05, .05))


# Scenes -------------------------------------------------------------------------------------------------------------

def squash(r):
    """What a non-square picture becomes when it is resized to a square."""
    if r.random() < .6:
        return 1.0, 1.0
    k = math.exp(r.uniform(-.25, .25))
    return k, 1 / k


def pick_sprite(world, r, thing, new=False):
    pool = (world.held_sprites if new else world.train_sprites)[thing.index] or world.train_sprites[thing.index]
    return r.choice(pool)


def places(r, n, lo, hi, stretch):
    """n squares (cx, cy, side) that do not overlap by more than a little; rows, columns and grids as often as disorder."""
    style = r.random()
    if n > 1 and style < .45:
        rows = 1 if style < .25 and n <= 5 else (n if style < .35 and n <= 4 else None)
        if rows is None:
            rows = 2
        cols = -(-n // rows)
        cells = [(i, j) for j in range(rows) for i in range(cols)][:n]
        side = min(hi, .92 / max(cols * stretch[0], rows * stretch[1]))
        out = []
        for i, j in cells:
            s = side * r.uniform(.62, .98)
            free_x, free_y = 1 / cols - s * stretch[0], 1 / rows - s * stretch[1]
            jx, jy = min(free_x * .5, .05), min(free_y * .5, .14)
            out.append(((i + .5) / cols + r.uniform(-jx, jx), (j + .5) / rows + r.uniform(-jy, jy), s))
        r.shuffle(out)
        return out
    out = []
    hi = min(hi, .95 / max(stretch))
    scale = 1.0
    while len(out) < n:
        for _ in range(12):
            s = max(.1, r.uniform(lo, hi) * scale)
            hx, hy = s * stretch[0] / 2, s * stretch[1] / 2
            cx, cy = r.uniform(hx, 1 - hx), r.uniform(hy, 1 - hy)
            if all(abs(cx - x) > (hx + t * stretch[0] / 2) * .95 or abs(cy - y) > (hy + t * stretch[1] / 2) * .95 for x, y, t in out):
                out.append((cx, cy, s))
                break
        else:
            scale *= .8
            if scale < .35:
                return out
    return out


def redrawn(world, r, sprite, side):
    """Now and then the same drawing in another manner: more styles than seven sets of drawings have."""
    if not world.manners or r.random() > (.35 if side > .4 else .2):
        return sprite
    return world.n_sprites + r.randrange(world.manners) * world.shape0 + sprite


def put_thing(world, scene, r, thing, cx, cy, side, stretch, new=False, sprite=None, calm=False):
    sprite = pick_sprite(world, r, thing, new) if sprite is None else sprite
    info = world.sprites[sprite]
    angle = 0 if calm or r.random() < .4 else r.uniform(-.26, .26)
    flip = not calm and thing.en not in NO_MIRROR and r.random() < .5
    colour, shear, odd = info['colour'], 0.0, not calm and r.random() < .12
    if not calm and r.random() < .4:
        k = math.exp(r.uniform(-.14, 0))
        stretch = (stretch[0] * k, stretch[1]) if r.random() < .5 else (stretch[0], stretch[1] * k)
        shear = r.uniform(-.12, .12)
    look = sprite if calm else redrawn(world, r, sprite, side)
    if look != sprite:
        colour = ''
    scene.layers.append(layer(look, cx, cy, side, angle, flip, stretch, IDENTITY if calm else other_hand(r) if odd else jitter(r), shear))
    scene.items.append(Item(thing, None, '' if odd else colour, cx, cy, side * info['w'] * stretch[0], side * info['h'] * stretch[1]))
    scene.aux.add(thing.index)
    scene.where.append((thing.index, cx, cy, scene.items[-1].w, scene.items[-1].h))


def put_figure(world, scene, r, shape, colour, cx, cy, side, stretch, filled=None):
    index = shape + (len(words.SHAPES) if (r.random() < .35 if filled is None else not filled) else 0)
    free = words.SHAPES[shape][0] not in ('arrow', 'crescent', 'square', 'diamond')
    angle = r.uniform(-.2, .2) if free and r.random() < .5 else 0
    if words.SHAPES[shape][0] == 'arrow':
        angle = r.randrange(4) * math.pi / 2
    rgb = colour_rgb(r, colour)
    scene.layers.append(layer(world.shape0 + index, cx, cy, side, angle, False, stretch, tint(rgb)))
    if index < len(words.SHAPES) and len(scene.layers) < 6 and r.random() < .15 and colour != 'black':
        scene.layers.append(layer(world.shape0 + index + len(words.SHAPES), cx, cy, side, angle, False, stretch, tint((.05, .05, .05))))
    scene.items.append(Item(None, shape, colour, cx, cy, side * stretch[0], side * stretch[1]))
    label = world.aux_figure + shape * len(words.COLOURS) + [c for c, _ in words.COLOURS].index(colour)
    scene.aux.add(label)
    scene.where.append((label, cx, cy, side * stretch[0], side * stretch[1]))


def far(world, thing, others):
    bad = world.confused.get(thing.en, ())
    return all(thing is not o and o.en not in bad for o in others)


def pick_things(world, r, n, pool=None):
    out = []
    pool = pool or world.drawn
    while len(out) < n:
        t = r.choice(pool)
        if r.random() < .25 and out:
            t = r.choice(world.by_category[out[0].category])
        if world.train_sprites[t.index] and far(world, t, out):
            out.append(t)
    return out


def single(world, r, thing=None, new=False, sprite=None, calm=False):
    s = Scene()
    s.kind = 'single'
    thing = thing or r.choice(world.drawn)
    stretch = (1, 1) if calm else squash(r)
    side = r.uniform(.6, .9) if calm else (r.uniform(.4, .98) if r.random() < .75 else r.uniform(.18, .4)) / max(stretch)
    hx, hy = side * stretch[0] / 2, side * stretch[1] / 2
    cx, cy = (r.gauss(.5, .12) for _ in range(2))
    cx, cy = (.5, .5) if calm else (min(max(cx, hx), 1 - hx), min(max(cy, hy), 1 - hy))
    paint_ground(world, s, r)
    put_thing(world, s, r, thing, cx, cy, side, stretch, new, sprite, calm)
    return s


def several(world, r, lo=2, hi=4, new=False):
    s = Scene()
    s.kind = 'several'
    n = r.randint(lo, hi)
    things = pick_things(world, r, n)
    if n > 2 and r.random() < .25:
        things[-1] = things[0]
    stretch = squash(r)
    paint_ground(world, s, r)
    for t, (cx, cy, side) in zip(things, places(r, n, .2, .55, stretch)):
        put_thing(world, s, r, t, cx, cy, side, stretch, new)
    if r.random() < .12:      # one figure among drawings
        free = [p for p in places(r, 1, .18, .26, stretch)]
        cx, cy, side = free[0]
        if all(abs(cx - i.cx) > (side + i.w) / 2 or abs(cy - i.cy) > (side + i.h) / 2 for i in s.items):
            names = [c for c, _ in words.COLOURS if c not in (s.ground_name, 'white', 'grey')]
            if s.ground[0] == FLAT and s.ground_name == 'white' and not any(t.en in CONFUSED[0] for t in things):
                put_figure(world, s, r, r.randrange(len(words.SHAPES)), r.choice(names), cx, cy, side, stretch, True)
    return s


def counting(world, r, kind=None, n=None):
    """n of one kind, some others; n may be 0 (then the kind is only asked about)."""
    s = Scene()
    s.kind = 'count'
    stretch = squash(r)
    n = r.choice((1, 2, 2, 3, 3, 4, 4, 5, 5)) if n is None else n
    others = min(r.choice((0, 0, 1, 1, 2, 3)), 7 - n)
    paint_ground(world, s, r, avoid=('white', 'grey') if r.random() < .3 else ())
    figures = kind is None and r.random() < .25 and s.ground[0] == FLAT and s.ground_name == 'white'
    spots = places(r, n + others, .13, .34 if n + others > 3 else .42, stretch)
    if figures:
        colours = [c for c, _ in words.COLOURS if c not in ('white', 'grey')]
        shape = r.randrange(len(words.SHAPES))
        same, c = r.random() < .6, r.choice(colours)
        for i, (cx, cy, side) in enumerate(spots):
            sh = shape if i < n else r.choice([k for k in range(len(words.SHAPES)) if k != shape])
            put_figure(world, s, r, sh, c if same else r.choice(colours), cx, cy, side, stretch)
        return s
    kind = kind or r.choice(world.countable)
    sprite = pick_sprite(world, r, kind) if r.random() < .7 else None
    rest = pick_things(world, r, 3, world.countable)
    rest = [t for t in rest if far(world, t, [kind])] or [world.by_name['key' if kind.en != 'key' else 'cat']]
    for i, (cx, cy, side) in enumerate(spots):
        if i < n:
            put_thing(world, s, r, kind, cx, cy, side, stretch, sprite=sprite)
        else:
            put_thing(world, s, r, r.choice(rest), cx, cy, side, stretch)
    return s


def figures(world, r, n=None):
    s = Scene()
    s.kind = 'figures'
    n = n or r.choice((1, 1, 1, 2, 2, 3, 3, 4, 5))
    stretch = squash(r) if r.random() < .3 else (1, 1)
    paint_ground(world, s, r, plain=r.random() < .8, avoid=('',) if r.random() < .8 else ('', 'white'))
    name = s.ground_name
    ban = {name, 'grey'} if name in ('white', 'black') else {name}
    ban |= {'brown': {'red', 'orange', 'black'}, 'red': {'brown', 'pink', 'orange'}, 'orange': {'yellow', 'red', 'brown'}, 'pink': {'red', 'white'},
            'yellow': {'white', 'orange'}, 'black': {'brown'}, 'blue': {'purple'}, 'purple': {'blue'}, 'white': {'white'}}.get(name, set())
    if not name:
        ban |= {'white', 'pink', 'grey'}
    colours = [c for c, _ in words.COLOURS if c not in ban]
    lo, hi = ((.3, .8) if n == 1 else (.16, .45))
    for cx, cy, side in places(r, n, lo, hi, stretch):
        put_figure(world, s, r, r.randrange(len(words.SHAPES)), r.choice(colours), cx, cy, side, stretch)
    return s


def random_text(world, r, kind, new=None):
    """new: None = not held out, True = held out only."""
    while True:
        if kind == 'word':
            p = r.random()
            if new is not None or p < .4:
                t = r.choice(words.READ)
            elif p < .7:
                t = r.choice(world.plain_words)
            else:
                t = ''.join(r.choice(LATIN[:26]) for _ in range(r.randint(2, 6)))
        elif kind == 'number':
            t = str(r.randrange(10 ** r.randint(1, 4)))
        else:
            t = r.choice(words.CHINESE) if r.random() < .4 else ''.join(r.choice(world.hanzi) for _ in range(r.randint(1, 2)))
            if not set(t) <= set(world.hanzi):
                continue
        if held(t) == bool(new) or (new is False):
            return t


def reading(world, r, kind=None, text=None, new=None, font=None):
    s = Scene()
    s.kind = 'text'
    kind = kind or r.choice(('word', 'word', 'number', 'chinese'))
    s.text = text or random_text(world, r, kind, new)
    if font is None:
        font = r.choice((6, 7)) if kind == 'chinese' else r.choice([f for f in range(8) if f != HELD_FONT])
    paint_ground(world, s, r, plain=True)
    g = s.ground
    luma = .3 * g[1] + .59 * g[2] + .11 * g[3]
    if luma > .6:
        rgb = (0, 0, 0) if r.random() < .5 else hsv_rgb(r.uniform(0, 360), r.uniform(.5, 1), r.uniform(.1, .5))
    elif luma < .4:
        rgb = (1, 1, 1) if r.random() < .5 else hsv_rgb(r.uniform(0, 360), r.uniform(0, .3), r.uniform(.92, 1))
    else:
        rgb = (1, 1, 1) if luma < .5 else (0, 0, 0)
    gap = r.choice((0, 0, 0, .04, .1))
    widths = [world.advance[font][c] + gap for c in s.text]
    total = sum(widths)
    em = min(r.uniform(24, 96) / 224, .92 / total)
    em = max(em, min(22 / 224, .96 / total))
    width = em * total
    cy = min(max(r.gauss(.5, .15), em * .6), 1 - em * .6)
    x = r.uniform(.02, .98 - width) if r.random() < .6 and width < .96 else .5 - width / 2
    left = x
    side = em * 160 / GLYPH_EM
    a = r.uniform(-.12, .12) if r.random() < .25 else 0
    ca, sa, mid = math.cos(a), math.sin(a), x + width / 2
    for c, w in zip(s.text, widths):
        gx = x + (w - gap) * em / 2
        s.layers.append(layer(world.glyphs[font][c], mid + (gx - mid) * ca, cy + (gx - mid) * sa, side, a, False, (1, 1), tint(rgb)))
        s.aux.add(world.aux_index[c])
        s.where.append((world.aux_index[c], mid + (gx - mid) * ca, cy + (gx - mid) * sa, em * .5, em * .5))
        x += w * em
    s.text_kind = kind
    if r.random() < .2 and len(s.layers) < 9:     # a drawing above or below
        t = r.choice(world.drawn)
        room = max(cy - em * .7, 1 - cy - em * .7)
        if room > .22:
            top = cy - em * .7 > 1 - cy - em * .7
            side = room * r.uniform(.75, .98)
            oy = room / 2 if top else 1 - room / 2
            put_thing(world, s, r, t, r.uniform(side / 2, 1 - side / 2), oy, side, (1, 1))
    return s


def photograph(world, r, photo=None):
    s = Scene()
    s.kind = 'photo'
    quiet = photo is not None
    # A balanced draw half the time: some classes have three times the pictures of others.
    s.photo = photo or (r.choice(r.choice(world.photo_classes)) if r.random() < .5 else r.choice(world.train_photos))
    photo_ground(s, r, s.photo.index, PHOTO, quiet)
    s.items.append(Item(s.photo.thing, None, '', .5, .5, .9, .9))
    s.aux.add(s.photo.thing.index)
    s.where.append((s.photo.thing.index, .5, .5, .5, .5))
    return s


TRAINING = (('single', .2), ('photo', .07), ('several', .35), ('count', .16), ('figures', .12), ('text', .1))
MIX = (('single', .27), ('photo', .08), ('several', .25), ('count', .12), ('figures', .14), ('text', .14))
EARLY = (('single', .5), ('photo', .12), ('several', .1), ('count', 0.05), ('figures', .15), ('text', .08))
MAKERS = dict(single=single, photo=photograph, several=several, count=counting, figures=figures, text=reading)


def any_scene(world, r, mix=MIX):
    p = r.random()
    for name, share in mix:
        p -= share
        if p < 0:
            break
    return MAKERS[name](world, r)
