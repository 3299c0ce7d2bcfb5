"""Scenes to pixels, a whole batch at a time, on the GPU (or slowly on the CPU): grid_sample and alpha, then what files go through."""
import concurrent.futures
import functools
import io
import math
import zipfile

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import scenes
import words

CELL = 160
PHOTO_CELL = 192
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def figure_mask(name, size=640):
    """One plain figure as a mask, drawn large and shrunk to its cell."""
    m = Image.new('L', (size, size))
    d = ImageDraw.Draw(m)
    c, k = size / 2, size / 2 - 8
    ngon = lambda n, turn=-90, rad=k: [(c + rad * math.cos(math.radians(turn + i * 360 / n)), c + rad * math.sin(math.radians(turn + i * 360 / n))) for i in range(n)]
    if name in ('circle', 'ring', 'crescent'):
        d.ellipse((c - k, c - k, c + k, c + k), fill=255)
        if name == 'ring':
            d.ellipse((c - k * .6, c - k * .6, c + k * .6, c + k * .6), fill=0)
        if name == 'crescent':
            d.ellipse((c - k * .35, c - k * .85, c + k * 1.35, c + k * .85), fill=0)
    elif name == 'square':
        d.rectangle((c - k, c - k, c + k, c + k), fill=255)
    elif name == 'triangle':
        d.polygon(ngon(3), fill=255)
    elif name == 'star':
        a, b = ngon(5), ngon(5, -54, k * .4)
        d.polygon([p for pair in zip(a, b) for p in pair], fill=255)
    elif name == 'heart':
        pts = []
        for i in range(200):
            t = i / 200 * 2 * math.pi
            x, y = 16 * math.sin(t) ** 3, 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
            pts.append((c + x / 17 * k, c - y / 17 * k))
        d.polygon(pts, fill=255)
    elif name == 'diamond':
        d.polygon([(c, c - k), (c + k * .68, c), (c, c + k), (c - k * .68, c)], fill=255)
    elif name in ('pentagon', 'hexagon'):
        d.polygon(ngon(5 if name == 'pentagon' else 6), fill=255)
    elif name == 'cross':
        w = k * .33
        d.rectangle((c - w, c - k, c + w, c + k), fill=255)
        d.rectangle((c - k, c - w, c + k, c + w), fill=255)
    elif name == 'arrow':
        d.polygon([(c - k, c - k * .25), (c + k * .1, c - k * .25), (c + k * .1, c - k * .65), (c + k, c), (c + k * .1, c + k * .65), (c + k * .1, c + k * .25), (c - k, c + k * .25)], fill=255)
    x0, y0, x1, y1 = m.getbbox()
    side = max(x1 - x0, y1 - y0)
    cell = Image.new('L', (side, side))
    cell.paste(m.crop((x0, y0, x1, y1)), ((side - x1 + x0) // 2, (side - y1 + y0) // 2))
    return cell


def figures():
    out = []
    solid = [figure_mask(n).resize((320, 320), Image.LANCZOS) for n, _ in words.SHAPES]
    for m in solid:
        out.append(m.resize((CELL, CELL), Image.LANCZOS))
    for m in solid:
        padded = Image.new('L', (360, 360))
        padded.paste(m, (20, 20))
        inner = padded.filter(ImageFilter.MinFilter(27)).crop((20, 20, 340, 340))
        out.append(Image.fromarray(np.asarray(m) - np.minimum(np.asarray(inner), np.asarray(m))).resize((CELL, CELL), Image.LANCZOS))
    return out


def glyphs(world):
    for name, chars in world.fonts:
        font = ImageFont.truetype(world.font_path(name), scenes.GLYPH_EM)
        for c in chars:
            m = Image.new('L', (CELL, CELL))
            w = font.getlength(c)
            y = CELL / 2 - font.getbbox('H', anchor='ls')[1] / 2
            ImageDraw.Draw(m).text(((CELL - w) / 2, y), c, fill=255, font=font, anchor='ls')
            yield m


def white_mask(m):
    a = np.asarray(m)
    return np.stack([a] * 4)          # premultiplied white


MANNERS = 3


def spread(x, k):
    return F.max_pool2d(x, k, 1, k // 2)


def soften(x, k):
    return F.avg_pool2d(x, k, 1, k // 2, count_include_pad=False)


def manners(cells):
    """Drawings [N, 4, CELL, CELL], premultiplied in 0..1, as others might draw them: flat with ink lines, lines alone, shaded and soft.

    Held-out drawings and clip art are not looked at; this only asks that a shape be known without its colours and its maker's hand.
    """
    a, n = cells[:, 3:], len(cells)
    pick = lambda lo, hi: torch.empty(n, 1, 1, 1, device=cells.device).uniform_(lo, hi)
    grey = soften((cells[:, :3] + 1 - a).mean(1, keepdim=True), 3)
    ink = torch.sigmoid((spread(grey, 3) + spread(-grey, 3) - pick(.10, .2)) * 40)
    grown = spread(a, 5)
    rim = (grown * spread(1 - a, 3)).clamp(0, 1)
    ink = torch.maximum(ink, rim)
    soft = soften(cells[:, :3], 7) / soften(a, 7).clamp_min(1e-3)
    dark = pick(0, .2)
    join = lambda colour, alpha: torch.cat([colour.clamp(0, 1) * alpha, alpha], 1)
    steps = pick(2, 4).round()
    flat = (soft * steps).round() / steps
    yield join(flat * (1 - ink) + dark * ink, grown)
    yield join((.85 + .15 * soft) * (1 - ink) + dark * ink, grown)
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, CELL, device=cells.device)] * 2, indexing='ij')
    light = 1 - pick(.1, .35) * (y + pick(-.7, .7) * x) - .15 * (x * x + y * y)
    softer = soften(cells[:, :3], 11) / soften(a, 11).clamp_min(1e-3)
    line = ink * pick(0, 1)
    yield join(softer * light * (1 - line) + dark * line, torch.maximum(a, rim * (line > .3)))


class Bank:
    """All sprites, premultiplied, in four sizes, and the training photographs."""

    def __init__(self, world, device, photos=True):
        self.device = torch.device(device)
        cells = torch.zeros(world.n_sprites, 4, CELL, CELL, dtype=torch.uint8)
        archive = zipfile.ZipFile(f'{world.pack}/sprites.zip')
        data = [archive.read(s['file']) for s in world.sprites]

        def sprite(i):
            a = np.asarray(Image.open(io.BytesIO(data[i])).convert('RGBA')).astype(np.float32)
            a[..., :3] *= a[..., 3:] / 255
            cells[i] = torch.from_numpy(a.round().astype(np.uint8).transpose(2, 0, 1).copy())
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(sprite, range(len(data))))
        for i, m in enumerate(figures()):
            cells[world.shape0 + i] = torch.from_numpy(white_mask(m))
        for i, m in enumerate(glyphs(world)):
            cells[world.glyph0 + i] = torch.from_numpy(white_mask(m))
        cells = cells.to(self.device)
        if world.manners:
            parts = [[(m * 255).round().to(torch.uint8) for m in manners(part.float() / 255)] for part in cells[:world.shape0].split(128)]
            cells = torch.cat([cells] + [torch.cat(m) for m in list(zip(*parts))[:world.manners]])
        self.levels = [cells]
        for _ in range(3):
            big = self.levels[-1]
            small = torch.cat([F.avg_pool2d(part.float(), 2).round().to(torch.uint8) for part in big.split(256)])
            self.levels.append(small)
        if photos:
            shots = torch.zeros(len(world.photos), 3, PHOTO_CELL, PHOTO_CELL, dtype=torch.uint8)
            files = {a: zipfile.ZipFile(f'{world.pack}/{a}.zip') for a in ('grocery', 'caltech101')}
            jobs = [(p, files[p.file[0]].read(p.file[1])) for p in world.photos if not p.test]

            def shot(job):
                image = Image.open(io.BytesIO(job[1])).convert('RGB').resize((PHOTO_CELL, PHOTO_CELL), Image.BICUBIC)
                shots[job[0].index] = torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(shot, jobs))
            self.photos = shots.to(self.device)


