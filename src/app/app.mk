noinst_LIBRARIES += libapp.a
libapp_a_SOURCES = src/app/app.h src/app/app.c
