dist_man_MANS = man/ivchat.1 man/ivchat-session.5
