/*
 * One line of the control socket as a question.
 *
 * Whatever is wrong with the line is said in words and answered with the id
 * that could be read, or null. jansson refuses what is not UTF-8, a NUL in a
 * string and a key that stands twice.
 */
#include "station/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "station/text.h"

static int not_json(const json_error_t *e, char why[OL_WHY_MAX])
{
    switch (json_error_code(e)) {
    case json_error_invalid_utf8:
        return ol_fail(why, OL_EXIT_USAGE, "the request is not UTF-8: check "
                       "how the text was entered");
    case json_error_null_character:
        return ol_fail(why, OL_EXIT_USAGE, "the request holds a NUL "
                       "character: remove it");
    default:
        return ol_fail(why, OL_EXIT_USAGE, "the request is not JSON: %s",
                       e->text);
    }
}

int ol_rpc_parse(const char *line, size_t n, struct ol_rpc_call *call,
                 char why[OL_WHY_MAX])
{
    json_error_t e;
    const char *version;
    json_t *id, *params;

    memset(call, 0, sizeof(*call));
    call->whole = ol_rpc_plain(line, n);
    if (call->whole == NULL)
        call->whole = json_loadb(line, n, JSON_REJECT_DUPLICATES, &e);
    if (call->whole == NULL)
        return not_json(&e, why);
    if (!json_is_object(call->whole))
        return ol_fail(why, OL_EXIT_USAGE, "a request is one JSON object a "
                       "line; a batch is not taken");
    id = json_object_get(call->whole, "id");
    if (!json_is_integer(id) && !json_is_string(id))
        return ol_fail(why, OL_EXIT_USAGE, "every request needs an id, a "
                       "number or a string");
    call->id = id;
    version = json_string_value(json_object_get(call->whole, "jsonrpc"));
    if (version == NULL || strcmp(version, "2.0") != 0)
        return ol_fail(why, OL_EXIT_USAGE, "\"jsonrpc\" must be \"2.0\"");
    params = json_object_get(call->whole, "params");
    if (params != NULL && !json_is_object(params))
        return ol_fail(why, OL_EXIT_USAGE, "params must be an object of "
                       "named parameters");
    call->params = params;
    call->method = json_string_value(json_object_get(call->whole, "method"));
    if (call->method == NULL)
        return ol_fail(why, OL_EXIT_USAGE, "the method is missing");
    return OL_EXIT_OK;
}

void ol_rpc_free(struct ol_rpc_call *call)
{
    json_decref(call->whole);
    memset(call, 0, sizeof(*call));
}

/* The row of a parameter in a spec, at its colon; NULL: it has none. */
static const char *row(const char *spec, const char *name)
{
    size_t n = strlen(name);

    if (strchr(name, ' ') != NULL) /* it could be two rows */
        return NULL;
    for (const char *at = spec; at != NULL; at = strchr(at, ' ')) {
        while (*at == ' ')
            at++;
        if (strncmp(at, name, n) == 0 && at[n] == ':')
            return at + n;
    }
    return NULL;
}

static bool fits(const json_t *value, char type)
{
    switch (type) {
    case 's':
        return json_is_string(value);
    case 'b':
        return json_is_boolean(value);
    case 'a':
        return json_is_array(value);
    default:
        return json_is_integer(value) && json_integer_value(value) >= 0;
    }
}

static const char *type_name(char type)
{
    return type == 's' ? "a string"
           : type == 'b' ? "true or false"
           : type == 'a' ? "an array"
                         : "a whole number, not negative";
}

int ol_rpc_check(const json_t *params, const char *spec,
                 char why[OL_WHY_MAX])
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)params, key, value) {
        const char *at = row(spec, key);

        if (at == NULL)
            return ol_fail(why, OL_EXIT_USAGE, "no parameter \"%.64s\" here: "
                           "see doc/control.md", key);
        if (!fits(value, at[1]))
            return ol_fail(why, OL_EXIT_USAGE, "%s must be %s", key,
                           type_name(at[1]));
    }
    for (const char *at = strchr(spec, '!'); at; at = strchr(at + 1, '!')) {
        const char *from = at - 2; /* the colon, and back to the name */

        while (from > spec && from[-1] != ' ')
            from--;
        if (json_object_getn(params, from, (size_t)(at - 2 - from)) == NULL)
            return ol_fail(why, OL_EXIT_USAGE, "%.*s is missing",
                           (int)(at - 2 - from), from);
    }
    return OL_EXIT_OK;
}

void ol_rpc_begin(struct ol_out *o, const json_t *id, const char *what)
{
    ol_out_open(o, NULL, '{');
    ol_out_word(o, "jsonrpc", "2.0");
    if (id != NULL)
        ol_out_tree(o, "id", id);
    else
        ol_out_null(o, "id");
    ol_out_key(o, what);
}

void ol_rpc_error(struct ol_out *o, const json_t *id, int code,
                  const char *message)
{
    char text[OL_WHY_MAX];

    /* Words of the caller's may have been cut within a letter. */
    ol_text_put(text, sizeof(text), "%s", message);
    ol_text_mend(text);
    ol_rpc_begin(o, id, "error");
    ol_out_open(o, NULL, '{');
    ol_out_int(o, "code", code);
    ol_out_word(o, "message", text);
    ol_out_close(o, '}');
    ol_out_close(o, '}');
}
