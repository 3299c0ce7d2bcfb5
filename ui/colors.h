/* colors.h: what a person says of colours, over the theme. Pure. */
#ifndef UI_COLORS_H
#define UI_COLORS_H

#include "ui/theme.h"

/* NULL: nothing was said. */
void
colors_apply(const struct ui_colors *colors, enum theme_role role, struct theme_look *look);

#endif
