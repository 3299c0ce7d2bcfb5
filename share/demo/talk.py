"""Conversations about scenes: questions in many wordings, answers, follow-ups, in English and Chinese.

A round is (question, answer, key, task). The key states what a right answer must hold, so the evaluation needs no second opinion.
Answers are functions of the language, so that "say it in Chinese" can say the last one again.
"""
import math
import zlib

import rhymes
import scenes
import words

NUM_EN = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
NUM_ZH = ['零', '一', '两', '三', '四', '五', '六', '七', '八']
SHAPE_ZH = dict(words.SHAPES)
COLOUR_ZH = words.COLOUR_ZH
ZH_BARE = {c: z[:-1] for c, z in words.COLOURS}

Q = dict(
    name=(['What is this?', 'What is it?', 'What do you see?', 'What is in the picture?', "What's this?", 'What can you see here?', 'Can you tell me what this is?',
           'What does the picture show?', 'What is shown here?', 'Name the thing in the picture.', 'Please tell me what this is.', 'What is that?',
           'What am I looking at?', 'what is in this image?', 'Which thing is this?', "What's in the photo?"],
          ['这是什么？', '这是什么东西？', '图里是什么？', '图片里有什么？', '你看到了什么？', '这个是什么？', '请问这是什么？', '画的是什么？', '照片里是什么？', '图上是什么？', '这张图是什么？',
           '你能告诉我这是什么吗？', '那是什么？']),
    describe=(['Describe the picture.', 'Please describe the image in detail.', 'Describe this image.', 'What do you see in this picture?', 'Tell me about the picture.',
               'What is in the picture?', 'What can you see?', 'Please describe the picture.', 'Describe the image in detail.', 'Tell me what you see.',
               'What is happening in the picture?', 'Give me a description of the image.', 'What does this picture show?', 'Describe it.'],
              ['描述一下这张图。', '请描述一下这张图片。', '请详细描述这张图片。', '图里有什么？', '你看到了什么？', '说说这张图。', '介绍一下这张图片。', '这张图画了什么？', '图片里有些什么？', '描述这张图',
               '请描述图片内容。', '告诉我图里有什么。']),
    short=(['Describe it in a few words.', 'Give me a short description.', 'What is in the picture, in short?', 'Briefly, what do you see?', 'Describe the picture briefly.',
            'In one sentence, what is this?'],
           ['简单描述一下。', '用一句话说说这张图。', '简短地描述一下。', '一句话概括。', '简单说说图里有什么。', '简要描述这张图。']),
    list=(['What things are in the picture?', 'List the things you see.', 'Which objects can you see?', 'List all objects.', 'What objects are there?', 'Name everything in the picture.',
           'Make a list of what you see.', 'What things can you see?'],
          ['图里有哪些东西？', '列出你看到的东西。', '有哪些东西？', '你能看到哪些东西？', '把看到的都列出来。', '图中都有什么？', '都有什么东西？']),
    there=(['Is there {ax} in the picture?', 'Is there {ax}?', 'Can you see {ax}?', 'Do you see {ax}?', 'Is there {ax} here?', 'Does the picture show {ax}?', 'Any {xs} in the picture?',
            'Are there any {xs}?', 'Do you see any {xs} here?'],
           ['图里有{x}吗？', '有{x}吗？', '有没有{x}？', '你看到{x}了吗？', '图片里有{x}吗？', '这里有{x}吗？', '能看到{x}吗？', '图中有没有{x}？']),
    isit=(['Is this {ax}?', 'Is it {ax}?', "It's {ax}, right?", 'Is that {ax}?', 'Would you say this is {ax}?', 'This is {ax}, is it not?'],
          ['这是{x}吗？', '它是{x}吗？', '这是不是{x}？', '是{x}吗？', '这是{x}，对吗？', '它是不是{x}？']),
    colour=(['What colour is the {x}?', 'What color is the {x}?', 'Which colour does the {x} have?', 'Tell me the colour of the {x}.', 'The {x}, what colour is it?', 'what is the color of the {x}?',
             'What colour does the {x} have?'],
            ['{x}是什么颜色的？', '{x}是什么颜色？', '{x}什么颜色？', '请问{x}是什么颜色？', '{x}的颜色是什么？', '告诉我{x}的颜色。', '那个{x}是什么颜色的？']),
    colour_it=(['What colour is it?', 'What color is it?', 'And its colour?', 'And the colour?', 'Which colour?', 'What is its color?', 'Its colour?'],
               ['它是什么颜色的？', '它是什么颜色？', '什么颜色？', '颜色呢？', '它的颜色呢？', '是什么颜色的？']),
    ground=(['What colour is the background?', 'What is the background colour?', 'And the background?', 'What color is the ground behind it?', 'Which colour is the background?'],
            ['背景是什么颜色？', '背景是什么颜色的？', '背景呢？', '背景颜色是什么？', '底色是什么？']),
    shape=(['What shape is it?', 'What shape is this?', 'Which shape do you see?', 'What shape is in the picture?', 'Name the shape.', 'What kind of shape is this?', 'What figure is this?'],
           ['这是什么形状？', '它是什么形状？', '这是什么图形？', '图里是什么形状？', '什么形状？', '你看到什么图形？', '画的是什么图形？']),
    which_shape=(['What shape is {c}?', 'Which shape is {c}?', 'What is the {c} shape?', 'Which figure is {c}?', 'The {c} one, what shape is it?', 'What {c} shape is there?'],
                 ['{c}的是什么形状？', '哪个图形是{c}的？', '{c}的图形是什么？', '什么形状是{c}的？', '{c}的那个是什么形状？', '{c}的是什么？']),
    which_thing=(['What is {c}?', 'Which thing is {c}?', 'What is the {c} thing?', 'Which one is {c}?', 'What thing here is {c}?'],
                 ['什么是{c}的？', '哪个东西是{c}的？', '{c}的东西是什么？', '哪个是{c}的？', '{c}的是什么？']),
    count=(['How many {xs} are there?', 'How many {xs}?', 'How many {xs} do you see?', 'Count the {xs}.', 'How many {xs} are in the picture?', 'Tell me how many {xs} there are.', 'Can you count the {xs}?',
            'What is the number of {xs}?', 'how many {xs} can you see'],
           ['有几{m}{x}？', '图里有几{m}{x}？', '{x}有几{m}？', '一共有多少{m}{x}？', '数一数有几{m}{x}。', '有多少{x}？', '你看到几{m}{x}？', '请数一下{x}。', '图里有多少{m}{x}？']),
    count_them=(['How many of them?', 'How many are there?', 'And how many?', 'How many?', 'How many of them are there?'],
                ['有几{m}？', '几{m}？', '一共有几{m}？', '有多少{m}？', '多少{m}？', '它们有几{m}？']),
    total=(['How many things are there in total?', 'How many things do you see?', 'How many objects are there?', 'Count everything in the picture.', 'How many things are in the picture?'],
           ['一共有几个东西？', '图里总共有几个东西？', '有多少个东西？', '总共有几个？', '数一数一共有几个东西。']),
    rel=(dict(left=['What is to the left of the {x}?', 'What is left of the {x}?', 'What is on the left of the {x}?', 'What do you see left of the {x}?', 'What stands to the left of the {x}?'],
              right=['What is to the right of the {x}?', 'What is right of the {x}?', 'What is on the right of the {x}?', 'What do you see right of the {x}?', 'What stands to the right of the {x}?'],
              above=['What is above the {x}?', 'What is over the {x}?', 'What do you see above the {x}?', 'What is on top, above the {x}?', 'Which thing is above the {x}?'],
              below=['What is below the {x}?', 'What is under the {x}?', 'What do you see below the {x}?', 'What is beneath the {x}?', 'Which thing is below the {x}?']),
         dict(left=['{x}的左边是什么？', '{x}左边有什么？', '什么在{x}的左边？', '{x}左边是什么？', '{x}的左边有什么？'],
              right=['{x}的右边是什么？', '{x}右边有什么？', '什么在{x}的右边？', '{x}右边是什么？', '{x}的右边有什么？'],
              above=['{x}的上面是什么？', '{x}上面有什么？', '什么在{x}的上面？', '{x}上方是什么？', '{x}的上方有什么？'],
              below=['{x}的下面是什么？', '{x}下面有什么？', '什么在{x}的下面？', '{x}下方是什么？', '{x}的下方有什么？'])),
    rel_it=(dict(left=['And to the left of it?', 'And left of it?', 'What is to its left?', 'And on its left?'], right=['And to the right of it?', 'And right of it?', 'What is to its right?', 'And on its right?'],
                 above=['And above it?', 'What is above it?', 'And over it?'], below=['And below it?', 'What is below it?', 'And under it?']),
            dict(left=['它的左边呢？', '那它左边呢？', '它左边是什么？'], right=['它的右边呢？', '那它右边呢？', '它右边是什么？'], above=['它的上面呢？', '那它上面呢？', '它上面是什么？'],
                 below=['它的下面呢？', '那它下面呢？', '它下面是什么？'])),
    side=(dict(left=['What is on the left?', 'What is on the left side?', 'Which thing is on the left?', 'What do you see on the left?', 'And on the left?'],
               right=['What is on the right?', 'What is on the right side?', 'Which thing is on the right?', 'What do you see on the right?', 'And on the right?'],
               above=['What is at the top?', 'What is in the upper part?', 'Which thing is at the top?', 'What do you see at the top?', 'And at the top?'],
               below=['What is at the bottom?', 'What is in the lower part?', 'Which thing is at the bottom?', 'What do you see at the bottom?', 'And at the bottom?'],
               middle=['What is in the middle?', 'What is in the centre?', 'Which thing is in the middle?', 'What is in the center?', 'And in the middle?']),
          dict(left=['左边是什么？', '左边有什么？', '最左边是什么？', '那左边呢？', '左边呢？'], right=['右边是什么？', '右边有什么？', '最右边是什么？', '那右边呢？', '右边呢？'],
               above=['上面是什么？', '上面有什么？', '最上面是什么？', '那上面呢？', '上面呢？'], below=['下面是什么？', '下面有什么？', '最下面是什么？', '那下面呢？', '下面呢？'],
               middle=['中间是什么？', '中间有什么？', '正中间是什么？', '那中间呢？', '中间呢？'])),
    where=(['Where is the {x}?', 'Where do you see the {x}?', 'Where in the picture is the {x}?', 'On which side is the {x}?', 'Tell me where the {x} is.', 'In which corner or side is the {x}?'],
           ['{x}在哪里？', '{x}在哪儿？', '{x}在什么位置？', '{x}在图的哪边？', '告诉我{x}在哪里。', '{x}的位置在哪里？']),
    where_it=(['Where is it?', 'And where is it?', 'Where exactly?', 'Where in the picture?'], ['它在哪里？', '在哪儿？', '它在什么位置？', '在哪里？']),
    is_rel=(['Is the {x} {rel} the {y}?', 'Is the {x} really {rel} the {y}?', 'Tell me, is the {x} {rel} the {y}?', 'The {x} is {rel} the {y}, right?'],
            ['{x}在{y}的{rel}吗？', '{x}是不是在{y}的{rel}？', '{x}在{y}{rel}，对吗？', '请问{x}在{y}的{rel}吗？']),
    near=(['What is nearest to the {x}?', 'What is closest to the {x}?', 'Which thing is nearest to the {x}?', 'What is next to the {x}?', 'What stands closest to the {x}?'],
          ['离{x}最近的是什么？', '什么离{x}最近？', '{x}旁边是什么？', '{x}的旁边有什么？', '哪个东西离{x}最近？']),
    big=(['What is the biggest thing?', 'Which thing is the biggest?', 'What is biggest?', 'Which one is the largest?', 'What is the largest thing in the picture?', 'Which is the biggest?'],
         ['最大的是什么？', '哪个最大？', '什么东西最大？', '图里最大的是什么？', '最大的东西是什么？', '哪一个最大？']),
    small=(['What is the smallest thing?', 'Which thing is the smallest?', 'What is smallest?', 'Which one is the smallest?', 'What is the smallest thing in the picture?', 'And the smallest?'],
           ['最小的是什么？', '哪个最小？', '什么东西最小？', '图里最小的是什么？', '最小的东西是什么？', '哪一个最小？']),
    bigger=(['Which is bigger, the {x} or the {y}?', 'What is bigger, the {x} or the {y}?', 'Is the {x} or the {y} bigger?', 'Which one is larger: the {x} or the {y}?'],
            ['{x}和{y}哪个大？', '{x}和{y}哪个更大？', '{x}大还是{y}大？', '哪个更大，{x}还是{y}？']),
    read=(['What does it say?', 'What does the picture say?', 'Read the text.', 'What is written here?', 'What is written in the picture?', 'Can you read this?', 'Which text do you see?',
           'Please read it.', 'What text is in the image?', 'What is this?', 'What do you see?'],
          ['上面写着什么？', '写的是什么？', '图里写了什么？', '请读出文字。', '这上面写的什么？', '图里的文字是什么？', '读一下上面的字。', '这是什么字？', '你能读出来吗？', '写着什么字？', '这是什么？']),
    read_word=(['Which word is this?', 'What word do you see?', 'Read the word.', 'What is the word?', 'Which word is written here?'],
               ['这是什么单词？', '图里是什么单词？', '读一下这个单词。', '单词是什么？', '写的是哪个单词？']),
    read_number=(['Which number is this?', 'What number do you see?', 'Read the number.', 'What is the number?', 'Which number is written here?'],
                 ['这是什么数字？', '图里的数字是多少？', '读一下这个数字。', '数字是多少？', '写的是多少？']),
    letters=(['How many letters does it have?', 'How many letters are there?', 'How long is the word?', 'Count the letters.'],
             ['有几个字母？', '一共有几个字母？', '这个单词有几个字母？', '数一数有几个字母。']),
    first_letter=(['What is the first letter?', 'Which letter comes first?', 'How does it begin?', 'Tell me the first letter.'], ['第一个字母是什么？', '开头是什么字母？', '首字母是什么？', '第一个字母呢？']),
    anytext=(['Is there any text?', 'Is there any text in the picture?', 'Can you see any letters?', 'Is something written here?', 'Any words in the image?'],
             ['图里有文字吗？', '有没有文字？', '图里有字吗？', '上面写了字吗？', '有文字吗？']),
    kind=(['What kind of thing is it?', 'What kind of thing is that?', 'What type of thing is this?', 'What sort of thing is it?', 'Which kind of thing is it?'],
          ['它是哪一类东西？', '它属于什么？', '这是什么类型的东西？', '它是什么种类？', '它属于哪一类？']),
    animal=(['Is it an animal?', 'Is this an animal?', 'Is that an animal?', 'Would you call it an animal?', 'Is it a living animal?'], ['它是动物吗？', '这是动物吗？', '是动物吗？', '这是一种动物吗？', '它是不是动物？']),
    eat=(['Can you eat it?', 'Can I eat it?', 'Is it good to eat?', 'Can people eat this?', 'Is it food?'], ['能吃吗？', '它可以吃吗？', '这个能吃吗？', '可以吃吗？', '它能吃吗？']),
    fly=(['Can it fly?', 'Does it fly?', 'Is it able to fly?', 'Can this fly?', 'Would it fly?'], ['它会飞吗？', '能飞吗？', '它能飞吗？', '这个会飞吗？', '会飞吗？']),
    use=(['What is it used for?', 'What is it for?', 'What can you do with it?', 'What do people use it for?', 'What is it good for?', 'How is it used?'],
         ['它是做什么用的？', '它有什么用？', '这个有什么用？', '它的用途是什么？', '可以用它做什么？', '用来做什么？']),
    poem=(['Write a poem about it.', 'Write a short poem about the picture.', 'Can you write a poem?', 'Make a poem of this.', 'A poem, please.', 'Write me a poem about this picture.'],
          ['写一首诗。', '为这张图写首诗。', '请写一首小诗。', '作一首诗吧。', '给它写首诗。', '根据图片写一首诗。']),
    story=(['Tell me a story about it.', 'Tell me a short story.', 'Can you tell a story about the picture?', 'Write a little story.', 'A story, please.'],
           ['讲个故事。', '讲一个关于它的故事。', '根据图片编个故事。', '写个小故事。', '给我讲个短故事吧。']),
    title=(['Give the picture a title.', 'What would be a good title?', 'Find a title for this picture.', 'A title, please.', 'Suggest a title.'],
           ['给这张图起个标题。', '起个名字吧。', '给图片取个题目。', '给它想个标题。', '标题叫什么好？']),
    sure=(['Are you sure?', 'Really?', 'Is that right?', 'Are you certain?', 'Sure?', 'Is that true?'], ['你确定吗？', '真的吗？', '确定？', '对吗？', '是真的吗？', '你肯定吗？']),
    wrong=(['No, it is {ax}.', 'I think it is {ax}.', "That's wrong, it is {ax}.", 'Are you sure it is not {ax}?', 'But it is {ax}!', 'You are wrong. It is {ax}.'],
           ['不对，这是{x}。', '我觉得是{x}。', '错了，是{x}。', '这不是{x}吗？', '可是这是{x}啊。', '你说错了，这是{x}。']),
    to_zh=(['Say it in Chinese.', 'In Chinese, please.', 'Now in Chinese.', 'Please answer in Chinese.', 'And in Chinese?', 'Can you say that in Chinese?'],
           ['用中文说。', '请用中文回答。', '中文怎么说？', '说中文。', '用中文再说一遍。', '请说中文。']),
    to_en=(['Say it in English.', 'In English, please.', 'Now in English.', 'Please answer in English.', 'And in English?', 'Can you say that in English?'],
           ['用英文说。', '请用英文回答。', '英文怎么说？', '说英文。', '用英语再说一遍。', '请说英语。']),
    shorter=(['Shorter please.', 'Shorter, please.', 'Can you say it shorter?', 'Make it shorter.', 'In short?'], ['短一点。', '简短一点。', '再短一些。', '说短点。', '精简一下。']),
    longer=(['Tell me more.', 'More details, please.', 'Can you say more?', 'In more detail, please.', 'Go on.'], ['说详细一点。', '再多说一点。', '详细说说。', '能说得更多吗？', '具体一点。']),
    again=(['Say it again.', 'Repeat that, please.', 'Once more, please.', 'Can you repeat that?'], ['再说一遍。', '请重复一遍。', '再说一次。', '重复一下。']),
    which_more=(['Which picture has more {xs}?', 'Where are more {xs}, in the first or the second picture?', 'In which picture are there more {xs}?', 'Which one has more {xs}?', 'Which image shows more {xs}?'],
                ['哪张图的{x}更多？', '哪张图里{x}多？', '第一张和第二张哪张{x}多？', '哪张图有更多{x}？', '{x}在哪张图里更多？']),
    which_has=(['Which picture shows the {x}?', 'Which picture has {ax}?', 'In which picture is the {x}?', 'Where is the {x}, in the first or the second picture?', 'Which image contains {ax}?'],
               ['哪张图里有{x}？', '{x}在哪张图里？', '哪张图有{x}？', '{x}在第几张图里？', '有{x}的是哪张？']),
    first=(['What is in the first picture?', 'What does the first picture show?', 'What do you see in the first image?', 'And the first picture?', 'Describe the first picture.'],
           ['第一张图里有什么？', '第一张图是什么？', '第一张里有什么？', '第一张呢？', '描述第一张图。']),
    second=(['What is in the second picture?', 'What does the second picture show?', 'What do you see in the second image?', 'And the second picture?', 'Describe the second picture.'],
            ['第二张图里有什么？', '第二张图是什么？', '第二张里有什么？', '第二张呢？', '描述第二张图。']),
    both=(['What is in both pictures?', 'Which thing is in both pictures?', 'What do the pictures have in common?', 'What do you see in both?', 'What do both pictures show?'],
          ['两张图里都有什么？', '两张图的共同点是什么？', '什么东西两张图都有？', '两张图都有的是什么？', '两张图有什么一样？']),
    two=(['What is in the pictures?', 'What do the two pictures show?', 'Describe the two pictures.', 'Compare the two pictures.', 'What is the difference between the pictures?', 'What is different?',
          'Compare the pictures.', 'How do the two pictures differ?', 'What is the difference?', 'Please describe the images in detail.', 'Please describe the image in detail.'],
         ['两张图有什么不同？', '比较一下两张图。', '这两张图有什么区别？', '描述一下这两张图。', '两张图分别是什么？', '有什么不同？', '两张图里有什么？', '区别在哪里？', '请详细描述这张图片。']),
    same=(['Do both pictures show the same thing?', 'Are the two pictures about the same thing?', 'Is it the same thing in both?', 'Do they show the same thing?', 'Same thing?'],
          ['两张图是一样的东西吗？', '两张图里是同样的东西吗？', '它们是同一种东西吗？', '两张图的东西一样吗？', '一样吗？']),
    hello=(['Hello', 'Hi', 'Hello!', 'Hi there!', 'Hey', 'Good morning', 'Good evening', 'Hello there', 'Greetings!', 'Hey there!', 'Good afternoon!', 'Hi, how are you?', 'How are you?', 'hello, nice to meet you'],
           ['你好', '你好！', '您好', '嗨', '早上好', '晚上好', '你好啊', '下午好！', '哈喽', '嗨，你好吗？', '你好吗？', '很高兴认识你']),
    thanks=(['Thanks', 'Thank you', 'Thank you!', 'Thanks a lot.', 'Great, thanks.', 'Good, thank you very much.', 'Well done!', 'Very good.', 'thx'],
            ['谢谢', '谢谢你！', '多谢', '太好了，谢谢。', '非常感谢！', '谢谢你的帮助', '很好', '真棒！']),
    bye=(['Bye', 'Goodbye', 'Bye bye!', 'See you.', 'Good night', 'See you later.', 'I have to go.'], ['再见', '拜拜', '再见！', '晚安', '下次见', '我走了', '回头见']),
    who=(['Who are you?', 'What are you?', 'What is your name?', "What's your name?", 'Are you a robot?', 'Tell me about yourself.', 'Which model are you?', 'Are you human?'],
         ['你是谁？', '你是什么？', '你叫什么名字？', '介绍一下你自己。', '你是机器人吗？', '你是什么模型？', '你是人吗？']),
    can=(['What can you do?', 'Help', 'How can you help me?', 'What do you know?', 'What can I ask you?', 'help me', 'What are you able to do?', 'How does this work?'],
         ['你会做什么？', '你能做什么？', '帮助', '你能帮我什么？', '我可以问你什么？', '你会什么？', '怎么用？']),
)

