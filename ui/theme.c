/* theme.c: see theme.h. Three tables, a row a role. Colours are of the 256: the 6x6x6 cube from 16, greys from 232, so
 * that they are the same whatever palette the terminal has for the first sixteen. */
#include "config.h"

#include "ui/theme.h"


static const struct theme_look dark[N_ROLES] = {
	[ROLE_TEXT]           = { -1, -1, false, false, false, false, false },
	[ROLE_USER]           = { 110, -1, true, false, false, false, false },
	[ROLE_ANSWER]         = { 150, -1, true, false, false, false, false },
	[ROLE_NOTE]           = { 245, -1, false, false, false, false, false },
	[ROLE_ERROR]          = { 203, -1, false, false, false, false, false },
	[ROLE_RULE]           = { 240, -1, false, false, false, false, false },
	[ROLE_MARK]           = { 179, -1, false, false, false, false, false },
	[ROLE_PICTURE]        = { 245, -1, false, false, false, false, false },
	[ROLE_BAR]            = { 67, -1, false, false, false, false, false },
	[ROLE_BAR_HERE]       = { 221, -1, true, false, false, false, false },
	[ROLE_FOUND]          = { 16, 180, false, false, false, false, false },
	[ROLE_FOUND_HERE]     = { 16, 221, true, false, false, false, false },
	[ROLE_HEADING1]       = { 223, -1, true, false, true, false, false },
	[ROLE_HEADING2]       = { 223, -1, true, false, false, false, false },
	[ROLE_HEADING3]       = { 223, -1, false, false, false, false, false },
	[ROLE_EMPH]           = { -1, -1, false, false, false, false, true },
	[ROLE_STRONG]         = { -1, -1, true, false, false, false, false },
	[ROLE_STRIKE]         = { 245, -1, false, false, false, false, false },
	[ROLE_LINK]           = { 110, -1, false, false, true, false, false },
	[ROLE_URL]            = { 245, -1, false, false, false, false, false },
	[ROLE_REF]            = { 150, -1, false, false, true, false, false },
	[ROLE_MATH]           = { 152, -1, false, false, false, false, false },
	[ROLE_LIST]           = { 249, -1, false, false, false, false, false },
	[ROLE_QUOTE]          = { 240, -1, false, false, false, false, false },
	[ROLE_LINE]           = { 240, -1, false, false, false, false, false },
	[ROLE_CODE]           = { 187, -1, false, false, false, false, false },
	[ROLE_CODE_NAME]      = { 243, -1, false, false, false, false, false },
	[ROLE_CODE_KEYWORD]   = { 110, -1, false, false, false, false, false },
	[ROLE_CODE_STRING]    = { 150, -1, false, false, false, false, false },
	[ROLE_CODE_COMMENT]   = { 245, -1, false, false, false, false, false },
	[ROLE_CODE_NUMBER]    = { 179, -1, false, false, false, false, false },
	[ROLE_CODE_ADDED]     = { 114, -1, false, false, false, false, false },
	[ROLE_CODE_REMOVED]   = { 174, -1, false, false, false, false, false },
	[ROLE_STATUS]         = { 249, 236, false, false, false, false, false },
	[ROLE_STATUS_NAME]    = { 255, 236, true, false, false, false, false },
	[ROLE_STATUS_STATE]   = { 150, 236, false, false, false, false, false },
	[ROLE_STATUS_WARM]    = { 221, 236, false, false, false, false, false },
	[ROLE_STATUS_HOT]     = { 203, 236, true, false, false, false, false },
	[ROLE_STATUS_PRIVATE] = { 176, 236, true, false, false, false, false },
	[ROLE_STATUS_BELOW]   = { 110, 236, true, false, false, false, false },
	[ROLE_STATUS_MODE]    = { 16, 110, true, false, false, false, false },
	[ROLE_CHIP]           = { 110, -1, false, false, false, false, false },
	[ROLE_FLASH]          = { 221, -1, false, false, false, false, false },
	[ROLE_PROMPT]         = { 110, -1, true, false, false, false, false },
	[ROLE_INPUT]          = { -1, -1, false, false, false, false, false },
	[ROLE_CONTROL]        = { 179, -1, false, false, false, false, false },
	[ROLE_MATCH]          = { 249, 236, false, false, false, false, false },
	[ROLE_MATCH_HERE]     = { 255, 24, false, false, false, false, false },
	[ROLE_TITLE]          = { 255, 236, true, false, false, false, false },
	[ROLE_ITEM]           = { -1, -1, false, false, false, false, false },
	[ROLE_ITEM_HERE]      = { 255, 24, false, false, false, false, false },
	[ROLE_FILTER]         = { 221, 236, false, false, false, false, false },
	[ROLE_HINT]           = { 245, -1, false, false, false, false, false },
	[ROLE_KEY]            = { 110, -1, false, false, false, false, false },
	[ROLE_RULE_TEXT]      = { 245, -1, false, false, false, false, false },
};

