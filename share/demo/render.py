"""Turn the data folder into a small pack that training can carry: sprites, photos, fonts, text.

    python3 render.py --data DATA --pack PACK

Needs rsvg-convert (librsvg) and DejaVu fonts (they come with matplotlib). Everything else works from PACK.
"""
import argparse
import concurrent.futures
import csv
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
import zlib

import numpy as np
from PIL import Image

SIZE = 160
FONTS = ['DejaVuSans', 'DejaVuSans-Bold', 'DejaVuSerif', 'DejaVuSerif-Bold', 'DejaVuSansMono', 'DejaVuSansMono-Bold']


def square(image, size):
    """Crop to what is visible and centre it in a square, so that a sprite's cell tells its place and size."""
    box = image.getchannel('A').point(lambda a: 255 if a > 12 else 0).getbbox() or (0, 0, *image.size)
    image = image.crop(box)
    side = max(image.size)
    cell = Image.new('RGBA', (side, side))
    cell.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return cell.resize((size, size), Image.LANCZOS), image.width / side, image.height / side


def main_colour(image):
    """The one colour word nobody would argue about, or '' (asked for only where it is nearly the whole drawing)."""
    a = np.asarray(image, np.float32) / 255
    rgb = a[a[..., 3] > 0.6][:, :3]
    if len(rgb) < 200:
        return ''
    v, low = rgb.max(1), rgb.min(1)
    s = np.where(v > 0, (v - low) / np.maximum(v, 1e-6), 0)
    r, g, b = rgb.T
    d = np.maximum(v - low, 1e-6)
    h = np.where(v == r, ((g - b) / d) % 6, np.where(v == g, (b - r) / d + 2, (r - g) / d + 4)) * 60
    names = np.full(len(rgb), '', dtype=object)
    vivid = s > 0.35
    for name, lo, hi in (('red', 0, 12), ('red', 345, 361), ('orange', 20, 38), ('yellow', 44, 64),
                         ('green', 80, 165), ('blue', 190, 240), ('purple', 258, 295), ('pink', 315, 342)):
        names[vivid & (h >= lo) & (h < hi) & (v > 0.55 if name in ('red', 'orange', 'yellow', 'pink') else v > 0.3)] = name
    names[(h >= 8) & (h < 40) & (s > 0.35) & (v > 0.2) & (v < 0.6)] = 'brown'
    names[(v < 0.22)] = 'black'
    names[(s < 0.12) & (v > 0.9)] = 'white'
    names[(s < 0.2) & (v > 0.35) & (v < 0.78)] = 'grey'
    words, counts = np.unique(names.astype(str), return_counts=True)
    best = counts.argmax()
    return str(words[best]) if counts[best] > 0.66 * len(rgb) else ''


def rasterise(path, size=SIZE):
    png = subprocess.run(['rsvg-convert', '-w', str(size * 5 // 4), '-a', path], capture_output=True, check=True).stdout
    return square(Image.open(io.BytesIO(png)).convert('RGBA'), size)


def one(job):
    path, row = job
    image, width, height = rasterise(path)
    out = io.BytesIO()
    image.save(out, 'WEBP', quality=90, alpha_quality=95, method=4)
    name = row['file'][:-4] + '.webp'
    return name, out.getvalue(), dict(file=name, concept=int(row['concept_id']), style=row['style'], w=round(width, 3),
                                      h=round(height, 3), colour=main_colour(image))


def hold_out(sprites):
    """Drawings never trained on: name hash 0 modulo 12, unless it is the last of its concept."""
    left = {}
    for s in sprites:
        left[s['concept']] = left.get(s['concept'], 0) + 1
    for s in sprites:
        s['held'] = zlib.crc32(s['file'].encode()) % 12 == 0 and left[s['concept']] > 1
        left[s['concept']] -= s['held']


def find_font(name):
    for folder in ('/usr/share/fonts/truetype/dejavu', '/usr/share/fonts/dejavu'):
        if os.path.exists(f'{folder}/{name}.ttf'):
            return f'{folder}/{name}.ttf'
    import matplotlib
    return os.path.join(matplotlib.get_data_path(), 'fonts', 'ttf', name + '.ttf')


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--data', required=True)
    p.add_argument('--pack', required=True)
    p.add_argument('--jobs', type=int, default=2)
    o = p.parse_args()
    os.makedirs(o.pack, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        tarfile.open(f'{o.data}/emoji/svg.tar.xz').extractall(tmp)
        where = {f: os.path.join(d, f) for d, _, files in os.walk(tmp) for f in files}
        rows = list(csv.DictReader(open(f'{o.data}/emoji/pictures.tsv', encoding='utf-8'), delimiter='\t'))
        jobs = [(where[r['file']], r) for r in rows]
        sprites = []
        with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool, \
                zipfile.ZipFile(f'{o.pack}/sprites.zip', 'w', zipfile.ZIP_STORED) as z:
            for name, data, info in pool.map(one, jobs):
                z.writestr(zipfile.ZipInfo(name), data)
                sprites.append(info)
    hold_out(sprites)
    json.dump(sprites, open(f'{o.pack}/sprites.json', 'w'))
    for f in ('photos/grocery.zip', 'photos/grocery.tsv', 'photos/caltech101.zip', 'photos/caltech101.tsv',
              'clipart/openclipart-test.zip', 'clipart/openclipart-test.tsv', 'emoji/concepts.tsv',
              'text/tatoeba-en-zh.tsv', 'fonts/ocr-chars.txt', 'fonts/NotoSansSC-subset-Regular.otf',
              'fonts/NotoSansSC-subset-Bold.otf'):
        shutil.copyfile(f'{o.data}/{f}', f'{o.pack}/{os.path.basename(f)}')
    for name in FONTS:
        shutil.copyfile(find_font(name), f'{o.pack}/{name}.ttf')
    print(len(sprites), 'drawings,', sum(s['held'] for s in sprites), 'held out,',
          sum(s['colour'] != '' for s in sprites), 'with a plain colour')


if __name__ == '__main__':
    main()