A_TALK = dict(
    hello=(['Hello! Show me a picture and I will tell you what I see.', 'Hi! Please give me a picture.', 'Hello! I am glad to help. Show me a simple picture.'],
           ['你好！请给我一张图片，我来说说看到了什么。', '你好！给我看一张图片吧。', '你好！很高兴帮忙，请给我一张简单的图片。']),
    hello_pic=(['Hello! Ask me about the picture.', 'Hi! What would you like to know about the picture?', 'Hello! I can tell you about the picture.'],
               ['你好！你可以问我这张图片。', '你好！你想知道图片里的什么？', '你好！我可以说说这张图片。']),
    thanks=(['You are welcome!', 'You are welcome. Ask me more if you like.', 'My pleasure!'], ['不客气！', '不客气，还可以继续问我。', '不用谢！']),
    bye=(['Goodbye!', 'Bye! See you soon.', 'Goodbye, and have a nice day!'], ['再见！', '再见，下次见！', '再见，祝你愉快！']),
    who=(['I am a small demo model. I can talk about simple pictures.', 'I am ivchat\'s small demo model. I talk about simple drawings.', 'I am a small demo model for pictures, not a human.'],
         ['我是一个小小的演示模型，可以聊聊简单的图片。', '我是ivchat的小演示模型，会说说简单的图画。', '我是看图的小演示模型，不是人。']),
    can=(['I can name things in simple pictures, count them, tell colours and places, and read short words.',
          'Show me a simple picture: I can name, count and compare things, and read short words.', 'I can describe simple drawings, count things, tell colours and read short words.'],
         ['我可以说出简单图片里的东西，数数，说颜色和位置，还能读短单词。', '给我一张简单的图片，我可以认东西、数数、比较，还能读短单词。', '我会描述简单的图画，数东西，说颜色，读短单词。']),
    nopic=(['I do not see a picture yet. Please open one.', 'There is no picture yet. Please give me one.', 'I have no picture so far. Please show me one.'],
           ['我还没有看到图片，请先打开一张。', '现在还没有图片，请给我一张。', '还没有图片，请先给我看一张。']),
    off=(['I am a small demo model. I can only talk about simple pictures.', 'Sorry, I can only talk about simple pictures.', 'I do not know that. I am a small demo model for simple pictures.'],
         ['我是一个小演示模型，只能聊简单的图片。', '抱歉，我只会聊简单的图片。', '这个我不知道，我只是看图的小演示模型。']),
)
TALK_KEY = dict(hello=(['picture'], ['图片']), thanks=(['welcome|pleasure'], ['不客气|不用谢']), bye=(['bye|goodbye'], ['再见']), who=(['demo model'], ['演示模型']),
                can=(['count'], ['数']), nopic=(['picture', 'open|give|show'], ['图片', '打开|给我']), off=(['demo model|only talk|do not know'], ['演示模型|只会聊|不知道']))