static const struct theme_look light[N_ROLES] = {
	[ROLE_TEXT]           = { -1, -1, false, false, false, false, false },
	[ROLE_USER]           = { 25, -1, true, false, false, false, false },
	[ROLE_ANSWER]         = { 28, -1, true, false, false, false, false },
	[ROLE_NOTE]           = { 243, -1, false, false, false, false, false },
	[ROLE_ERROR]          = { 160, -1, false, false, false, false, false },
	[ROLE_RULE]           = { 250, -1, false, false, false, false, false },
	[ROLE_MARK]           = { 130, -1, false, false, false, false, false },
	[ROLE_PICTURE]        = { 243, -1, false, false, false, false, false },
	[ROLE_BAR]            = { 67, -1, false, false, false, false, false },
	[ROLE_BAR_HERE]       = { 130, -1, true, false, false, false, false },
	[ROLE_FOUND]          = { 232, 223, false, false, false, false, false },
	[ROLE_FOUND_HERE]     = { 232, 215, true, false, false, false, false },
	[ROLE_HEADING1]       = { 94, -1, true, false, true, false, false },
	[ROLE_HEADING2]       = { 94, -1, true, false, false, false, false },
	[ROLE_HEADING3]       = { 94, -1, false, false, false, false, false },
	[ROLE_EMPH]           = { -1, -1, false, false, false, false, true },
	[ROLE_STRONG]         = { -1, -1, true, false, false, false, false },
	[ROLE_STRIKE]         = { 243, -1, false, false, false, false, false },
	[ROLE_LINK]           = { 25, -1, false, false, true, false, false },
	[ROLE_URL]            = { 243, -1, false, false, false, false, false },
	[ROLE_REF]            = { 28, -1, false, false, true, false, false },
	[ROLE_MATH]           = { 24, -1, false, false, false, false, false },
	[ROLE_LIST]           = { 243, -1, false, false, false, false, false },
	[ROLE_QUOTE]          = { 250, -1, false, false, false, false, false },
	[ROLE_LINE]           = { 250, -1, false, false, false, false, false },
	[ROLE_CODE]           = { 58, -1, false, false, false, false, false },
	[ROLE_CODE_NAME]      = { 245, -1, false, false, false, false, false },
	[ROLE_CODE_KEYWORD]   = { 25, -1, false, false, false, false, false },
	[ROLE_CODE_STRING]    = { 28, -1, false, false, false, false, false },
	[ROLE_CODE_COMMENT]   = { 243, -1, false, false, false, false, false },
	[ROLE_CODE_NUMBER]    = { 130, -1, false, false, false, false, false },
	[ROLE_CODE_ADDED]     = { 28, -1, false, false, false, false, false },
	[ROLE_CODE_REMOVED]   = { 124, -1, false, false, false, false, false },
	[ROLE_STATUS]         = { 238, 254, false, false, false, false, false },
	[ROLE_STATUS_NAME]    = { 232, 254, true, false, false, false, false },
	[ROLE_STATUS_STATE]   = { 28, 254, false, false, false, false, false },
	[ROLE_STATUS_WARM]    = { 130, 254, false, false, false, false, false },
	[ROLE_STATUS_HOT]     = { 160, 254, true, false, false, false, false },
	[ROLE_STATUS_PRIVATE] = { 90, 254, true, false, false, false, false },
	[ROLE_STATUS_BELOW]   = { 25, 254, true, false, false, false, false },
	[ROLE_STATUS_MODE]    = { 255, 25, true, false, false, false, false },
	[ROLE_CHIP]           = { 25, -1, false, false, false, false, false },
	[ROLE_FLASH]          = { 130, -1, false, false, false, false, false },
	[ROLE_PROMPT]         = { 25, -1, true, false, false, false, false },
	[ROLE_INPUT]          = { -1, -1, false, false, false, false, false },
	[ROLE_CONTROL]        = { 130, -1, false, false, false, false, false },
	[ROLE_MATCH]          = { 238, 254, false, false, false, false, false },
	[ROLE_MATCH_HERE]     = { 255, 25, false, false, false, false, false },
	[ROLE_TITLE]          = { 232, 254, true, false, false, false, false },
	[ROLE_ITEM]           = { -1, -1, false, false, false, false, false },
	[ROLE_ITEM_HERE]      = { 255, 25, false, false, false, false, false },
	[ROLE_FILTER]         = { 130, 254, false, false, false, false, false },
	[ROLE_HINT]           = { 243, -1, false, false, false, false, false },
	[ROLE_KEY]            = { 25, -1, false, false, false, false, false },
	[ROLE_RULE_TEXT]      = { 243, -1, false, false, false, false, false },
};