def upload(a, dev):
    """To the GPU without waiting for it: from pageable memory every copy would wait until all work before it is done."""
    t = torch.as_tensor(np.ascontiguousarray(a))
    return t.pin_memory().to(dev, non_blocking=True) if dev.type == 'cuda' else t.to(dev)


@functools.cache
def constant(name, dev):
    return torch.tensor(dict(dct=_DCT, luma=_LUMA, chroma=_CHROMA, mean=np.array(MEAN, np.float32), std=np.array(STD, np.float32))[name], device=dev)


def plan(layers, size):
    """Which pictures have a layer of which size, worked out on the CPU so that the GPU never has to answer."""
    steps, order = [], []
    for k in range(layers.shape[1]):
        here = np.nonzero(layers[:, k, 0] >= 0)[0]
        if not len(here):
            break
        px = np.maximum(layers[here, k, 7] * size, 1)
        level = np.clip(np.floor(np.log2(CELL / px)), 0, 3).astype(int)
        for v in range(4):
            who = here[level == v]
            if len(who):
                steps.append((k, v, len(order), len(order) + len(who)))
                order.extend(who)
    return steps, np.array(order, np.int64)


def compose(bank, ground, layers, size=224, rng=None):
    """ground [B, GROUND], layers [B, MAX_LAYERS, LAYER] as numpy -> [B, 3, size, size] in 0..1."""
    dev = bank.device
    dtype = torch.float16 if dev.type == 'cuda' else torch.float32
    steps, order = plan(layers, size)
    kinds = ground[:, 0].astype(int)
    b = len(ground)
    up = lambda a: upload(a, dev)
    g, lay, order = up(ground), up(layers), up(order)
    at = (torch.arange(size, device=dev) + .5) / size
    x, y = at.view(1, 1, size), at.view(1, size, 1)
    p = ((x - .5) * torch.cos(g[:, 7, None, None]) + (y - .5) * torch.sin(g[:, 7, None, None]))
    t = torch.zeros(b, size, size, device=dev)
    kind = g[:, 0, None, None]
    t = torch.where(kind == scenes.GRADIENT, (p + .6).clamp(0, 1.2) / 1.2, t)
    t = torch.where(kind == scenes.STRIPES, ((p * g[:, 8, None, None]) % 1 > .5).float(), t)
    horizon = g[:, 9, None, None] + .02 * torch.sin(x * 9 + g[:, 17, None, None])
    t = torch.where(kind == scenes.LAND, (y > horizon).float(), t)
    noisy = np.nonzero(kinds == scenes.NOISE)[0]
    if len(noisy):
        r = torch.rand(len(noisy), 1, 28, 28, device=dev)
        t[up(noisy)] = F.interpolate(r, (size, size), mode='bilinear')[:, 0]
    t = t[:, None]
    canvas = (g[:, 1:4, None, None] * (1 - t) + g[:, 4:7, None, None] * t).to(dtype)
    shots = np.nonzero((kinds == scenes.PHOTO) | (kinds == scenes.BLURRED))[0]
    if len(shots):
        who = up(shots)
        q = g[who]
        theta = q[:, 11:17].view(-1, 2, 3)
        pix = bank.photos[q[:, 10].long()].to(dtype) / 255
        blurred = (q[:, 0] == scenes.BLURRED).view(-1, 1, 1, 1)
        soft = F.interpolate(F.adaptive_avg_pool2d(pix, 12), pix.shape[-2:], mode='bilinear')
        pix = torch.where(blurred, soft, pix)
        pix = F.grid_sample(pix, F.affine_grid(theta, (len(shots), 1, size, size), align_corners=False).to(dtype), padding_mode='reflection', align_corners=False)
        bright, contrast, colour, shift = (q[:, 19 + i].view(-1, 1, 1, 1).to(dtype) for i in range(4))
        plain = blurred.to(dtype)
        bright, contrast, colour = (v * (1 - plain) + plain for v in (bright, contrast, colour))
        grey = pix.mean(1, keepdim=True)
        pix = ((grey + (pix - grey) * colour - .5) * contrast + .5) * bright + shift
        canvas[who] = pix.clamp(0, 1)
    for k, level, lo, hi in steps:
        who = order[lo:hi]
        q = lay[who, k]
        m = q[:, 1:7].view(-1, 2, 3)
        theta = torch.cat([m[..., :2] / 2, m[..., 2:] + m[..., :2].sum(-1, keepdim=True) / 2], -1)
        cell = bank.levels[level][q[:, 0].long()].to(dtype) / 255
        px = F.grid_sample(cell, F.affine_grid(theta, (hi - lo, 1, size, size), align_corners=False).to(dtype), padding_mode='zeros', align_corners=False)
        alpha, rgb = px[:, 3:], px[:, :3]
        cm = q[:, 8:].view(-1, 3, 4).to(dtype)
        rgb = torch.einsum('bij,bjhw->bihw', cm[..., :3], rgb) + cm[..., 3, None, None] * alpha
        rgb = torch.minimum(rgb.clamp_min(0), alpha)
        canvas[who] = rgb + canvas[who] * (1 - alpha)
    noise = g[:, 18].view(-1, 1, 1, 1).to(dtype)
    if float(ground[:, 18].max()) > 0:
        canvas = canvas + torch.randn_like(canvas) * noise
    return canvas.float().clamp(0, 1)


