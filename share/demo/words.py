"""What the demo model knows about things: names, plurals, kinds, uses. One place, both languages."""
import csv

# Figures and colours ---------------------------------------------------------------------------------------------

SHAPES = [('circle', '圆形'), ('square', '正方形'), ('triangle', '三角形'), ('star', '五角星'), ('heart', '心形'),
          ('diamond', '菱形'), ('pentagon', '五边形'), ('hexagon', '六边形'), ('cross', '十字'), ('ring', '圆环'),
          ('arrow', '箭头'), ('crescent', '月牙')]

COLOURS = [('red', '红色'), ('orange', '橙色'), ('yellow', '黄色'), ('green', '绿色'), ('blue', '蓝色'), ('purple', '紫色'),
           ('pink', '粉色'), ('brown', '棕色'), ('black', '黑色'), ('white', '白色'), ('grey', '灰色')]
COLOUR_ZH = dict(COLOURS)

# Boxes in HSV (hue in degrees, the rest 0..1) with gaps between them, so that no label is a matter of taste.
HSV = {'red': ((-8, 6), (.8, 1), (.72, 1)), 'orange': ((23, 33), (.85, 1), (.92, 1)), 'yellow': ((48, 58), (.75, 1), (.92, 1)),
       'green': ((95, 150), (.55, 1), (.45, .85)), 'blue': ((205, 236), (.65, 1), (.6, 1)),
       'purple': ((268, 288), (.5, .95), (.45, .85)), 'pink': ((322, 342), (.3, .6), (.95, 1)),
       'brown': ((18, 28), (.6, .85), (.33, .5)), 'black': ((0, 360), (0, .3), (0, .1)), 'white': ((0, 360), (0, .04), (.97, 1)),
       'grey': ((0, 360), (0, .06), (.42, .66))}

# Nouns -----------------------------------------------------------------------------------------------------------

PHOTO_ONLY = [('asparagus', '芦笋', '根', 'food'), ('beet', '甜菜', '个', 'food'), ('bell pepper', '彩椒', '个', 'food'),
              ('cabbage', '卷心菜', '棵', 'food'), ('ginger', '姜', '块', 'food'), ('grapefruit', '西柚', '个', 'food'),
              ('leek', '韭葱', '根', 'food'), ('lime', '青柠', '个', 'food'), ('nectarine', '油桃', '个', 'food'),
              ('papaya', '木瓜', '个', 'food'), ('passion fruit', '百香果', '个', 'food'), ('plum', '李子', '个', 'food'),
              ('pomegranate', '石榴', '个', 'food'), ('tangerine', '橘子', '个', 'food'), ('zucchini', '西葫芦', '个', 'food'),
              ('dragonfly', '蜻蜓', '只', 'animal'), ('piano', '钢琴', '架', 'music'), ('starfish', '海星', '只', 'animal')]

PLURAL_FORM = set('grapes cherries pancakes peanuts glasses sunglasses jeans socks gloves scissors scales chopsticks headphones'
                  .split()) | {'french fries', 'piano keys', 'paw prints', 'noodles'}
MASS = set('bread cheese meat bacon salad popcorn rice spaghetti sushi chocolate candy honey milk coffee tea wine beer corn '
           'broccoli garlic lightning fire clover asparagus ginger'.split())
IRREGULAR = {'wolf': 'wolves', 'mouse': 'mice', 'ox': 'oxen', 'sheep': 'sheep', 'deer': 'deer', 'fish': 'fish', 'shrimp': 'shrimp',
             'squid': 'squid', 'pufferfish': 'pufferfish', 'starfish': 'starfish', 'maple leaf': 'maple leaves', 'knife': 'knives',
             'tooth': 'teeth', 'foot': 'feet', 'dice': 'dice', 'scarf': 'scarves', 'mango': 'mangoes', 'potato': 'potatoes',
             'tomato': 'tomatoes', 'volcano': 'volcanoes', 'octopus': 'octopuses', 'cactus': 'cactuses', 'bus': 'buses',
             'hibiscus': 'hibiscuses', 'bow and arrow': 'bows and arrows', 'walrus': 'walruses', 'die': 'dice'}


