"""Poems and stories: couplets with slots, not literature. {x} is 'fox', {ax} 'a fox', {xs} a plural; {n} is 一只狐狸, {m} 狐狸."""

OPEN_EN = {
    'animal': ['{Ax} went out to play,\nit ran and jumped the whole long day;', 'I met {ax} by the tree,\nit looked around and smiled at me;',
               '{Ax} woke up at half past four,\nand gently tapped upon my door;', 'There was {ax} beside the lake,\nthe morning found it wide awake;',
               'Oh look, {ax}, so calm and mild,\nit is as merry as a child;', '{Ax} is walking through the snow,\nit leaves small footprints in a row;'],
    'food': ['I found {ax} upon my plate,\nit smelled so good I could not wait;', '{Ax} is lying in the light,\nI think I want to have a bite;',
             'My mother brought {ax} for me,\nwe shared it with a cup of tea;', '{Ax} for you, {ax} for two,\na taste of something good and new;',
             'Who left {ax} upon the chair?\nA sweet small smell is in the air;'],
    'any': ['I see {ax} in front of me,\nas still and quiet as can be;', '{Ax} is all I see today,\nit makes me want to sing and play;',
            'Here is {ax}, so plain and bright,\nit shines a little in the light;', 'I drew {ax} with pen and ink,\nit is much nicer than you think;',
            '{Ax} was waiting in the sun,\nand said the day had just begun;', 'I dreamed about {ax} last night,\nit was a warm and friendly sight;'],
}
CLOSE_EN = ['the evening wind goes softly by,\nand two small stars light up the sky.', 'the clouds are white, the sky is blue,\nand all of this is here for you.',
            'the sun goes down behind the hill,\nthe little world is calm and still.', 'and when the day is nearly done,\nwe say good night to everyone.',
            'so keep this picture in your mind,\nthe world is small, the world is kind.', 'the birds are singing, far and near,\nand I am glad that you are here.',
            'the river sings, the flowers sway,\nand so we end another day.', 'the moon comes up, the stars are bright,\nand everything is good tonight.',
            'a gentle rain begins to fall,\nit sings a quiet song for all.', 'and if you look with open eyes,\nthe smallest thing is a surprise.']
OPEN_ZH = {
    'animal': ['{n}在山坡，\n蹦蹦跳跳唱着歌，', '一早遇见{n}，\n摇摇摆摆过小河，', '{m}{m}真可爱，\n跑到门前等我来，', '{n}看着我，\n好像有话对我说，',
               '小小{m}在路边，\n抬头望着蓝蓝天，'],
    'food': ['{n}放桌上，\n闻着味道喷喷香，', '妈妈送我{n}，\n咬上一口乐呵呵，', '{m}{m}真好吃，\n一人一口不嫌迟，', '桌上放着{n}，\n分给你来分给我，'],
    'any': ['我在画里看{m}，\n安安静静不说话，', '{n}真好看，\n陪我走过这一天，', '画里一个小{m}，\n阳光照着笑哈哈，', '昨夜梦见{n}，\n醒来心里暖洋洋，',
            '{m}{m}在眼前，\n亮亮堂堂照心间，'],
}
CLOSE_ZH = ['晚风轻轻吹过去，\n两颗星星陪着我。', '白云悠悠天上走，\n一天快乐到心头。', '太阳慢慢落下山，\n小小世界静又安。', '月亮升上蓝天空，\n好梦送到你手中。',
            '小河流水哗啦啦，\n春天开满小红花。', '春风吹绿小山坡，\n大家一起来唱歌。', '细雨轻轻落下来，\n朵朵花儿悄悄开。', '今天故事讲到这，\n明天再来陪伴我。']

STORY_EN = [['One morning, {ax} woke up early.', 'Once upon a time there was {ax}.', 'Long ago, {ax} lived by a small river.', 'One day, {ax} went on a long trip.'],
            ['It met {ay} on the way.', 'Near the road it found {ay}.', 'Soon it saw {ay} and stopped.'],
            ['It walked over the hill to find a friend.', 'It looked for someone to play with.', 'It waited for the rain to stop.'],
            ['They became good friends and went home together.', 'In the evening they looked at the stars.', 'From that day on they were never alone.'],
            ['In the evening it came home and slept well.', 'At night it looked at the stars and was happy.', 'From that day on it was never sad.']]
STORY_ZH = [['一天早上，{n}很早就醒了。', '从前有{n}。', '很久以前，小河边有{n}。', '有一天，{n}出门旅行。'],
            ['路上遇见了{k}。', '它在路边发现了{k}。', '不久它看到了{k}。'],
            ['它翻过山坡去找朋友。', '它想找人一起玩。', '它等着雨停下来。'],
            ['它们成了好朋友，一起回家了。', '晚上它们一起看星星。', '从那以后它们再也不孤单了。'],
            ['晚上它回到家，睡得很香。', '晚上它看着星星，很开心。', '从那以后它再也不难过了。']]