REL_EN = dict(left='to the left of', right='to the right of', above='above', below='below')
REL_ZH = dict(left='左边', right='右边', above='上面', below='下面')
OPPOSITE = dict(left='right', right='left', above='below', below='above')
SIDE_EN = dict(left='on the left', right='on the right', above='at the top', below='at the bottom', middle='in the middle', leftabove='in the top left', rightabove='in the top right',
               leftbelow='in the bottom left', rightbelow='in the bottom right')
SIDE_ZH = dict(left='左边', right='右边', above='上面', below='下面', middle='中间', leftabove='左上角', rightabove='右上角', leftbelow='左下角', rightbelow='右下角')


COMMON = {'What is this?', 'Please describe the image in detail.', 'Describe the picture.', 'What do you see?', 'What is in the picture?', '这是什么？', '图里有什么？', '描述一下这张图。',
          'What does it say?', 'Are you sure?', 'Hello', '你好', 'Thanks', '谢谢', 'Who are you?', '你是谁？', 'What can you do?', 'Say it in Chinese.', '用中文说。', '用英文说。', '上面写着什么？',
          'Please describe the images in detail.', 'Describe this image.', 'Write a poem about it.', '写一首诗。', 'What is it?', '请描述一下这张图片。',
          # Held out of the first shipped run, and missed there: 1 of 30 for the first.
          '有没有{x}？', '图中都有什么？', '{x}在哪里？', 'List all objects.', 'Hi, how are you?', 'I have to go.'}


def wording_held(text):
    return text not in COMMON and zlib.crc32(text.encode()) % 5 == 0


def trained(options):
    return [o for o in options if not wording_held(o)] or options


for _name, (_en, _zh) in list(Q.items()):       # split once: (all, for training)
    if isinstance(_en, dict):
        Q[_name] = tuple({k: (v, trained(v)) for k, v in side.items()} for side in (_en, _zh))
    else:
        Q[_name] = ((_en, trained(_en)), (_zh, trained(_zh)))


# Naming -------------------------------------------------------------------------------------------------------------

