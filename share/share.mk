# share: the bundled model and the pictures of a first try, installed; how they were made, for maintainers; and what the
# README shows.
modeldir = $(pkgdatadir)/model
dist_model_DATA = \
	share/model/added_tokens.json share/model/config.json share/model/generation_config.json \
	share/model/model-00001-of-00002.safetensors share/model/model-00002-of-00002.safetensors \
	share/model/model.safetensors.index.json share/model/preprocessor_config.json \
	share/model/special_tokens_map.json share/model/tokenizer.model share/model/tokenizer_config.json
picturesdir = $(pkgdatadir)/pictures
dist_pictures_DATA = \
	share/pictures/figures.png share/pictures/fox-and-apples.png share/pictures/red-star.png \
	share/pictures/sun-car-tree.png share/pictures/three-cats.png share/pictures/word-house.png
dist_pkgdata_DATA = share/NOTICE
EXTRA_DIST += \
	share/demo/README.md share/demo/batches.py share/demo/compose.py share/demo/evaluate.py \
	share/demo/export.py share/demo/golden.py share/demo/model.py share/demo/render.py share/demo/rhymes.py \
	share/demo/samples.py share/demo/scenes.py share/demo/talk.py share/demo/tokenizer.py share/demo/train.py \
	share/demo/words.py \
	share/screenshots/chat.png share/screenshots/chinese.png share/screenshots/picker.png \
	share/screenshots/reading.png share/screenshots/replay.png share/screenshots/sessions.png