_LUMA = np.array([16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
                  18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99], np.float32).reshape(8, 8)
_CHROMA = np.full((8, 8), 99, np.float32)
_CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
_DCT = np.array([[math.sqrt((1 if k == 0 else 2) / 8) * math.cos((2 * n + 1) * k * math.pi / 16) for n in range(8)] for k in range(8)], np.float32)


def jpeg(x, quality):
    """What JPEG does to a picture: 4:2:0 colour, 8x8 DCT, quantisation; quality [B]."""
    dev = x.device
    d = constant('dct', dev)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality).view(-1, 1, 1, 1, 1) / 100
    r, g, b = (x * 255).unbind(1)
    luma = .299 * r + .587 * g + .114 * b
    planes = [luma - 128, .564 * (b - luma), .713 * (r - luma)]
    out = []
    for i, p in enumerate(planes):
        p = p[:, None]
        if i:
            p = F.avg_pool2d(p, 2)
        n, _, h, w = p.shape
        blocks = p.view(n, h // 8, 8, w // 8, 8).transpose(2, 3)
        f = d @ blocks @ d.T
        q = (constant('chroma' if i else 'luma', dev) * scale).round().clamp(1, 255)
        f = (f / q).round() * q
        p = (d.T @ f @ d).transpose(2, 3).reshape(n, 1, h, w)
        out.append(F.interpolate(p, scale_factor=2, mode='bilinear')[:, 0] if i else p[:, 0])
    luma, cb, cr = out[0] + 128, out[1], out[2]
    b, r = luma + cb / .564, luma + cr / .713
    g = (luma - .299 * r - .114 * b) / .587
    return (torch.stack([r, g, b], 1) / 255).clamp(0, 1)


def bend(x):
    """A gentle, smooth distortion: another hand draws the same thing in other proportions."""
    b, size = len(x), x.shape[-1]
    shift = F.interpolate(torch.randn(b, 2, 5, 5, device=x.device) * .035, (size, size), mode='bicubic', align_corners=True)
    grid = F.affine_grid(torch.eye(2, 3, device=x.device).expand(b, 2, 3), (b, 1, size, size), align_corners=False)
    return F.grid_sample(x, grid + shift.permute(0, 2, 3, 1), padding_mode='reflection', align_corners=False)


def wear(x, rng, size=224, drawn=None):
    """What happens to pictures before the model sees them: resize by the program's filter, small copies, blur, JPEG, 8 bits.

    drawn: which of them show drawings, whose proportions may vary.
    """
    dev = x.device
    if x.shape[-1] != size:
        x = F.interpolate(x, (size, size), mode='bicubic', antialias=True).clamp(0, 1)
    b = len(x)

    def some(share):
        return upload(np.nonzero(rng.random(b) < share)[0], dev)
    if drawn is not None:
        who = upload(np.nonzero(drawn & (rng.random(b) < .2))[0], dev)
        if len(who):
            x[who] = bend(x[who])
    who = some(.10)
    if len(who):
        small = F.interpolate(x[who], (int(rng.integers(96, 170)),) * 2, mode='bicubic', antialias=True)
        x[who] = F.interpolate(small, (size, size), mode='bicubic').clamp(0, 1)
    who = some(.06)
    if len(who):
        x[who] = F.avg_pool2d(x[who], 3, 1, 1, count_include_pad=False)
    who = some(.25)
    if len(who):
        q = upload(rng.uniform(40, 95, len(who)).astype(np.float32), dev)
        x[who] = jpeg(x[who], q)
    return (x * 255).round() / 255


def normalise(x):
    mean, std = (constant(k, x.device).view(1, 3, 1, 1) for k in ('mean', 'std'))
    return (x - mean) / std


def to_images(x):
    return [Image.fromarray((v.permute(1, 2, 0).cpu().numpy() * 255).round().astype(np.uint8)) for v in x]


def load_pixels(images, size=224):
    """Pictures as the program reads them: alpha dropped, Pillow's bicubic to a square, mean and std."""
    out = []
    for im in images:
        im = im.convert('RGB')
        if im.size != (size, size):
            im = im.resize((size, size), Image.BICUBIC)
        out.append(torch.from_numpy(np.asarray(im, np.float32).transpose(2, 0, 1) / 255))
    return normalise(torch.stack(out))