def bare(item, lang):
    """fox, red star / 狐狸, 红色的五角星"""
    if item.thing:
        return item.thing.en if lang == 'en' else item.thing.zh
    return f'{item.colour} {item.shape_en}' if lang == 'en' else f'{COLOUR_ZH[item.colour]}{SHAPE_ZH[item.shape_en]}'


def measure(item):
    return item.thing.measure if item.thing else '个'


def counted(items, lang, colour=False, digits=False):
    """a fox, two apples / 一只狐狸, 两个苹果"""
    first, n = items[0], len(items)
    c = first.colour if colour and first.thing and first.colour and all(i.colour == first.colour for i in items) else ''
    if lang == 'zh':
        # Figures carry their colour in the name already.
        name = bare(first, 'zh')
        if c:
            name = f'{COLOUR_ZH[c]}的{name}'
        return f'{n if digits else NUM_ZH[n]}{measure(first)}{name}'
    if first.thing:
        t = first.thing
        adj = f'{c} ' if c else ''
        if n == 1:
            if t.mass or t.pair:
                return f'some {adj}{t.en}'
            return f'{words.article(adj + t.en)} {adj}{t.en}'
        if t.mass or t.pair:
            return f'some {adj}{t.en}'
        return f'{NUM_EN[n]} {adj}{t.many}'
    name = bare(first, 'en')
    return f'{words.article(name)} {name}' if n == 1 else f'{NUM_EN[n]} {first.colour} {words.plural(first.shape_en)}'


def many(group):
    return len(group) > 1 or (group[0].thing is not None and group[0].thing.pair)


def joined(parts, lang):
    if lang == 'zh':
        return parts[0] if len(parts) == 1 else '、'.join(parts[:-1]) + '和' + parts[-1]
    return parts[0] if len(parts) == 1 else ', '.join(parts[:-1]) + ' and ' + parts[-1]


def the(item, lang):
    return ('the ' if lang == 'en' else '') + bare(item, lang)


def cap(text):
    return text[0].upper() + text[1:]


def is_are(item):
    return 'are' if item.thing and item.thing.pair else 'is'


def region(item):
    """The word for where it is, or None where people would disagree."""
    def third(v, lo, hi):
        return lo if v < .37 else hi if v > .63 else '' if .43 < v < .57 else None
    x, y = third(item.cx, 'left', 'right'), third(item.cy, 'above', 'below')
    if x is None or y is None:
        return None
    return (x + y) or 'middle'


def groups_of(items):
    out = {}
    for i in sorted(items, key=lambda i: i.cx):
        out.setdefault(i.key, []).append(i)
    return list(out.values())


def K(en=(), zh=(), ban_en=(), ban_zh=(), only=False):
    return dict(en=list(en), zh=list(zh), ban_en=list(ban_en), ban_zh=list(ban_zh), only=only)


def names_key(items, only=True):
    seen = {i.key: i for i in items}.values()
    return K(['|'.join({bare(i, 'en'), i.thing.many if i.thing else f'{i.colour} {words.plural(i.shape_en)}'}) for i in seen], [bare(i, 'zh') for i in seen], only=only)


YES = K(['yes'], ['有|是|对|能|会|可以'], ban_zh=['没有', '不是', '不能', '不会', '不可以', '不在'], ban_en=['no'])
NO = K(['no'], ['没有|不是|不能|不会|不可以|不在|不'], ban_en=['yes'])