def plural(en):
    if en in IRREGULAR:
        return IRREGULAR[en]
    if en in PLURAL_FORM or en in MASS:
        return en
    if en.startswith('face with'):
        return 'faces' + en[4:]
    if en.endswith(('s', 'x', 'ch', 'sh')):
        return en + 'es'
    if en.endswith('y') and en[-2] not in 'aeiou':
        return en[:-1] + 'ies'
    return en + 's'


def article(en):
    return 'an' if en[0].lower() in 'aeiou' and not en.startswith(('unicorn', 'one')) else 'a'


class Thing:
    """A concept: what it is called and how it is counted."""

    def __init__(self, index, en, zh, measure, category):
        self.index, self.en, self.zh, self.measure, self.category = index, en, zh, measure, category
        self.many = plural(en)
        self.mass, self.pair = en in MASS, en in PLURAL_FORM
        self.countable = not (self.mass or self.pair) and category != 'body'
        self.some = en if self.mass or self.pair else f'{article(en)} {en}'
        self.one = f'some {en}' if self.mass or self.pair else self.some
        self.kind = None            # (en with article, zh)
        self.use = None             # (en, zh)


KINDS = '''
fruit|水果|melon watermelon orange lemon banana pineapple mango apple pear peach cherries strawberry kiwi grapes coconut avocado grapefruit lime nectarine papaya passion_fruit plum pomegranate tangerine
vegetable|蔬菜|tomato eggplant potato carrot corn chili_pepper cucumber broccoli garlic onion asparagus beet bell_pepper cabbage ginger leek zucchini
bird|鸟|turkey chicken chick bird penguin dove eagle duck swan owl flamingo peacock parrot
insect|昆虫|butterfly caterpillar ant bee ladybug dragonfly
sea animal|海洋动物|whale dolphin fish pufferfish shark octopus shell crab lobster shrimp squid starfish
reptile|爬行动物|crocodile turtle lizard snake dinosaur
drink|饮料|milk coffee tea wine cocktail beer drink_cup
sweet|甜食|ice_cream donut cookie cake cupcake chocolate candy lollipop pudding honey
flower|花|bouquet cherry_blossom rose hibiscus sunflower daisy tulip
tool|工具|hammer wrench axe saw ladder broom bucket flashlight scissors ruler
musical instrument|乐器|guitar violin drum trumpet saxophone piano_keys piano
ball|球|soccer_ball basketball football baseball volleyball billiard_ball
machine|机器|radio television camera phone telephone laptop computer keyboard printer game_controller
weapon|武器|sword bomb bow_and_arrow
building|建筑|house castle hospital school factory church tower
ship|船|ship sailboat speedboat
tree|树|pine_tree tree palm_tree Christmas_tree
face|脸|smiling_face crying_face angry_face surprised_face sleeping_face face_with_heart_eyes laughing_face scared_face thinking_face face_with_sunglasses sick_face
'''
CATEGORY_KIND = {'animal': ('animal', '动物'), 'food': ('food', '食物'), 'plant': ('plant', '植物'), 'vehicle': ('vehicle', '交通工具'),
                 'place': ('place', '地方'), 'sky': ('thing in nature', '自然事物'), 'object': ('object', '物品'),
                 'sport': ('sports thing', '运动用品'), 'music': ('music thing', '音乐用品'), 'clothing': ('thing to wear', '穿戴用品'),
                 'body': ('part of the body', '身体部位'), 'fantasy': ('fantasy figure', '幻想形象'), 'face': ('face', '脸')}

