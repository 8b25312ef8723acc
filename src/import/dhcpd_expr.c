/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions of dhcpd.conf, by recursive descent over words. A client is known here by its architecture (option 93), vendor
 * class (60) and user class (77) only; everything else makes a condition unknown. Pure.
 */
#include "import/dhcpd_expr.h"

#include <string.h>
#include <strings.h>

#define VALUE_MAX 256
#define MAX_NESTING 32

struct value {
        bool known;
        size_t size;
        uint8_t bytes[VALUE_MAX];
};

struct expr {
        const struct brace_word *next, *end;
        const struct import_client *client;
        dhcpd_option_code code;
        const void *arg;
        unsigned nesting;
        bool bad; /* syntax that is not understood */
};

static enum truth ask_or(struct expr *x);

static bool
at_word(const struct expr *x, const char *word)
{
        return x->next < x->end && !x->next->quoted && strcasecmp(x->next->text, word) == 0;
}

static bool
take(struct expr *x, const char *word)
{
        if (!at_word(x, word))
                return false;
        x->next++;
        return true;
}

static void
want(struct expr *x, const char *word)
{
        if (!take(x, word))
                x->bad = true;
}

/* ---- data ---- */

static void
set_text(struct value *v, const char *text)
{
        v->size = strnlen(text, VALUE_MAX);
        memcpy(v->bytes, text, v->size);
        v->known = true;
}

/* What the client sends as option @code; false: it sends none, or it is not known whether. */
static bool
client_option(const struct import_client *c, unsigned code, struct value *ret)
{
        switch (code) {
        case 60:
                set_text(ret, c->vendor_class);
                return true;
        case 77:
                set_text(ret, c->user_class ?: "");
                return true;
        case 93:
                *ret = (struct value){.known = true, .size = 2, .bytes = {(uint8_t)(c->arch >> 8), (uint8_t)c->arch}};
                return true;
        default:
                return false;
        }
}

static void
option_value(struct expr *x, struct value *ret)
{
        if (x->next >= x->end) {
                x->bad = true;
                return;
        }
        client_option(x->client, x->code(x->arg, x->next->text), ret);
        x->next++;
}

/* "00:07", "7f" */
static bool
hex_value(const char *text, struct value *ret)
{
        ret->size = 0;
        while (ret->size < VALUE_MAX) {
                size_t digits = strspn(text, "0123456789abcdefABCDEF");
                char pair[3] = {digits == 2 ? text[0] : '0', digits == 2 ? text[1] : text[0], '\0'};

                if (digits < 1 || digits > 2)
                        return false;
                if (parse_hex(pair, &ret->bytes[ret->size++], 1) < 0)
                        return false;
                text += digits;
                if (!*text)
                        return ret->known = true;
                if (*text++ != ':')
                        return false;
        }
        return false;
}

static size_t
number(struct expr *x)
{
        uint32_t n = 0;

        if (x->next >= x->end || parse_u32(x->next->text, VALUE_MAX, &n) < 0)
                x->bad = true;
        else
                x->next++;
        return n;
}

static void data(struct expr *x, struct value *ret);

static void
substring(struct expr *x, struct value *ret)
{
        size_t offset, length;

        want(x, "(");
        data(x, ret);
        want(x, ",");
        offset = number(x);
        want(x, ",");
        length = number(x);
        want(x, ")");
        if (offset > ret->size)
                offset = ret->size;
        if (length > ret->size - offset)
                length = ret->size - offset;
        memmove(ret->bytes, ret->bytes + offset, length);
        ret->size = length;
}

static void
suffix(struct expr *x, struct value *ret)
{
        size_t length;

        want(x, "(");
        data(x, ret);
        want(x, ",");
        length = number(x);
        want(x, ")");
        if (length > ret->size)
                length = ret->size;
        memmove(ret->bytes, ret->bytes + ret->size - length, length);
        ret->size = length;
}

static void
lower(struct expr *x, struct value *ret)
{
        want(x, "(");
        data(x, ret);
        want(x, ")");
        for (size_t i = 0; i < ret->size; i++)
                if (ret->bytes[i] >= 'A' && ret->bytes[i] <= 'Z')
                        ret->bytes[i] = (uint8_t)(ret->bytes[i] + 'a' - 'A');
}

