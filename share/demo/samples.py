"""The pictures in share/pictures for a newcomer's first try: the same scenes as in training, drawn larger from the SVG files.

    python3 samples.py --data DATA --pack PACK --out share/pictures
"""
import argparse
import io
import os
import random
import subprocess
import tarfile
import tempfile

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import compose
import render
import scenes
import words

# name: size, ground, [(thing or figure, style or colour, centre x, centre y, side as a share of the width)]
PICTURES = {
    'fox-and-apples': ((640, 480), 'white', [('fox', 'noto', .28, .5, .42), ('apple', 'twemoji', .66, .4, .2), ('apple', 'twemoji', .86, .62, .2)]),
    'three-cats': ((640, 480), 'grass', [('cat', 'fluent-emoji', .2, .62, .24), ('cat', 'fluent-emoji', .5, .66, .24), ('cat', 'fluent-emoji', .8, .6, .24)]),
    'red-star': ((448, 448), 'white', [('*star', 'red', .5, .5, .6)]),
    'figures': ((640, 480), 'white', [('*circle', 'blue', .2, .3, .22), ('*triangle', 'green', .75, .3, .22), ('*square', 'orange', .28, .75, .2), ('*heart', 'red', .75, .74, .22)]),
    'word-house': ((560, 420), 'white', [('"', 'HOUSE', .5, .3, .16), ('house', 'noto', .5, .7, .3)]),
    'sun-car-tree': ((640, 480), 'grass', [('sun', 'noto', .5, .17, .22), ('car', 'noto', .3, .5, .36), ('tree', 'noto', .75, .7, .34)]),
}


def ground(size, kind):
    im = Image.new('RGB', size, (255, 255, 255))
    if kind == 'grass':
        d = ImageDraw.Draw(im)
        d.rectangle((0, 0, size[0], size[1]), fill=(168, 212, 245))
        d.rectangle((0, int(size[1] * .55), size[0], size[1]), fill=(112, 176, 88))
    return im


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--data', required=True)
    p.add_argument('--pack', required=True)
    p.add_argument('--out', required=True)
    o = p.parse_args()
    os.makedirs(o.out, exist_ok=True)
    world = scenes.World(o.pack)
    with tempfile.TemporaryDirectory() as tmp:
        tarfile.open(f'{o.data}/emoji/svg.tar.xz').extractall(tmp)
        where = {f: os.path.join(d, f) for d, _, files in os.walk(tmp) for f in files}
        for name, (size, kind, parts) in PICTURES.items():
            im = ground(size, kind)
            for what, how, cx, cy, side in parts:
                px = int(side * size[0])
                at = lambda w, h: (int(cx * size[0] - w / 2), int(cy * size[1] - h / 2))
                if what == '"':
                    font = ImageFont.truetype(world.font_path('DejaVuSans-Bold'), px)
                    ImageDraw.Draw(im).text((cx * size[0], cy * size[1]), how, fill=(20, 20, 60), font=font, anchor='mm')
                elif what.startswith('*'):
                    m = compose.figure_mask(what[1:]).resize((px, px), Image.LANCZOS)
                    rgb = tuple(int(v * 255) for v in scenes.colour_rgb(random.Random(1), how))
                    im.paste(Image.new('RGB', (px, px), rgb), at(px, px), m)
                else:
                    thing = world.by_name[what]
                    s = next(s for s in world.sprites if s['concept'] == thing.index and s['style'] == how and not s['held'])
                    cell, _, _ = render.rasterise(where[s['file'].replace('.webp', '.svg')], px)
                    im.paste(cell, at(px, px), cell)
            out = f'{o.out}/{name}.png'
            im.save(out, optimize=True)
            if os.path.getsize(out) > 40000:
                im.quantize(160, dither=Image.Dither.NONE).convert('P').save(out, optimize=True)
            print(out, os.path.getsize(out))


if __name__ == '__main__':
    main()
