# demo: the model that comes with the program: answers with the right words (corpus), numbers as PyTorch recorded them
TESTS += tests/demo/corpus.py tests/demo/first_try.py
EXTRA_DIST += tests/demo/corpus.py tests/demo/first_try.py tests/demo/corpus.tsv tests/demo/conversations.json tests/demo/visual.safetensors \
	tests/demo/pictures/00-single.jpg tests/demo/pictures/01-single.jpg tests/demo/pictures/02-single.png tests/demo/pictures/03-single.jpg \
	tests/demo/pictures/04-single.jpg tests/demo/pictures/05-single.jpg tests/demo/pictures/06-single.jpg tests/demo/pictures/07-single.jpg \
	tests/demo/pictures/08-single.jpg tests/demo/pictures/09-single.jpg tests/demo/pictures/10-single.png tests/demo/pictures/11-single.png \
	tests/demo/pictures/12-several.jpg tests/demo/pictures/13-several.jpg tests/demo/pictures/14-several.png tests/demo/pictures/15-several.jpg \
	tests/demo/pictures/16-several.jpg tests/demo/pictures/17-several.jpg tests/demo/pictures/18-several.jpg tests/demo/pictures/19-several.jpg \
	tests/demo/pictures/20-count.jpg tests/demo/pictures/21-count.jpg tests/demo/pictures/22-count.png tests/demo/pictures/23-count.jpg \
	tests/demo/pictures/24-count.jpg tests/demo/pictures/25-count.jpg tests/demo/pictures/26-figures.png tests/demo/pictures/27-figures.png \
	tests/demo/pictures/28-figures.png tests/demo/pictures/29-figures.png tests/demo/pictures/30-figures.png tests/demo/pictures/31-figures.png \
	tests/demo/pictures/32-figures.png tests/demo/pictures/33-text.png tests/demo/pictures/34-text.png tests/demo/pictures/35-text.png \
	tests/demo/pictures/36-text.png tests/demo/pictures/37-text.jpg tests/demo/pictures/38-text.jpg tests/demo/pictures/39-text.png
check_PROGRAMS += demo_recorded
TESTS += demo_recorded
demo_recorded_SOURCES = tests/demo/recorded.c
demo_recorded_CPPFLAGS = $(TEST_CPPFLAGS) $(JANSSON_CFLAGS)
demo_recorded_LDADD = libpicture.a $(ENGINE_LIBS) libbase.a $(JANSSON_LIBS) $(UTF8PROC_LIBS) $(NETTLE_LIBS) $(BLAS_LIBS) \
	$(JPEG_LIBS) $(WEBP_LIBS) $(CMOCKA_LIBS) $(CUDA_LIBS) -lm