static void
data(struct expr *x, struct value *ret)
{
        static const struct {
                const char *word;
                void (*read)(struct expr *x, struct value *ret);
        } forms[] = {{"option", option_value}, {"substring", substring}, {"suffix", suffix}, {"lcase", lower}};

        *ret = (struct value){0};
        if (x->bad || x->next >= x->end || x->nesting >= MAX_NESTING) {
                x->bad = true;
                return;
        }
        x->nesting++;
        for (size_t i = 0; i < N_ELEMENTS(forms); i++)
                if (take(x, forms[i].word)) {
                        forms[i].read(x, ret);
                        x->nesting--;
                        return;
                }
        if (x->next->quoted)
                set_text(ret, x->next->text);
        else if (!hex_value(x->next->text, ret))
                x->bad = true;
        x->next++;
        x->nesting--;
}

/* ---- truth ---- */

static enum truth
opposite(enum truth t)
{
        return t == TRUTH_UNKNOWN ? t : t == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

static enum truth
ask_exists(struct expr *x)
{
        const char *name = x->next < x->end ? x->next->text : "";
        struct value v = {0};

        if (!*name) {
                x->bad = true;
                return TRUTH_UNKNOWN;
        }
        x->next++;
        if (strncmp(name, "ipxe.", 5) == 0 || strncmp(name, "gpxe.", 5) == 0)
                return x->client->user_class ? TRUTH_TRUE : TRUTH_FALSE;
        if (!client_option(x->client, x->code(x->arg, name), &v))
                return TRUTH_UNKNOWN;
        return v.size > 0 ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth
ask_comparison(struct expr *x)
{
        struct value a, b;
        bool equal, negated = false;

        data(x, &a);
        if (take(x, "!="))
                negated = true;
        else
                want(x, "=");
        data(x, &b);
        if (x->bad || !a.known || !b.known)
                return TRUTH_UNKNOWN;
        equal = a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
        return equal != negated ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth
ask_one(struct expr *x)
{
        enum truth t;

        if (x->bad || x->nesting >= MAX_NESTING) {
                x->bad = true;
                return TRUTH_UNKNOWN;
        }
        x->nesting++;
        if (take(x, "not")) {
                t = opposite(ask_one(x));
        } else if (take(x, "(")) {
                t = ask_or(x);
                want(x, ")");
        } else if (take(x, "exists")) {
                t = ask_exists(x);
        } else if (take(x, "known") || take(x, "static")) {
                t = TRUTH_TRUE; /* only hosts with a declaration are asked for */
        } else {
                t = ask_comparison(x);
        }
        x->nesting--;
        return t;
}

static enum truth
ask_and(struct expr *x)
{
        enum truth t = ask_one(x);

        while (take(x, "and")) {
                enum truth other = ask_one(x);

                t = t == TRUTH_FALSE || other == TRUTH_FALSE       ? TRUTH_FALSE
                    : t == TRUTH_UNKNOWN || other == TRUTH_UNKNOWN ? TRUTH_UNKNOWN
                                                                   : TRUTH_TRUE;
        }
        return t;
}

static enum truth
ask_or(struct expr *x)
{
        enum truth t = ask_and(x);

        while (take(x, "or")) {
                enum truth other = ask_and(x);

                t = t == TRUTH_TRUE || other == TRUTH_TRUE         ? TRUTH_TRUE
                    : t == TRUTH_UNKNOWN || other == TRUTH_UNKNOWN ? TRUTH_UNKNOWN
                                                                   : TRUTH_FALSE;
        }
        return t;
}

enum truth
dhcpd_expr_ask(const struct brace_word *words, size_t n_words, const struct import_client *client, dhcpd_option_code code,
               const void *arg)
{
        struct expr x = {.next = words, .end = words + n_words, .client = client, .code = code, .arg = arg};
        enum truth t = ask_or(&x);

        return x.bad || x.next != x.end ? TRUTH_UNKNOWN : t;
}
