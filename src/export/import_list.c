/* import_list.c: [{"role", "content"}, …], as chat services give and take it. Content is text, or a list of parts: texts
 * and image_url with data: URIs. */
#include "config.h"

#include "export/import.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

struct content {
	struct buf text;
	struct pic pics[64];
	int n_pics;
};

/* ---- pictures */

static struct pic
pic_of(const struct picture *p)
{
	struct pic pic = {
		.name = p->name, .type = (char *)p->type, .width = p->width, .height = p->height,
	};

	memcpy(pic.sha, p->sha, sizeof pic.sha);
	return pic;
}

/* The letters after "data:image/…;base64,", or NULL. */
static const char *
data_of(const char *uri)
{
	const char *comma = strchr(uri, ',');

	if (!comma || strncasecmp(uri, "data:image/", 11) != 0 || comma - uri < 7 ||
	    strncasecmp(comma - 7, ";base64", 7) != 0)
		return NULL;
	return comma + 1;
}

static int
add_picture(struct import *im, struct content *to, const char *place, const json_t *image)
{
	const json_t *url = json_is_object(image) ? json_object_get(image, "url") : image;
	const char *data = json_is_string(url) ? data_of(json_string_value(url)) : NULL;
	const struct picture *picture;
	char name[32];

	if (!data)
		return import_wrong(im, place, "only pictures as data:image/…;base64 can be imported: nothing is fetched");
	if (to->n_pics == (int)(sizeof to->pics / sizeof to->pics[0]))
		return import_wrong(im, place, "more than %d pictures in one message", to->n_pics);
	snprintf(name, sizeof name, "picture-%d", im->n_pictures + 1);
	picture = import_picture(im, place, name, data, strlen(data));
	if (!picture)
		return -1;
	to->pics[to->n_pics++] = pic_of(picture);
	return 0;
}

/* ---- messages */

static int
add_part(struct import *im, struct content *to, const char *place, const json_t *part)
{
	const json_t *text = json_object_get(part, "text"), *image = json_object_get(part, "image_url");

	if (image)
		return add_picture(im, to, place, image);
	if (!json_is_string(text))
		return import_wrong(im, place, "must be {\"type\": \"text\", \"text\": …} or {\"type\": \"image_url\", …}");
	if (to->text.n > 0)
		buf_char(&to->text, '\n');
	buf_add(&to->text, json_string_value(text), json_string_length(text));
	return 0;
}

static int
read_content(struct import *im, struct content *to, size_t at, const json_t *content)
{
	char place[64];
	json_t *part;
	size_t i;

	snprintf(place, sizeof place, "messages[%zu].content", at);
	if (json_is_string(content)) {
		buf_add(&to->text, json_string_value(content), json_string_length(content));
		return 0;
	}
	if (!json_is_array(content))
		return import_wrong(im, place, "must be text or a list of parts");
	json_array_foreach(content, i, part) {
		snprintf(place, sizeof place, "messages[%zu].content[%zu]", at, i);
		if (add_part(im, to, place, part) < 0)
			return -1;
	}
	return 0;
}

static int
add_message(struct import *im, size_t at, const char *role, const struct content *content)
{
	const char *text = buf_text(&content->text);
	char place[64];
	struct message *m;

	snprintf(place, sizeof place, "messages[%zu].role", at);
	if (strcmp(role, "user") == 0) {
		chat_add_user(im->chat, text, content->text.n, content->pics, content->n_pics);
		return 0;
	}
	if (content->n_pics > 0)
		return import_wrong(im, place, "only messages of \"user\" can have pictures");
	if (strcmp(role, "system") == 0) {
		chat_set_system(im->chat, text);
		return 0;
	}
	if (strcmp(role, "assistant") != 0)
		return import_wrong(im, place, "is \"%.40s\"; known are \"system\", \"user\", \"assistant\"", role);
	m = chat_add_answer(im->chat);
	message_set_text(m, text, content->text.n);
	m->stop = STOP_EOS;
	return 0;
}

static int
read_message(struct import *im, size_t at, const json_t *message)
{
	const char *role = json_string_value(json_object_get(message, "role"));
	struct content content = {0};
	char place[64];
	int rc;

	snprintf(place, sizeof place, "messages[%zu]", at);
	if (!role)
		return import_wrong(im, place, "must be {\"role\": …, \"content\": …}");
	rc = read_content(im, &content, at, json_object_get(message, "content"));
	if (rc == 0)
		rc = add_message(im, at, role, &content);
	buf_done(&content.text);
	return rc;
}

int
import_list(struct import *im, const json_t *list)
{
	json_t *message;
	size_t i;

	json_array_foreach(list, i, message)
		if (read_message(im, i, message) < 0)
			return -1;
	return 0;
}