static const struct theme_look mono[N_ROLES] = {
	[ROLE_TEXT]           = { -1, -1, false, false, false, false, false },
	[ROLE_USER]           = { -1, -1, true, false, false, false, false },
	[ROLE_ANSWER]         = { -1, -1, true, false, true, false, false },
	[ROLE_NOTE]           = { -1, -1, false, true, false, false, false },
	[ROLE_ERROR]          = { -1, -1, true, false, false, false, false },
	[ROLE_RULE]           = { -1, -1, false, true, false, false, false },
	[ROLE_MARK]           = { -1, -1, false, true, false, false, false },
	[ROLE_PICTURE]        = { -1, -1, false, true, false, false, false },
	[ROLE_BAR]            = { -1, -1, false, false, false, false, false },
	[ROLE_BAR_HERE]       = { -1, -1, true, false, false, false, false },
	[ROLE_FOUND]          = { -1, -1, false, false, true, false, false },
	[ROLE_FOUND_HERE]     = { -1, -1, true, false, false, true, false },
	[ROLE_HEADING1]       = { -1, -1, true, false, true, false, false },
	[ROLE_HEADING2]       = { -1, -1, true, false, false, false, false },
	[ROLE_HEADING3]       = { -1, -1, false, false, true, false, false },
	[ROLE_EMPH]           = { -1, -1, false, false, false, false, true },
	[ROLE_STRONG]         = { -1, -1, true, false, false, false, false },
	[ROLE_STRIKE]         = { -1, -1, false, true, false, false, false },
	[ROLE_LINK]           = { -1, -1, false, false, true, false, false },
	[ROLE_URL]            = { -1, -1, false, true, false, false, false },
	[ROLE_REF]            = { -1, -1, false, false, true, false, false },
	[ROLE_MATH]           = { -1, -1, false, false, false, false, false },
	[ROLE_LIST]           = { -1, -1, false, true, false, false, false },
	[ROLE_QUOTE]          = { -1, -1, false, true, false, false, false },
	[ROLE_LINE]           = { -1, -1, false, true, false, false, false },
	[ROLE_CODE]           = { -1, -1, false, false, false, false, false },
	[ROLE_CODE_NAME]      = { -1, -1, false, true, false, false, false },
	[ROLE_CODE_KEYWORD]   = { -1, -1, true, false, false, false, false },
	[ROLE_CODE_STRING]    = { -1, -1, false, false, false, false, false },
	[ROLE_CODE_COMMENT]   = { -1, -1, false, true, false, false, false },
	[ROLE_CODE_NUMBER]    = { -1, -1, false, false, false, false, false },
	[ROLE_CODE_ADDED]     = { -1, -1, true, false, false, false, false },
	[ROLE_CODE_REMOVED]   = { -1, -1, false, true, false, false, false },
	[ROLE_STATUS]         = { -1, -1, false, false, false, true, false },
	[ROLE_STATUS_NAME]    = { -1, -1, true, false, false, true, false },
	[ROLE_STATUS_STATE]   = { -1, -1, false, false, false, true, false },
	[ROLE_STATUS_WARM]    = { -1, -1, false, false, true, true, false },
	[ROLE_STATUS_HOT]     = { -1, -1, true, false, true, true, false },
	[ROLE_STATUS_PRIVATE] = { -1, -1, true, false, false, true, false },
	[ROLE_STATUS_BELOW]   = { -1, -1, true, false, false, true, false },
	[ROLE_STATUS_MODE]    = { -1, -1, true, false, false, true, false },
	[ROLE_CHIP]           = { -1, -1, true, false, false, false, false },
	[ROLE_FLASH]          = { -1, -1, true, false, false, false, false },
	[ROLE_PROMPT]         = { -1, -1, true, false, false, false, false },
	[ROLE_INPUT]          = { -1, -1, false, false, false, false, false },
	[ROLE_CONTROL]        = { -1, -1, false, false, false, true, false },
	[ROLE_MATCH]          = { -1, -1, false, false, false, false, false },
	[ROLE_MATCH_HERE]     = { -1, -1, false, false, false, true, false },
	[ROLE_TITLE]          = { -1, -1, true, false, false, true, false },
	[ROLE_ITEM]           = { -1, -1, false, false, false, false, false },
	[ROLE_ITEM_HERE]      = { -1, -1, false, false, false, true, false },
	[ROLE_FILTER]         = { -1, -1, false, false, false, true, false },
	[ROLE_HINT]           = { -1, -1, false, true, false, false, false },
	[ROLE_KEY]            = { -1, -1, true, false, false, false, false },
	[ROLE_RULE_TEXT]      = { -1, -1, false, true, false, false, false },
};

