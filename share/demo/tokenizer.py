"""Train the tokenizer: sentencepiece BPE with Yi's settings, on the generator's own text and Tatoeba.

    python3 tokenizer.py --pack PACK

Chinese goes in as words, one to a line, never as sentences (else pieces cut across words). All-capital words stay out, so that a word
read from a picture is always spelt letter by letter.
"""
import argparse
import collections
import io
import random
import re

import sentencepiece

import rhymes
import scenes
import talk

PIECES = 4096
ADDED = ['<IMG_CONTEXT>', '<quad>', '</quad>', '<ref>', '</ref>', '<box>', '</box>']
IMG = PIECES                 # id of <IMG_CONTEXT>
ZH = re.compile(r'[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef《》]+')
ZH_WORDS = '''这是 什么 图里 图片 看到 请问 描述 一下 颜色 形状 背景 左边 右边 上面 下面 中间 左上角 右上角 左下角 右下角 没有 一共 几个 多少 哪个 哪里 在哪里
最大 最小 最近 更大 更多 第一张 第二张 两张 用中文 用英文 再说 一遍 简短 详细 它的 它是 是的 不是 可以 用来 属于 一种 写着 单词 数字 字母 第一个 你好 谢谢 再见
不客气 演示 模型 简单 只能 抱歉 确定 真的 不对 我看到 图中 东西 动物 食物 水果 蔬菜 能吃 会飞 诗 故事 标题 名字 哪张 不同 共同 都有 比较 告诉 位置 旁边 离 里 有 吗 呢 的 和 是 在
我 你 他 她 们 不 了 这 那 个 只 请 我们 他们 为什么 怎么 时候 现在 知道 喜欢 想要 需要 觉得 今天 明天 昨天 汤姆 能够 如果 已经 因为 所以 但是'''.split()


def corpus(world):
    r = random.Random(5)
    lines = []
    for i in range(24000):
        s = scenes.any_scene(world, r)
        t = talk.Talk(world, r, s) if i % 8 else talk.Talk(world, r)
        for q, a, *_ in t.rounds(3):
            for text in (q, a):
                if not ZH.search(text):
                    lines.append(re.sub(r'\b[A-Z]{2,}\b', ' ', text))
    for e, z, *_ in world.tatoeba:
        lines.append(re.sub(r'\b[A-Z]{2,}\b', ' ', e))
    for o in rhymes.OPEN_EN.values():
        lines += [x.replace('{ax}', 'a cat').replace('{Ax}', 'A cat').replace('{x}', 'cat').replace('\n', ' ') for x in o] * 20
    lines += [x.replace('\n', ' ') for x in rhymes.CLOSE_EN] * 20
    for t in world.things:
        lines += [t.en, ' ' + t.en, ' ' + t.many] * 30
        lines += [t.zh] * 120 + [t.measure] * 40
        lines += [t.kind[1]] * 10 + ([t.use[1]] * 20 if t.use else [])
    for _, z in scenes.words.COLOURS + scenes.words.SHAPES:
        lines += [z] * 200
    lines += ZH_WORDS * 300
    count = collections.Counter(c for _, z, *_ in world.tatoeba for c in ZH.findall(z) for c in c)
    for side in Q_ZH():
        count.update({c: 50 for c in ''.join(ZH.findall(side))})
    lines += list(world.hanzi) * 60
    for c, n in count.items():
        if n >= 12:
            lines += [c] * min(n, 400)
    lines += list('ABCDEFGHIJKLMNOPQRSTUVWXYZ') * 50
    lines += ['system', 'user', 'assistant', 'Answer the questions.'] * 3000
    r.shuffle(lines)
    return [x for x in lines if x.strip()]


def Q_ZH():
    """Every Chinese string the generator can say, for its characters."""
    for _, zh in talk.Q.values():
        for part in zh.values() if isinstance(zh, dict) else [zh]:
            yield from part[0]
    for _, zh in talk.A_TALK.values():
        yield from zh
    for o in rhymes.OPEN_ZH.values():
        yield from o
    yield from rhymes.CLOSE_ZH
    for part in rhymes.STORY_ZH:
        yield from part
    yield '看起来一也抱歉还可能错了但觉得说写第张图更多从前'


def train(world, path):
    model = io.BytesIO()            # a file's name would be written into the model
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus(world)), model_writer=model, model_type='bpe', vocab_size=PIECES, byte_fallback=True,
        normalization_rule_name='identity', add_dummy_prefix=False, remove_extra_whitespaces=False, split_digits=True,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, bos_piece='<|startoftext|>', eos_piece='<|endoftext|>',
        control_symbols=['<|Human|>', '<|Assistant|>', '<|System|>'],
        user_defined_symbols=['<|im_start|>', '<|im_end|>', '<|im_sep|>', '<img>', '</img>', *'0123456789', '\n'],
        character_coverage=1.0, num_threads=1, shuffle_input_sentence=False, minloglevel=2)
    with open(f'{path}.model', 'wb') as f:
        f.write(model.getvalue())


class Tokenizer:
    """Messages to ids by the program's rules. Encoding piecewise is exact: template marks and newlines never merge with their neighbours."""

    def __init__(self, path):
        self.sp = sentencepiece.SentencePieceProcessor(model_file=path)
        e = self.sp.encode
        self.start, self.end = self.sp.piece_to_id('<|im_start|>'), self.sp.piece_to_id('<|im_end|>')
        self.img, self.img_end = self.sp.piece_to_id('<img>'), self.sp.piece_to_id('</img>')
        self.newline = self.sp.piece_to_id('\n')
        self.system = [self.start] + e('system\nAnswer the questions.') + [self.end]
        self.user = [self.start] + e('user\n')
        self.assistant = [self.end, self.start] + e('assistant\n')
        self.cache = {}

    def encode(self, text):
        ids = self.cache.get(text)
        if ids is None:
            if len(self.cache) > 200000:
                self.cache.clear()
            ids = self.cache[text] = self.sp.encode(text)
        return ids

    def question(self, text, pictures=0):
        image = [self.img] + [IMG] * (64 * pictures) + [self.img_end, self.newline] if pictures else []
        return self.user + image + self.encode(text) + self.assistant

    def prompt(self, rounds, question, pictures):
        """rounds: earlier (question, answer); pictures: how many stand in each round, the last one included."""
        ids = list(self.system)
        for (q, a), n in zip(rounds, pictures):
            ids += self.question(q, n) + self.encode(a) + [self.end]
        return ids + self.question(question, pictures[-1])

    def decode(self, ids):
        return self.sp.decode([i for i in ids if i < PIECES and i not in (0, 1, 2, self.start, self.end)]).strip()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--pack', required=True)
    o = p.parse_args()
    world = scenes.World(o.pack)
    train(world, f'{o.pack}/tokenizer')
    t = Tokenizer(f'{o.pack}/tokenizer.model')
    print('im_start', t.start, 'im_end', t.end, 'img', t.img, 'newline', t.newline, 'user', t.user, 'assistant', t.assistant, 'system', t.system)
    for s in ('There are three apples.', 'It says TIGER.', '图里有一只红色的狐狸和两个苹果。', '这是什么？', 'Please describe the image in detail.', '上面写着中国4071。'):
        print(t.sp.encode(s, out_type=str))


if __name__ == '__main__':
    main()
