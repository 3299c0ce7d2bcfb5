# conf: settings: one table of keys; the config file, presets, --set. Includes src/base only; cmd and app read it.
noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = src/conf/conf.h src/conf/conf.c src/conf/file.c src/conf/value.c src/conf/value.h src/conf/internal.h
