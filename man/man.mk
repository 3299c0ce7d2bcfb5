# Their tables are made from the program by man/update.
dist_man_MANS = man/ivchat.1 man/ivchat-config.5 man/ivchat-session.5
EXTRA_DIST += man/update