USES = '''
hammer|hit nails|敲钉子
wrench|turn bolts|拧螺丝
axe|chop wood|砍木头
saw|cut wood|锯木头
ladder|climb up|爬高
broom|sweep the floor|扫地
bucket|carry water|提水
scissors|cut paper|剪纸
ruler|measure length|量长度
key|open a lock|开锁
lock|keep a door shut|锁门
pencil|write and draw|写字和画画
pen|write|写字
crayon|draw|画画
paintbrush|paint|画画
palette|mix paint|调颜料
book|read|看书
newspaper|read the news|看新闻
envelope|send a letter|寄信
box|keep things|装东西
basket|carry things|装东西
paperclip|hold paper together|夹纸
pushpin|pin paper to a wall|钉纸
umbrella|stay dry in the rain|挡雨
candle|give light|照明
light bulb|give light|照明
flashlight|see in the dark|照明
battery|give power|供电
phone|talk to people|打电话
telephone|talk to people|打电话
laptop|work and play|工作和娱乐
computer|work and play|工作和娱乐
keyboard|type|打字
printer|print pages|打印
camera|take photos|拍照
television|watch shows|看节目
radio|listen to music|听音乐
headphones|listen to music|听音乐
microphone|sing and speak|唱歌和讲话
game controller|play games|玩游戏
microscope|see tiny things|看微小的东西
telescope|look at the stars|看星星
syringe|give medicine|打针
pill|treat illness|治病
thermometer|measure temperature|量温度
door|go in and out|进出
bed|sleep|睡觉
chair|sit|坐
bathtub|take a bath|洗澡
toilet|go to the toilet|上厕所
toothbrush|brush teeth|刷牙
alarm clock|wake up|叫醒人
watch|tell the time|看时间
hourglass|measure time|计时
compass|find the way|指方向
scales|weigh things|称重
magnet|pull iron|吸铁
glasses|see better|看得更清楚
sunglasses|keep the sun out of your eyes|遮阳光
hat|keep the head warm|戴在头上
cap|keep the sun off|遮太阳
crown|wear as a king|给国王戴
shoe|walk|走路
boot|walk in the rain|雨天走路
socks|keep feet warm|保暖
gloves|keep hands warm|保暖
scarf|keep the neck warm|保暖
coat|keep warm|保暖
backpack|carry books|装书
handbag|carry small things|装小东西
suitcase|travel|旅行
lipstick|colour the lips|涂嘴唇
credit card|pay|付钱
money bag|keep money|装钱
shopping cart|carry shopping|装商品
spoon|eat soup|喝汤
knife|cut food|切东西
chopsticks|eat|吃饭
teapot|make tea|泡茶
baby bottle|feed a baby|喂宝宝
anchor|hold a ship|固定船
traffic light|direct traffic|指挥交通
shield|protect|保护自己
sword|fight|战斗
guitar|make music|演奏音乐
violin|make music|演奏音乐
drum|make music|演奏音乐
trumpet|make music|演奏音乐
saxophone|make music|演奏音乐
piano|make music|演奏音乐
bell|ring|发出响声
soccer ball|play soccer|踢足球
basketball|play basketball|打篮球
baseball|play baseball|打棒球
volleyball|play volleyball|打排球
football|play football|打橄榄球
tennis racket|play tennis|打网球
badminton racket|play badminton|打羽毛球
ping pong paddle|play ping pong|打乒乓球
fishing rod|catch fish|钓鱼
kite|fly it in the wind|在风中放飞
dice|play games|玩游戏
balloon|decorate a party|装饰聚会
gift|make someone happy|让人开心
trophy|reward the winner|奖励胜者
medal|reward the winner|奖励胜者
tent|sleep outdoors|在野外睡觉
ambulance|take sick people to hospital|送病人去医院
fire truck|put out fires|灭火
police car|carry police|载警察
taxi|ride in town|在城里载客
bus|carry many people|载很多人
truck|carry goods|运货
tractor|work in the fields|在田里干活
bicycle|ride|骑行
train|travel|旅行
airplane|fly|飞行
helicopter|fly|飞行
rocket|fly into space|飞向太空
car|drive|开车出行
'''
FLIES = set('bat bird dove eagle duck swan owl parrot flamingo butterfly bee ladybug dragonfly airplane helicopter rocket kite balloon '
            'dragon'.split()) | {'flying saucer'}


def load_things(path):
    """All concepts: those with drawings first (their ids are the table's), then those known from photographs only."""
    things = []
    for row in csv.DictReader(open(path, encoding='utf-8'), delimiter='\t'):
        things.append(Thing(int(row['id']), row['en'], row['zh'], row['measure_word'], row['category']))
    for en, zh, measure, category in PHOTO_ONLY:
        things.append(Thing(len(things), en, zh, measure, category))
    by_name = {t.en: t for t in things}
    for t in things:
        t.kind = CATEGORY_KIND[t.category]
    for line in KINDS.strip().split('\n'):
        en, zh, names = line.split('|')
        for name in names.split():
            by_name[name.replace('_', ' ')].kind = (en, zh)
    for line in USES.strip().split('\n'):
        name, en, zh = line.split('|')
        by_name[name].use = (en, zh)
    return things


# Words to read -----------------------------------------------------------------------------------------------------

