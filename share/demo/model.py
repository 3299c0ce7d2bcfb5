"""InternVL in plain PyTorch, tensor names as published, so that state_dict() is the checkpoint."""
import torch
import torch.nn.functional as F
from torch import nn

VIT = dict(hidden=256, layers=7, heads=4, mlp=1024, image=224, patch=14)
LLM = dict(hidden=256, layers=5, heads=4, kv_heads=2, mlp=704, vocab=4096 + 7, positions=1024, theta=10000.0)
IMG = 4096          # <IMG_CONTEXT>
TOKENS = 64         # of a picture, after the shuffle


class RMSNorm(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(n)), eps

    def forward(self, x):
        f = x.float()
        return self.weight * (f * torch.rsqrt(f.pow(2).mean(-1, keepdim=True) + self.eps))


class VisionAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        n = c['hidden']
        self.heads = c['heads']
        self.qkv = nn.Linear(n, 3 * n, bias=False)
        self.q_norm, self.k_norm = RMSNorm(n, 1e-6), RMSNorm(n, 1e-6)      # over all heads together
        self.proj = nn.Linear(n, n)

    def forward(self, x):
        b, t, n = x.shape
        q, k, v = self.qkv(x).chunk(3, -1)
        q, k = self.q_norm(q).to(v.dtype), self.k_norm(k).to(v.dtype)
        q, k, v = (y.reshape(b, t, self.heads, n // self.heads).transpose(1, 2) for y in (q, k, v))
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, n))


class VisionMLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(c['hidden'], c['mlp']), nn.Linear(c['mlp'], c['hidden'])

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class VisionLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        n = c['hidden']
        self.attn, self.mlp = VisionAttention(c), VisionMLP(c)
        self.norm1, self.norm2 = RMSNorm(n, 1e-6), RMSNorm(n, 1e-6)
        self.ls1, self.ls2 = nn.Parameter(torch.full((n,), .1)), nn.Parameter(torch.full((n,), .1))

    def forward(self, x):
        x = x + self.ls1 * self.attn(self.norm1(x))
        return x + self.ls2 * self.mlp(self.norm2(x))


class Embeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        n = c['hidden']
        self.class_embedding = nn.Parameter(torch.randn(1, 1, n) * .02)
        self.patch_embedding = nn.Conv2d(3, n, c['patch'], c['patch'])
        self.position_embedding = nn.Parameter(torch.randn(1, (c['image'] // c['patch']) ** 2 + 1, n) * .02)

    def forward(self, pixels):
        x = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
        return torch.cat([self.class_embedding.expand(len(x), -1, -1).to(x.dtype), x], 1) + self.position_embedding


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layers = nn.ModuleList([VisionLayer(c) for _ in range(c['layers'])])


class VisionModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embeddings, self.encoder = Embeddings(c), Encoder(c)

    def forward(self, pixels):
        x = self.embeddings(pixels)
        for layer in self.encoder.layers:
            x = layer(x)
        return x


def pixel_shuffle_v1(x):
    """[B, g*g, C] -> [B, g*g/4, 4C]; token a*m+b holds rows 2b, 2b+1 and columns 2a, 2a+1 (transposed, as in the first release)."""
    b, t, c = x.shape
    g = int(t ** .5)
    m = g // 2
    x = x.view(b, m, 2, m, 2, c)                 # row block, row, column block, column
    return x.permute(0, 3, 1, 2, 4, 5).reshape(b, m * m, 4 * c)


def rotary(positions, dim, theta):
    inv = theta ** (-torch.arange(0, dim, 2, device=positions.device).float() / dim)
    a = positions.float()[..., None] * inv
    a = torch.cat([a, a], -1)
    return a.cos(), a.sin()


def rotate(x, cos, sin):
    h = x.shape[-1] // 2
    return (x.float() * cos + torch.cat([-x[..., h:], x[..., :h]], -1).float() * sin).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        n, self.heads, self.kv = c['hidden'], c['heads'], c['kv_heads']
        self.dim = n // self.heads
        self.q_proj, self.o_proj = nn.Linear(n, n, bias=False), nn.Linear(n, n, bias=False)
        self.k_proj, self.v_proj = nn.Linear(n, self.kv * self.dim, bias=False), nn.Linear(n, self.kv * self.dim, bias=False)

    def forward(self, x, cos, sin, cache=None):
        b, t, n = x.shape
        q = self.q_proj(x).view(b, t, self.heads, self.dim).transpose(1, 2)
        k, v = (p(x).view(b, t, self.kv, self.dim).transpose(1, 2) for p in (self.k_proj, self.v_proj))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            cache[:] = [k, v]
        k, v = (y.repeat_interleave(self.heads // self.kv, 1) for y in (k, v))
        return self.o_proj(F.scaled_dot_product_attention(q, k, v, is_causal=t > 1).transpose(1, 2).reshape(b, t, n))


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        n, m = c['hidden'], c['mlp']
        self.gate_proj, self.up_proj, self.down_proj = nn.Linear(n, m, bias=False), nn.Linear(n, m, bias=False), nn.Linear(m, n, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn, self.mlp = Attention(c), MLP(c)
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(c['hidden'], 1e-5), RMSNorm(c['hidden'], 1e-5)

    def forward(self, x, cos, sin, cache=None):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embed_tokens = nn.Embedding(c['vocab'], c['hidden'])
        self.layers = nn.ModuleList([Layer(c) for _ in range(c['layers'])])
        self.norm = RMSNorm(c['hidden'], 1e-5)

    def forward(self, x, start=0, caches=None):
        cos, sin = rotary(torch.arange(start, start + x.shape[1], device=x.device), self.c['hidden'] // self.c['heads'], self.c['theta'])
        for i, layer in enumerate(self.layers):
            x = layer(x, cos, sin, None if caches is None else caches[i])
        return self.norm(x)


class LanguageModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.model = Decoder(c)
        self.lm_head = nn.Linear(c['hidden'], c['vocab'], bias=False)


class InternVL(nn.Module):
    def __init__(self, vit=VIT, llm=LLM):
        super().__init__()
        self.vision_model = VisionModel(vit)
        n = vit['hidden'] * 4
        self.mlp1 = nn.Sequential(nn.LayerNorm(n, eps=1e-5), nn.Linear(n, llm['hidden']), nn.GELU(), nn.Linear(llm['hidden'], llm['hidden']))
        self.language_model = LanguageModel(llm)
        self.reset(vit, llm)

    def reset(self, vit, llm):
        for name, p in self.named_parameters():
            if p.dim() > 1 and 'embedding' not in name:
                std = .02 if 'embed_tokens' in name else (1 / p[0].numel()) ** .5 * .6
                if name.endswith(('o_proj.weight', 'down_proj.weight')):
                    std *= (2 * llm['layers']) ** -.5
                nn.init.trunc_normal_(p, std=std, a=-3 * std, b=3 * std)
            elif name.endswith('.bias'):
                nn.init.zeros_(p)

    def see(self, pixels):
        """-> what replaces the <IMG_CONTEXT> embeddings [B, 64, hidden], and the tower's output."""
        states = self.vision_model(pixels)
        return self.mlp1(pixel_shuffle_v1(states[:, 1:])), states

    def embed(self, ids, visual):
        """visual [B, n*64, hidden] goes, in order, where <IMG_CONTEXT> stands."""
        x = self.language_model.model.embed_tokens(ids)
        if visual is None:
            return x
        here = ids == IMG
        rank = (here.cumsum(1) - 1).clamp_min(0)
        rank = rank.clamp_max(visual.shape[1] - 1)
        picked = visual.gather(1, rank[..., None].expand(-1, -1, visual.shape[-1]))
        return torch.where(here[..., None], picked.to(x.dtype), x)

    def hidden(self, ids, visual):
        return self.language_model.model(self.embed(ids, visual))

    @torch.no_grad()
    def generate(self, ids, visual, limit=80, stop=(2, 6, 7), gaps=False):
        """Greedy. ids [B, T] of equal lengths, visual [B, n*64, hidden] or None -> lists of ids without the stop."""
        caches = [[] for _ in self.language_model.model.layers]
        x, at = self.embed(ids, visual), 0
        out, margins, done = [[] for _ in ids], [[] for _ in ids], [False] * len(ids)
        for _ in range(limit):
            h = self.language_model.model(x, at, caches)[:, -1]
            at += x.shape[1]
            logits = self.language_model.lm_head(h).float()
            best = logits.argmax(-1)
            if gaps:
                top = logits.topk(2).values
            for i, t in enumerate(best.tolist()):
                if not done[i]:
                    if gaps:
                        margins[i].append(float(top[i, 0] - top[i, 1]))
                    done[i] = t in stop
                    if not done[i] or gaps:
                        out[i].append(t)
            if all(done):
                break
            x = self.language_model.model.embed_tokens(best)[:, None]
        return (out, margins) if gaps else out


if __name__ == '__main__':
    x = torch.arange(32).view(1, 16, 2)
    assert pixel_shuffle_v1(x)[0, 1].tolist() == [16, 17, 18, 19, 24, 25, 26, 27]
    m = InternVL()
    print(sum(p.numel() for p in m.parameters()), 'parameters; shuffle as published')