class Talk:
    """One conversation. scene may be None (no picture yet); second is the other picture of a pair."""

    def __init__(self, world, r, scene=None, second=None, lang=None, test=False, clean=False):
        self.world, self.r, self.scene, self.second, self.test = world, r, scene, second, test
        self.lang = lang or ('en' if r.random() < .52 else 'zh')
        self.clean = clean or test
        self.focus, self.last, self.last_kind, self.done = None, None, None, set()
        self.described = None
        for s in (scene, second):
            if s:
                for i in s.items:
                    if not i.thing:
                        i.shape_en = words.SHAPES[i.shape][0]
        if scene:
            self.groups = groups_of(scene.items)

    # Wording ----------------------------------------------------------------------------------------------------
    def ask(self, name, sub=None, **slots):
        return self.ask_in(self.lang, name, sub, **slots)

    def ask_in(self, lang, name, sub=None, **slots):
        options = Q[name][lang == 'zh']
        if sub:
            options = options[sub]
        text = self.r.choice(options[0 if self.test else 1])
        if slots:
            text = text.format(**slots)
        return text if self.clean else self.roughen(text, lang)

    def slots(self, item, lang=None):
        lang = lang or self.lang
        x = bare(item, lang)
        if lang == 'zh':
            return dict(x=x, m=measure(item))
        if item.thing:
            return dict(x=x, ax=item.thing.some if not item.thing.mass and not item.thing.pair else item.thing.en, xs=item.thing.many)
        return dict(x=x, ax=f'{words.article(x)} {x}', xs=f'{item.colour} {words.plural(item.shape_en)}')

    def roughen(self, text, lang):
        r, p = self.r, self.r.random()
        if lang == 'en':
            if p < .12:
                text = text.lower()
            elif p < .13:
                text = text.upper()
            if r.random() < .15:
                text = text.rstrip('?.!')
            if r.random() < .05 and len(text) > 8:
                i = r.randrange(1, len(text) - 2)
                text = text[:i] + text[i + 1] + text[i] + text[i + 2:] if r.random() < .5 else text[:i] + text[i + 1:]
            if r.random() < .03:
                text = r.choice(['Please: ', 'ok, ', 'And now: ', 'Hi! ', 'So, ']) + text
        else:
            if p < .2:
                text = text.rstrip('？。！')
            elif p < .3:
                text = text.replace('？', '?').replace('。', '.')
            if r.random() < .03:
                text = text.replace('的', '', 1)
            if r.random() < .03:
                text = r.choice(['请问', '那', '好的，', '那么，']) + text
        return text or '?'

    def pick(self, en, zh):
        """The first wording most often: a greedy decoder then has a clear favourite."""
        def say(lang):
            options = en if lang == 'en' else zh
            return options[0] if len(options) == 1 or self.r.random() < .55 else self.r.choice(options[1:])
        return say

    # Answers ----------------------------------------------------------------------------------------------------
    def a_thing(self, item, photo=False):
        s = lambda lang: counted([item], lang)
        def say(lang):
            p = self.r.random()
            if lang == 'en':
                verb = ('These are', 'They are') if item.thing and item.thing.pair else ('This is', 'It is')
                name = item.thing.en if item.thing and (item.thing.mass or item.thing.pair) else s('en')
                if photo:
                    return f'This looks like {item.thing.some}.' if p < .7 else f'It looks like {item.thing.some}.'
                return f'{verb[1]} {name}.' if p < .5 else f'{verb[0]} {name}.' if p < .8 else f'I see {s("en")}.'
            if photo:
                return f'这看起来是{s("zh")}。' if p < .7 else f'看起来是{s("zh")}。'
            return f'这是{s("zh")}。' if p < .6 else f'是{s("zh")}。' if p < .8 else f'我看到{s("zh")}。'
        return say

    def a_groups(self, groups, colour=None, style=None):
        def say(lang, colour=colour):
            colour = self.r.random() < .5 if colour is None else colour
            parts = [counted(g, lang, colour) for g in groups]
            p = self.r.random()
            text = joined(parts, lang)
            if lang == 'en':
                if p < .6:
                    plural = len(groups) > 1 or many(groups[0])
                    return f'There {"are" if plural else "is"} {text}.'
                return f'I see {text}.' if p < .8 else f'The picture shows {text}.'
            return f'图里有{text}。' if p < .6 else f'我看到{text}。' if p < .8 else f'有{text}。'
        return say

    def a_long(self):
        head = self.a_groups(self.groups, True)
        placed = [(g[0], region(g[0])) for g in self.groups if len(g) == 1]
        placed = [(i, w) for i, w in placed if w][:3]
        name = self.scene.ground_name
        def say(lang):
            text = head(lang)
            for item, where in placed:
                if lang == 'en':
                    text += f' {cap(the(item, lang))} {is_are(item)} {SIDE_EN[where]}.'
                else:
                    text += f'{bare(item, lang)}在{SIDE_ZH[where]}。'
            if name and len(placed) < 3:
                text += f' The background is {name}.' if lang == 'en' else f'背景是{COLOUR_ZH[name]}的。'
            return text
        return say

    def yes(self, yes, en, zh):
        return self.pick([f'{"Yes" if yes else "No"}, {t}' for t in en], zh)

    # Rounds: each returns (question, answer function, key, task) or None where the scene gives no such question ----------
    def r_name(self):
        i = self.scene.items[0] if self.scene.kind in ('single', 'photo') else None
        if not i:
            return None
        self.focus = i
        return self.ask('name'), self.a_thing(i, self.scene.kind == 'photo'), names_key([i]), 'name'

    def r_isit(self):
        if self.scene.kind not in ('single', 'photo'):
            return None
        i, yes = self.scene.items[0], self.r.random() < .5
        t = i.thing if yes else self.other_thing(i.thing)
        other = scenes.Item(t)
        self.focus = i
        name_en, name_zh = counted([i], 'en'), counted([i], 'zh')
        it = 'they are' if i.thing.pair else 'it is'
        if yes:
            return self.ask('isit', **self.slots(other)), self.yes(1, [f'{it} {name_en}.', f'this is {name_en}.'], [f'是的，这是{name_zh}。', f'对，是{name_zh}。']), merge(YES, i), 'isit'
        return self.ask('isit', **self.slots(other)), self.yes(0, [f'{it} {name_en}.', f'this is {name_en}.'], [f'不是，这是{name_zh}。', f'不，是{name_zh}。']), merge(NO, i), 'isit'

    def other_thing(self, thing):
        """A wrong guess that is not silly: often of the same kind."""
        r, w = self.r, self.world
        present = {i.thing for s in (self.scene, self.second) if s for i in s.items if i.thing}
        while True:
            t = r.choice(w.by_category[thing.category]) if r.random() < .5 else r.choice(w.things)
            if t not in present and all(scenes.far(w, t, [p]) for p in present):
                return t
            if r.random() < .05:
                return r.choice([x for x in w.things if x not in present])

    def r_describe(self):
        if self.scene.kind == 'text':
            t, read = self.scene.text, self.pick([f'It says {self.scene.text}.', f'The text says {self.scene.text}.'], [f'上面写着{self.scene.text}。', f'写的是{self.scene.text}。'])
            if not self.scene.items:
                return self.ask('describe'), read, K([t], [t]), 'read'
            head = self.a_groups(self.groups, False)
            return self.ask('describe'), lambda lang: head(lang) + (' ' if lang == 'en' else '') + read(lang), K([t], [t]), 'read'
        if self.scene.kind == 'photo':
            i = self.focus = self.scene.items[0]
            return self.ask('describe'), self.a_thing(i, True), names_key([i]), 'name'
        p = self.r.random()
        self.described = True
        self.focus = self.groups[0][0] if len(self.groups) == 1 else None
        key = names_key(self.scene.items)
        if p < .45:
            return self.ask('describe'), self.a_long(), key, 'describe'
        if p < .7:
            return self.ask('short'), self.a_groups(self.groups, False), key, 'describe'
        return self.ask('list'), self.a_groups(self.groups, False), key, 'list'

    def r_there(self):
        if not self.scene.items:
            return None
        r, yes = self.r, self.r.random() < .5
        base = r.choice(self.scene.items)
        photo = self.scene.kind == 'photo'
        if yes:
            g = next(g for g in self.groups if g[0].key == base.key)
            self.focus = base
            q = self.ask('there', **self.slots(base))
            be = 'are' if many(g) else 'is'
            return q, self.yes(1, [f'there {be} {counted(g, "en")}.', f'I see {counted(g, "en")}.'], [f'有，图里有{counted(g, "zh")}。', f'有{counted(g, "zh")}。']), merge(YES, base), 'there'
        if base.thing:
            absent = scenes.Item(self.other_thing(base.thing))
        else:
            colours = [c for c, _ in words.COLOURS]
            while True:
                absent = scenes.Item(None, r.randrange(len(words.SHAPES)), r.choice(colours))
                absent.shape_en = words.SHAPES[absent.shape][0]
                if absent.key not in [g[0].key for g in self.groups]:
                    break
        q = self.ask('there', **self.slots(absent))
        text_en, text_zh = (joined([counted(g, l) for g in self.groups], l) for l in ('en', 'zh'))
        no_en = absent.thing.many if absent.thing else self.slots(absent, 'en')['xs']
        if photo:
            return q, self.yes(0, [f'it looks like {text_en}.'], [f'没有，看起来是{text_zh}。']), NO, 'there'
        return q, self.yes(0, [f'I only see {text_en}.', f'there are no {no_en}.'], [f'没有，图里只有{text_zh}。', f'没有{bare(absent, "zh")}。']), NO, 'there'

    def known_colour(self):
        return [g[0] for g in self.groups if g[0].colour and len({i.colour for i in g}) == 1 and (g[0].thing or self.unique_shape(g[0]))]

    def unique_shape(self, item):
        return sum(i.shape == item.shape for i in self.scene.items) == 1

    def plain(self, item, lang):
        """A name that does not give the colour away."""
        return bare(item, lang) if item.thing else (item.shape_en if lang == 'en' else SHAPE_ZH[item.shape_en])

    def r_colour(self, item=None, it=False):
        c = self.known_colour()
        if not c:
            return None
        i = item or self.r.choice(c)
        x_en, x_zh, col = self.plain(i, 'en'), self.plain(i, 'zh'), i.colour
        q = self.ask('colour_it') if it else self.ask('colour', x=self.plain(i, self.lang))
        self.focus = i
        zh = COLOUR_ZH[col]
        be = is_are(i)
        en = [f'The {x_en} {be} {col}.', f'{cap(col)}.', f'It is {col}.' if be == 'is' else f'They are {col}.']
        return q, self.pick(en, [f'{x_zh}是{zh}的。', f'{zh}。', f'是{zh}的。']), K([col], [zh[:-1]]), 'colour'

    def r_ground(self):
        c = self.scene.ground_name
        if not c:
            return None
        return self.ask('ground'), self.pick([f'The background is {c}.', f'It is {c}.'], [f'背景是{COLOUR_ZH[c]}的。', f'{COLOUR_ZH[c]}。']), K([c], [COLOUR_ZH[c][:-1]]), 'ground'

    def r_shape(self):
        figs = [i for i in self.scene.items if not i.thing]
        if not figs:
            return None
        if len(self.scene.items) == 1:
            i = self.focus = figs[0]
            n_en, n_zh = counted([i], 'en'), counted([i], 'zh')
            plain_en, plain_zh = f'{words.article(i.shape_en)} {i.shape_en}', f'{SHAPE_ZH[i.shape_en]}'
            if self.r.random() < .5:
                return self.ask('name'), self.pick([f'This is {n_en}.', f'It is {n_en}.', f'I see {n_en}.'], [f'这是{n_zh}。', f'是{n_zh}。', f'我看到{n_zh}。']), names_key([i], False), 'shape'
            return self.ask('shape'), self.pick([f'It is {plain_en}.', f'{cap(plain_en)}.', f'This is {plain_en}.'], [f'这是{plain_zh}。', f'{plain_zh}。', f'它是{plain_zh}。']), K([i.shape_en], [plain_zh]), 'shape'
        i = self.r.choice(figs)
        if sum(j.colour == i.colour for j in self.scene.items) > 1:
            return None
        self.focus = i
        c = i.colour
        z = SHAPE_ZH[i.shape_en]
        return (self.ask('which_shape', c=c if self.lang == 'en' else COLOUR_ZH[c]),
                self.pick([f'The {i.shape_en} is {c}.', f'The {i.shape_en}.', f'{cap(words.article(i.shape_en))} {i.shape_en}.'], [f'{z}是{COLOUR_ZH[c]}的。', f'{z}。', f'是{z}。']), K([i.shape_en], [z]), 'shape')

    def r_which_thing(self):
        c = [i for i in self.known_colour() if i.thing]
        if len(self.scene.items) < 2 or not c or not all(i.colour for i in self.scene.items):
            return None
        i = self.r.choice(c)
        if sum(j.colour == i.colour for j in self.scene.items) > 1:
            return None
        self.focus = i
        return (self.ask('which_thing', c=i.colour if self.lang == 'en' else COLOUR_ZH[i.colour]),
                self.pick([f'The {i.thing.en} {is_are(i)} {i.colour}.', f'The {i.thing.en}.'], [f'{i.thing.zh}是{COLOUR_ZH[i.colour]}的。', f'{i.thing.zh}。']), names_key([i]), 'colour')

    def r_count(self, item=None, it=False):
        r = self.r
        if self.scene.kind == 'text' or self.scene.kind == 'photo' or not self.scene.items:
            return None
        figs = [i for i in self.scene.items if not i.thing]
        if figs and (r.random() < .5 and not item):      # shapes of any colour, or all shapes
            i = r.choice(figs)
            same = [j for j in figs if j.shape == i.shape]
            n = len(same)
            xs, zh = words.plural(i.shape_en), SHAPE_ZH[i.shape_en]
            q = self.ask('count', xs=xs, x=zh, m='个')
            self.focus = None
            return q, self.count_answer(n, i.shape_en, xs, '个', zh), self.count_key(n), 'count'
        if r.random() < .1 and not item and not it:       # none of it
            absent = self.other_thing(r.choice(self.world.countable))
            if absent.countable:
                q = self.ask('count', **self.slots(scenes.Item(absent)))
                return q, self.count_answer(0, absent.en, absent.many, absent.measure, absent.zh), self.count_key(0), 'count'
        g = next(g for g in self.groups if g[0].key == item.key) if item else max(self.groups, key=len) if r.random() < .6 else r.choice(self.groups)
        i, n = g[0], len(g)
        if n > 5 or i.thing and not i.thing.countable:
            return None
        self.focus = i
        s = self.slots(i, 'en')
        q = self.ask('count_them', m=measure(i)) if it else self.ask('count', **self.slots(i))
        return q, self.count_answer(n, s['x'], s['xs'], measure(i), bare(i, 'zh')), self.count_key(n), 'count'

    def count_answer(self, n, one, xs, m, zh):
        if n == 0:
            return self.pick([f'There are no {xs}.', f'I see no {xs}.', 'None.'], [f'没有{zh}。', f'图里没有{zh}。', f'一{m}也没有。'])
        w = NUM_EN[n]
        name, be = (one, 'is') if n == 1 else (xs, 'are')
        return self.pick([f'There {be} {w} {name}.', f'I see {w} {name}.', f'{cap(w)}.'], [f'有{n}{m}{zh}。', f'图里有{n}{m}{zh}。', f'{n}{m}。'])

    def count_key(self, n):
        ban = [w for k, w in enumerate(NUM_EN[1:], 1) if k != n]
        return K(['no|none' if n == 0 else NUM_EN[n]], ['没有' if n == 0 else str(n)], ban_en=ban, ban_zh=[str(k) for k in range(1, 9) if k != n])

    def r_total(self):
        n = len(self.scene.items)
        if self.scene.kind in ('text', 'photo') or not 1 <= n <= 6 or any(i.thing and (i.thing.pair or i.thing.mass) for i in self.scene.items):
            return None
        w = NUM_EN[n]
        one = 'thing' if n == 1 else 'things'
        return self.ask('total'), self.pick([f'There {"is" if n == 1 else "are"} {w} {one}.', f'{cap(w)}.'], [f'一共有{n}个。', f'{n}个。']), self.count_key(n), 'count'

    def singles(self):
        return [g[0] for g in self.groups if len(g) == 1]

    def sided(self, a, side):
        """All that is clearly on that side of a; None where something is neither clearly there nor clearly not."""
        out = []
        for b in self.scene.items:
            if b is a:
                continue
            d = (a.cx - b.cx, b.cx - a.cx, a.cy - b.cy, b.cy - a.cy)[('left', 'right', 'above', 'below').index(side)]
            if abs(d) < .12:
                return None
            if d > 0:
                out.append(b)
        return out

    def things_answer(self, items, en_tail, zh_head):
        """'The cat is to the left of the dog.'"""
        gs = groups_of(items)
        def say(lang):
            text = joined([counted(g, lang) if len(g) > 1 or self.r.random() < .3 else (the(g[0], lang) if lang == 'en' else counted(g, lang)) for g in gs], lang)
            p = self.r.random()
            if lang == 'en':
                be = 'are' if len(gs) > 1 or many(gs[0]) else 'is'
                return f'{cap(text)} {be} {en_tail}.' if p < .6 else f'{cap(text)}.'
            return f'{zh_head}是{text}。' if p < .6 else f'是{text}。'
        return say

    def r_rel(self, item=None):
        if len(self.scene.items) < 2:
            return None
        r = self.r
        c = self.singles()
        if not c:
            return None
        a = item or r.choice(c)
        if item is not None and item not in c:
            return None
        sides = [s for s in ('left', 'right', 'above', 'below') if self.sided(a, s) is not None]
        r.shuffle(sides)
        sides.sort(key=lambda s: not self.sided(a, s))
        if not sides:
            return None
        s = sides[0] if r.random() < .85 else sides[-1]
        found = self.sided(a, s)
        q = self.ask('rel_it', s) if item else self.ask('rel', s, **self.slots(a))
        if not found:
            return q, self.pick([f'Nothing is {REL_EN[s]} {the(a, "en")}.', f'There is nothing {REL_EN[s]} {the(a, "en")}.'], [f'{bare(a, "zh")}的{REL_ZH[s]}没有东西。', f'{REL_ZH[s]}什么也没有。']), \
                K(['nothing'], ['没有|什么也没有']), 'place'
        self.focus = found[0] if len(found) == 1 else a
        key = names_key(found, False)
        return q, self.things_answer(found, f'{REL_EN[s]} {the(a, "en")}', f'{bare(a, "zh")}的{REL_ZH[s]}'), key, 'place'

    def r_is_rel(self):
        c = self.singles()
        if len(c) < 2:
            return None
        r = self.r
        a, b = r.sample(c, 2)
        pairs = [s for s, d in zip(('left', 'right', 'above', 'below'), (b.cx - a.cx, a.cx - b.cx, b.cy - a.cy, a.cy - b.cy)) if d >= .12]
        if not pairs:
            return None
        s = r.choice(pairs)
        yes = r.random() < .5
        say = s if yes else OPPOSITE[s]
        q = self.ask('is_rel', x=bare(a, self.lang), y=bare(b, self.lang), rel=(REL_EN if self.lang == 'en' else REL_ZH)[say])
        self.focus = a
        en, zh = f'{the(a, "en")} {is_are(a)} {REL_EN[s]} {the(b, "en")}.', f'{bare(a, "zh")}在{bare(b, "zh")}的{REL_ZH[s]}。'
        return q, self.yes(yes, [en], ['是的，' + zh if yes else '不是，' + zh]), YES if yes else NO, 'place'

    def r_side(self):
        items = self.scene.items
        if len(items) < 2:
            return None
        r = self.r
        s = r.choice(('left', 'right', 'above', 'below', 'middle'))
        if s == 'middle':
            hit = [i for i in items if abs(i.cx - .5) < .1 and abs(i.cy - .5) < .1]
            if len(hit) != 1 or any(i is not hit[0] and abs(i.cx - .5) < .2 and abs(i.cy - .5) < .2 for i in items):
                return None
            a = hit[0]
        else:
            order = sorted(items, key=lambda i: (i.cx, -i.cx, i.cy, -i.cy)[('left', 'right', 'above', 'below').index(s)])
            a, b = order[0], order[1]
            d = abs(a.cx - b.cx) if s in ('left', 'right') else abs(a.cy - b.cy)
            at = (a.cx, 1 - a.cx, a.cy, 1 - a.cy)[('left', 'right', 'above', 'below').index(s)]
            if d < .12 or at > .42:
                return None
        self.focus = a if a in self.singles() else None
        return self.ask('side', s), self.things_answer([a], SIDE_EN[s], SIDE_ZH[s]), names_key([a]), 'place'

    def r_where(self, item=None):
        c = [i for i in self.singles() if region(i)]
        if item is not None and item not in c or not c:
            return None
        if item is None and self.r.random() < .08 and self.scene.items[0].thing:
            absent = self.other_thing(self.scene.items[0].thing)
            it = scenes.Item(absent)
            return self.ask('where', **self.slots(it)), self.pick([f'I do not see {self.slots(it, "en")["ax"]}.'], [f'我没有看到{absent.zh}。']), K(['not'], ['没有']), 'place'
        i = item or self.r.choice(c)
        self.focus = i
        w = region(i)
        q = self.ask('where_it') if item else self.ask('where', **self.slots(i))
        en, zh = SIDE_EN[w], SIDE_ZH[w]
        be = is_are(i)
        return q, self.pick([f'{cap(the(i, "en"))} {be} {en}.', f'{cap(en)}.', f'{"It is" if be == "is" else "They are"} {en}.'], [f'{bare(i, "zh")}在{zh}。', f'在{zh}。']), K([en], [zh]), 'place'

    def r_near(self):
        c = self.singles()
        if len(self.scene.items) < 3 or not c:
            return None
        a = self.r.choice(c)
        ds = sorted((math.hypot(a.cx - b.cx, a.cy - b.cy), id(b), b) for b in self.scene.items if b is not a)
        if ds[1][0] < 1.4 * ds[0][0]:
            return None
        b = ds[0][2]
        self.focus = b if b in c else None
        return self.ask('near', **self.slots(a)), self.things_answer([b], f'nearest to {the(a, "en")}', f'离{bare(a, "zh")}最近的'), names_key([b], False), 'place'

    def r_size(self):
        items = self.scene.items
        if len(items) < 2:
            return None
        r = self.r
        by = sorted(items, key=lambda i: i.size())
        c = self.singles()
        p = r.random()
        if p < .3 and len(c) >= 2:
            a, b = r.sample(c, 2)
            big = max(a, b, key=lambda i: i.size())
            if big.size() < 1.5 * min(a.size(), b.size()):
                return None
            self.focus = big
            return self.ask('bigger', x=bare(a, self.lang), y=bare(b, self.lang)), self.pick([f'{cap(the(big, "en"))} {is_are(big)} bigger.', f'{cap(the(big, "en"))}.'], [f'{bare(big, "zh")}更大。', f'{bare(big, "zh")}。']), names_key([big]), 'size'
        if p < .65:
            if by[-1].size() < 1.5 * by[-2].size():
                return None
            i, name, en, zh = by[-1], 'big', 'the biggest', '最大的'
        else:
            if by[1].size() < 1.5 * by[0].size():
                return None
            i, name, en, zh = by[0], 'small', 'the smallest', '最小的'
        self.focus = i if i in c else None
        return self.ask(name), self.things_answer([i], en, zh), names_key([i]), 'size'

    def r_read(self):
        s = self.scene
        if s.kind != 'text':
            if self.scene.kind == 'photo' or self.r.random() > .3:
                return None
            return self.ask('anytext'), self.pick(['No, I see no text.', 'No, there is no text.'], ['没有，图里没有文字。', '没有文字。']), NO, 'anytext'
        t = s.text
        p = self.r.random()
        key = K([t], [t])
        if p < .1:
            return self.ask('anytext'), self.pick([f'Yes, it says {t}.'], [f'有，上面写着{t}。']), key, 'read'
        if s.text_kind == 'word':
            if p < .45:
                return self.ask('read_word'), self.pick([f'The word is {t}.', f'It says {t}.'], [f'单词是{t}。', f'上面写着{t}。']), key, 'read'
        elif s.text_kind == 'number' and p < .45:
            return self.ask('read_number'), self.pick([f'The number is {t}.', f'It says {t}.'], [f'数字是{t}。', f'上面写着{t}。']), key, 'read'
        return self.ask('read'), self.pick([f'It says {t}.', f'The text says {t}.'], [f'上面写着{t}。', f'写的是{t}。']), key, 'read'

    def r_letters(self):
        s = self.scene
        if s.kind != 'text' or s.text_kind != 'word':
            return None
        n = len(s.text)
        if self.r.random() < .5:
            c = s.text[0]
            return self.ask('first_letter'), self.pick([f'The first letter is {c}.', f'It is {c}.'], [f'第一个字母是{c}。', f'是{c}。']), K([c], [c]), 'letters'
        return self.ask('letters'), self.pick([f'It has {NUM_EN[n]} letters.', f'{cap(NUM_EN[n])}.'], [f'有{n}个字母。', f'{n}个。']), self.count_key(n), 'letters'

    def r_fact(self):
        i = self.focus or (self.scene.items[0] if len(self.scene.items) == 1 else None)
        if not i or not i.thing:
            return None
        t, p = i.thing, self.r.random()
        self.focus = i
        it, be = ('they', 'are') if t.pair else ('it', 'is')
        k_en, k_zh = t.kind
        ak = k_en if t.pair and False else f'{words.article(k_en)} {k_en}'
        sub = f'{cap(it)} {be}'
        if t.use and p < .4:
            en, zh = t.use
            return self.ask('use'), self.pick([f'You can use {"them" if t.pair else "it"} to {en}.', f'{sub} used to {en}.'], [f'可以用来{zh}。', f'它是用来{zh}的。']), K([en], [zh]), 'fact'
        if p < .6:
            return self.ask('kind'), self.pick([f'{t.en.capitalize() if t.mass else cap(t.many) if t.pair else cap(t.some)} {be} {ak}.', f'It is {ak}.'], [f'{t.zh}是一种{k_zh}。', f'它属于{k_zh}。']), K([k_en], [k_zh]), 'fact'
        if p < .75:
            yes = t.category == 'animal' and t.en not in ('paw prints', 'shell')
            q = self.ask('animal')
            if yes:
                return q, self.pick([f'Yes, {t.some} is an animal.'], [f'是的，{t.zh}是动物。']), YES, 'fact'
            return q, self.pick([f'No, {it} {be} {ak}.'], [f'不是，{t.zh}是{k_zh}。']), NO, 'fact'
        if p < .9:
            yes = t.category == 'food' or t.en in ('mushroom',)
            drink = k_en == 'drink'
            if t.category == 'animal':
                return None
            q = self.ask('eat')
            if drink:
                return q, self.pick([f'You can drink it, {it} {be} a drink.'], [f'可以喝，{t.zh}是饮料。']), K(['drink'], ['喝']), 'fact'
            if yes:
                return q, self.pick([f'Yes, {t.some} {be} {ak}.' if not t.mass else f'Yes, {t.en} is {ak}.'], [f'可以吃，{t.zh}是{k_zh}。']), YES, 'fact'
            return q, self.pick([f'No, you cannot eat {"them" if t.pair else "it"}.'], [f'不能吃，{t.zh}是{k_zh}。']), NO, 'fact'
        if t.category not in ('animal', 'vehicle'):
            return None
        yes = t.en in words.FLIES
        return self.ask('fly'), self.pick([f'Yes, {t.some} can fly.'] if yes else [f'No, {t.some} cannot fly.'], [f'会，{t.zh}会飞。'] if yes else [f'不会，{t.zh}不会飞。']), YES if yes else NO, 'fact'

    def subject(self):
        i = self.focus if self.focus and self.focus.thing else next((g[0] for g in self.groups if g[0].thing), None) if self.scene.items else None
        return i.thing if i and i.thing else None

    def r_poem(self):
        t = self.subject()
        if not t:
            return None
        r = self.r
        cls = t.category if t.category in ('animal', 'food') and r.random() < .75 else 'any'
        some = t.some if not t.pair else f'a set of {t.en}' if t.en in ('scales', 'piano keys') else f'a pair of {t.en}' if t.category == 'clothing' else t.en
        if t.pair or t.mass:
            cls = 'any'
        if cls != 'any' or not (t.pair or t.mass):
            opens = rhymes.OPEN_EN[cls]
        else:
            opens = rhymes.OPEN_EN['any'][:3]
            some = f'some {t.en}'
        seed = zlib.crc32(t.en.encode())
        # A thing has few poems of its own: less to remember, and the picture still decides.
        oe, ce = opens[(seed + r.randrange(2)) % len(opens)], rhymes.CLOSE_EN[(seed // 7 + r.randrange(3)) % len(rhymes.CLOSE_EN)]
        oz, cz = rhymes.OPEN_ZH[cls], rhymes.CLOSE_ZH[(seed // 7 + r.randrange(3)) % len(rhymes.CLOSE_ZH)]
        oz = oz[(seed + r.randrange(2)) % len(oz)]
        en = oe.format(ax=some, Ax=cap(some), x=t.en) + '\n' + ce
        zh = oz.format(n='一' + t.measure + t.zh, m=t.zh) + '\n' + cz
        def say(lang):
            return en if lang == 'en' else zh
        if r.random() < .7:
            return self.ask('poem'), say, K([t.en], [t.zh]), 'poem'
        others = [g[0].thing for g in self.groups if g[0].thing and g[0].thing is not t and not (g[0].thing.mass or g[0].thing.pair)]
        if t.pair or t.mass:
            return self.ask('title'), lambda lang: f'"The Quiet {cap(t.en)}"' if lang == 'en' else f'《安静的{t.zh}》', K([t.en], [t.zh]), 'title'
        if r.random() < .4:
            adj = [('Little', '小小的'), ('Quiet', '安静的'), ('Happy', '快乐的'), ('Lonely', '孤单的')][seed % 4]
            return self.ask('title'), lambda lang: f'"The {adj[0]} {cap(t.en)}"' if lang == 'en' else f'《{adj[1]}{t.zh}》', K([t.en], [t.zh]), 'title'
        o = others[0] if others else None
        pick = [r.randrange(3) for _ in range(3)]
        def story(lang):
            s = rhymes.STORY_EN if lang == 'en' else rhymes.STORY_ZH
            slots = dict(ax=t.some, ay=o.some if o else '', n='一' + t.measure + t.zh, k='一' + o.measure + o.zh if o else '')
            parts = [s[0][pick[0]], s[1][pick[1]] if o else s[2][pick[1]], s[3 if o else 4][pick[2] if not o else 0 if pick[2] == 0 else pick[2] % len(s[3])]]
            if o:
                parts[2] = s[3][pick[2] % len(s[3])]
            return (' ' if lang == 'en' else '').join(parts).format(**slots)
        return self.ask('story'), story, K([t.en], [t.zh]), 'story'

    # Small talk and follow-ups ------------------------------------------------------------------------------------
    def r_talk(self, name=None):
        name = name or self.r.choice(('hello', 'thanks', 'thanks', 'bye', 'who', 'can'))
        a = 'hello_pic' if name == 'hello' and self.scene else name
        en, zh = A_TALK[a]
        return self.ask(name), self.pick(en, zh), K(*TALK_KEY[name]), 'talk'

    def r_off(self):
        e, z = self.r.choice(self.world.off_topic)
        q = e if self.lang == 'en' else z
        return q if self.clean else self.roughen(q, self.lang), self.pick(*A_TALK['off']), K(*TALK_KEY['off']), 'talk'

    def r_nopic(self):
        name = self.r.choice(('name', 'describe', 'list', 'read', 'shape', 'total', 'short', 'poem', 'there', 'count', 'colour', 'where'))
        slots = self.slots(scenes.Item(self.r.choice(self.world.countable))) if name in ('there', 'count', 'colour', 'where') else {}
        return self.ask(name, **slots), self.pick(*A_TALK['nopic']), K(*TALK_KEY['nopic']), 'talk'

    def r_follow(self):
        """A round that leans on the one before."""
        r, f = self.r, self.focus
        for _ in range(4):
            p = r.random()
            out = None
            if p < .2 and f and f.colour and (f.thing and f in self.known_colour()):
                out = self.r_colour(f, True)
            elif p < .3 and f and not f.thing and f in self.known_colour() and len(self.scene.items) == 1:
                out = self.r_colour(f, True)
            elif p < .4 and f and (not f.thing or f.thing.countable) and self.scene.kind in ('count', 'several') and self.last_kind in ('there', 'colour', 'place'):
                out = self.r_count(f, True)
            elif p < .55 and f and len(self.scene.items) > 1:
                out = self.r_rel(f)
            elif p < .65 and f:
                out = self.r_where(f)
            elif p < .8:
                out = self.r_fact()
            elif p < .9 and self.last and self.last_kind in ('colour', 'shape', 'count', 'place', 'read', 'name', 'size'):
                last, key = self.last, self.last_key
                def say(lang):
                    s = last(lang)
                    if lang == 'en':
                        return 'Yes, ' + (s if s.startswith('I ') else s[0].lower() + s[1:] if not s.isupper() else s)
                    return '是的，' + s
                return self.ask('sure'), say, key, 'sure'
            elif self.scene.kind in ('single',) and f and f.thing:
                other = scenes.Item(self.other_thing(f.thing))
                n_en, n_zh = counted([f], 'en'), counted([f], 'zh')
                return self.ask('wrong', **self.slots(other)), self.pick([f'Sorry, but I still see {n_en}.', f'I may be wrong, but I see {n_en}.'], [f'抱歉，我看到的还是{n_zh}。', f'我可能看错了，但我觉得是{n_zh}。']), names_key([f]), 'wrong'
            if out:
                return out
        return None

    def r_again(self):
        """The last answer once more: in the other language, shorter, longer, or as it was."""
        if not self.last:
            return None
        r = self.r
        p = r.random()
        if self.last_kind == 'describe' and p < .4:
            if r.random() < .5:
                return self.ask('shorter'), self.a_groups(self.groups, False), self.last_key, 'describe'
            return self.ask('longer'), self.a_long(), self.last_key, 'describe'
        last, key, kind = self.last, self.last_key, self.last_kind
        if p < .85:
            target = 'en' if self.lang == 'zh' else 'zh'
            asked = self.lang if r.random() < .6 else target
            q = self.ask_in(asked, 'to_zh' if target == 'zh' else 'to_en')
            self.lang = target
            return q, last, key, 'switch'
        return self.ask('again'), lambda lang, text=self.last_text: text, key, kind

    ROUNDS = dict(single='r_name r_name r_name r_isit r_there r_describe r_colour r_colour r_ground r_fact r_fact r_poem r_where r_count',
                  photo='r_name r_name r_name r_describe r_isit r_there r_fact r_poem',
                  several='r_describe r_describe r_describe r_there r_there r_count r_rel r_rel r_rel r_is_rel r_side r_side r_where r_near r_size r_size r_colour r_which_thing r_poem r_total r_ground',
                  count='r_count r_count r_count r_count r_there r_describe r_rel r_side r_size r_total r_colour',
                  figures='r_shape r_shape r_shape r_colour r_colour r_colour r_count r_there r_describe r_describe r_rel r_rel r_side r_where r_size r_is_rel r_ground r_near',
                  text='r_read r_read r_read r_describe r_letters r_letters r_there r_where r_colour r_ground')
    ROUNDS = {k: v.split() for k, v in ROUNDS.items()}

    def next_round(self, first):
        r, p = self.r, self.r.random()
        if self.scene is None:
            return self.r_nopic() if p < .3 else self.r_off() if p < .55 else self.r_talk()
        if not first:
            if p < .22:
                out = self.r_follow()
                if out:
                    return out
            elif p < .32:
                out = self.r_again()
                if out:
                    return out
            elif p < .36:
                return self.r_talk() if r.random() < .6 else self.r_off()
            elif p < .40:
                out = self.r_poem()
                if out:
                    return out
        for _ in range(12):
            name = r.choice(self.ROUNDS[self.scene.kind])
            out = getattr(self, name)()
            if out:
                return out
        return self.r_ground() or self.r_read() or self.r_talk()

    # Two pictures -------------------------------------------------------------------------------------------------
    def next_pair(self, first):
        r, p = self.r, self.r.random()
        ga, gb = groups_of(self.scene.items), groups_of(self.second.items)
        if not first and p < .08:
            out = self.r_again()
            if out:
                return out
        if not first and p < .12:
            return self.r_talk('thanks')
        count = lambda gs, key: sum(len(g) for g in gs if g[0].key == key)
        keys = {g[0].key: g[0] for g in ga + gb}
        FIRST = ['The first picture.'], ['第一张。']
        SECOND = ['The second picture.'], ['第二张。']
        def which(one, en='', zh=''):
            n_en, n_zh = ('first', '第一张') if one else ('second', '第二张')
            return self.pick([f'The {n_en} picture.'] + ([f'The {n_en} picture {en}.'] if en else []), [f'{n_zh}。'] + ([f'{n_zh}图{zh}。'] if zh else [])), \
                K([n_en], [n_zh], ['second' if one else 'first'], ['第二张' if one else '第一张'])
        for _ in range(10):
            p = r.random()
            item = keys[r.choice(list(keys))]
            a, b = count(ga, item.key), count(gb, item.key)
            if p < .22 and a != b and max(a, b) > 1 and (not item.thing or item.thing.countable):
                say, key = which(a > b, f'has more {self.slots(item, "en")["xs"]}', f'的{bare(item, "zh")}更多')
                return self.ask('which_more', **self.slots(item)), say, key, 'pair'
            if p < .42 and bool(a) != bool(b):
                say, key = which(a > 0, f'shows {counted([item], "en")}', f'里有{bare(item, "zh")}')
                return self.ask('which_has', **self.slots(item)), say, key, 'pair'
            if p < .65:
                one = r.random() < .5
                gs = ga if one else gb
                return self.ask('first' if one else 'second'), self.a_pair_part(gs, one), names_key([g[0] for g in gs]), 'pair'
            if p < .75:
                both = [g[0] for g in ga if count(gb, g[0].key)]
                if len(ga) == 1 and len(gb) == 1 and r.random() < .6:
                    same = ga[0][0].key == gb[0][0].key
                    ta, tb = ga[0][0], gb[0][0]
                    if same:
                        s_en, s_zh = self.slots(ta, 'en')['xs'], bare(ta, 'zh')
                        return self.ask('same'), self.pick([f'Yes, both show {s_en}.'], [f'是的，都是{s_zh}。']), YES, 'pair'
                    return self.ask('same'), self.pick([f'No, the first shows {counted(ga[0], "en")}, the second {counted(gb[0], "en")}.'],
                                                       [f'不是，第一张是{counted(ga[0], "zh")}，第二张是{counted(gb[0], "zh")}。']), NO, 'pair'
                if not both:
                    return self.ask('both'), self.pick(['Nothing is in both pictures.', 'They have nothing in common.'], ['没有相同的东西。', '两张图没有共同的东西。']), K(['nothing'], ['没有']), 'pair'
                text = {l: joined([the(i, l) for i in both], l) for l in ('en', 'zh')}
                return self.ask('both'), self.pick([f'Both show {text["en"]}.', f'{cap(text["en"])}.'], [f'都有{text["zh"]}。', f'两张图都有{text["zh"]}。']), names_key(both), 'pair'
            ta, tb = ({l: joined([counted(g, l) for g in gs], l) for l in ('en', 'zh')} for gs in (ga, gb))
            return self.ask('two'), self.pick([f'The first picture shows {ta["en"]}. The second shows {tb["en"]}.'], [f'第一张图里有{ta["zh"]}，第二张图里有{tb["zh"]}。']), \
                names_key([g[0] for g in ga + gb]), 'pair'
        return self.r_talk('can')

    def a_pair_part(self, gs, one):
        def say(lang):
            text = joined([counted(g, lang) for g in gs], lang)
            if lang == 'en':
                return f'The {"first" if one else "second"} picture shows {text}.'
            return f'第{"一" if one else "二"}张图里有{text}。'
        return say

    def rounds(self, n):
        """n rounds of (question, answer, key, task, language of the answer)."""
        out = []
        while len(out) < n:
            if not self.clean and out and self.r.random() < .08:
                self.lang = 'zh' if self.lang == 'en' else 'en'
            for _ in range(3):      # the same question twice teaches nothing new
                q, say, key, task = self.next_pair(not out) if self.second else self.next_round(not out)
                mark = (task, str(key))
                if mark not in self.done or task == 'switch':
                    break
            self.done.add(mark)
            text = say(self.lang)
            out.append((q, text, key, task, self.lang))
            if task not in ('talk', 'sure', 'wrong', 'poem', 'story', 'title'):
                self.last, self.last_key, self.last_kind, self.last_text = say, key, task, text
            elif task == 'talk':
                self.last = None
        return out


def merge(key, item):
    k = {n: v if isinstance(v, bool) else list(v) for n, v in key.items()}
    more = names_key([item], False)
    k['en'] += more['en']
    k['zh'] += more['zh']
    return k


def pair_scenes(world, r):
    """Two pictures worth comparing: alike with a difference, or simply different."""
    p = r.random()
    if p < .3:
        t = r.choice(world.countable)
        a = scenes.counting(world, r, t, r.randint(1, 5))
        b = scenes.counting(world, r, t, r.randint(1, 5))
    elif p < .6:
        a = scenes.single(world, r)
        b = scenes.single(world, r, a.items[0].thing if r.random() < .25 else None)
    elif p < .8:
        a, b = scenes.several(world, r, 1, 3), scenes.several(world, r, 1, 3)
        if r.random() < .7:       # share one
            b = scenes.Scene()
            b.kind = 'several'
            keep = [i.thing for i in a.items if i.thing][:2]
            things = keep + [t for t in scenes.pick_things(world, r, 2) if all(scenes.far(world, t, [k]) and t is not k for k in keep)][:r.randint(0, 1)]
            st = scenes.squash(r)
            scenes.paint_ground(world, b, r)
            for t, (cx, cy, side) in zip(things, scenes.places(r, len(things), .22, .55, st)):
                scenes.put_thing(world, b, r, t, cx, cy, side, st)
    else:
        a, b = scenes.figures(world, r, r.randint(1, 3)), scenes.figures(world, r, r.randint(1, 3))
    return a, b