const struct theme_look *
theme_look(enum ui_theme theme, bool color, enum theme_role role)
{
	if (!color || theme == UI_THEME_MONO)
		return &mono[role];
	return theme == UI_THEME_LIGHT ? &light[role] : &dark[role];
}

/* The colour as red, green, blue. */
static void
levels(short color, int rgb[3])
{
	static const int cube[6] = { 0, 95, 135, 175, 215, 255 };
	int at = color - 16;

	for (int i = 0; i < 3; i++)
		rgb[i] = color >= 232 ? 8 + (color - 232) * 10 : cube[(i == 0 ? at / 36 : i == 1 ? at / 6 : at) % 6];
}

/* The one of the first eight colours with the hue of one of the 256, or -1: greys and near greys have none. */
short
theme_hue(short color)
{
	int rgb[3], low = 255, high = 0;

	if (color < 16 || color >= 232)
		return color >= 1 && color < 7 ? color : -1;
	levels(color, rgb);
	for (int i = 0; i < 3; i++) {
		low = rgb[i] < low ? rgb[i] : low;
		high = rgb[i] > high ? rgb[i] : high;
	}
	if (high - low < 60)
		return -1;
	low = (low + high) / 2;
	return (short)((rgb[0] >= low) | (rgb[1] >= low) << 1 | (rgb[2] >= low) << 2);
}

struct theme_look
theme_few(enum ui_theme theme, enum theme_role role)
{
	struct theme_look look = mono[role];
	short hue = theme == UI_THEME_MONO ? -1 : theme_hue(theme_look(theme, true, role)->fg);

	if (hue > 0 && !look.reverse) {
		look.fg = hue;
		look.dim = false;
	}
	return look;
}