READ = '''HOUSE TIGER APPLE WATER LIGHT MUSIC RIVER STONE GREEN BLACK WHITE BREAD HEART EARTH CLOUD STORM BEACH OCEAN PLANT GRASS
TRAIN PLANE TRUCK HORSE SHEEP MOUSE ZEBRA EAGLE SNAKE WHALE SHARK CAMEL PANDA KOALA LEMON MANGO PEACH GRAPE MELON ONION SALAD PIZZA
SUGAR HONEY JUICE CANDY CHAIR TABLE CLOCK PHONE RADIO PAPER BRUSH KNIFE SPOON PLATE GLASS DRESS SHIRT SHOES WATCH CROWN QUEEN KING
CAT DOG COW PIG FOX BEE ANT OWL BAT HEN RAT SUN SKY SEA ICE AIR MAP BOX BAG CUP PEN KEY BED BUS CAR VAN BOY GIRL MAN WOMAN BABY
OPEN STOP EXIT PUSH PULL LEFT RIGHT NORTH SOUTH EAST WEST HELLO WORLD PEACE LOVE HOPE LUCK GOOD NICE FINE COOL WARM COLD HOT NEW
OLD BIG SMALL FAST SLOW HIGH LOW DAY NIGHT WEEK MONTH YEAR TIME HOME SCHOOL SHOP BANK PARK ZOO FARM ROAD CITY TOWN BRIDGE TOWER
CASTLE GARDEN FOREST DESERT ISLAND WINTER SUMMER SPRING AUTUMN SUNDAY MONDAY FRIDAY ORANGE BANANA CHERRY CARROT TOMATO POTATO
RABBIT MONKEY DRAGON SPIDER TURTLE PARROT PENGUIN DOLPHIN GIRAFFE LION BEAR WOLF DEER GOAT DUCK FROG FISH CRAB BIRD TREE LEAF ROSE
SEED ROOT RAIN SNOW WIND FIRE STAR MOON MARS GOLD SILVER IRON WOOD SAND ROCK HILL LAKE POND BOAT SHIP SAIL ROCKET ROBOT ENGINE
WHEEL MOTOR BIKE TAXI METRO TICKET MONEY PRICE SALE FREE GIFT CAKE TEA MILK COFFEE BEER WINE SOUP RICE MEAT EGG HAM PIE JAM NUT
BOOK PAGE STORY POEM SONG DANCE PIANO VIOLIN GUITAR DRUM BELL HORN GAME BALL CHESS CARD DICE KITE DOLL TOY PAINT COLOR BLUE RED
PINK BROWN YELLOW PURPLE HAPPY SAD ANGRY BRAVE SMART QUIET LOUD SWEET SOUR FRESH CLEAN DIRTY SHARP ROUND SQUARE CIRCLE ONE TWO
THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ZERO FIRST LAST NEXT YES NO MAYBE PLEASE THANKS SORRY WELCOME DANGER CAUTION CLOSED
OFFICE HOTEL CAFE DOCTOR NURSE TEACHER STUDENT FRIEND FAMILY MOTHER FATHER SISTER BROTHER UNCLE AUNT HAND FOOT HEAD HAIR EYE EAR
NOSE MOUTH TOOTH ARM LEG KNEE BACK DOOR WINDOW WALL FLOOR ROOF LAMP SOFA DESK BATH SOAP TOWEL COMB COAT HAT SCARF GLOVE SOCK BOOT
BELT RING PEARL JEWEL MAGIC GHOST WITCH FAIRY ANGEL GIANT DWARF PIRATE KNIGHT SWORD SHIELD ARROW BOW SPEAR'''.split()
CHINESE = '''中国 人口 日月 水火 山石 花草 鱼鸟 牛羊 猫狗 红花 黄牛 蓝天 绿茶 黑白 你好 学校 家门 书画 飞鸟 东西 南北 春风 夏雨 秋风
冬雪 星光 手心 手足 耳目 米饭 茶叶 水果 西瓜 白糖 黄金 白银 出门 早晚 今天 明天 今年 时光 男女 父母 王子 文字 音乐 毛笔 大刀 上衣
大人 小人 大小 上下 左右 天地 土地 田地 小猫 小狗 大马 飞天 火车 水手 开门 开车 出国 入口 出口 山水 风雨 雨水 木门 石门 金鱼 红茶
大米 小学 大学 学生 中学 门口 天空 月光 日出 雪山 火山 花木 书'''.split()
