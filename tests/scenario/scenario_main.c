/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a scenario script: words of a line by blanks, "..." keeps blanks, '#' begins a comment. One TAP line at the end. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "scenario_script.h"

_Noreturn void
script_fail(const struct script *s, const char *fmt, ...)
{
        va_list ap;

        fprintf(stderr, "%s:%u: ", s->file, s->line);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
        printf("not ok 1 - %s\n", s->file);
        world_deinit((struct world *)&s->world);
        exit(1);
}

const char *
script_option(char **w, int n, const char *key, const char *or_else)
{
        size_t length = strlen(key);

        for (int i = 0; i < n; i++)
                if (!strncmp(w[i], key, length) && w[i][length] == '=')
                        return w[i] + length + 1;
        return or_else;
}

uint64_t
script_number(const struct script *s, const char *text)
{
        uint64_t number;

        if (parse_u64(text, UINT64_MAX, &number))
                script_fail(s, "'%s' is no number", text);
        return number;
}

const char *
script_token(const struct script *s, const char *name)
{
        for (unsigned i = s->n_tokens; i-- > 0;)
                if (!strcmp(s->tokens[i].name, name))
                        return s->tokens[i].text;
        script_fail(s, "there is no token '%s'", name);
}

static const json_t *
follow(const json_t *json, char *path, size_t *ret_count)
{
        char *part, *save = NULL;

        for (part = strtok_r(path, ".", &save); part && json; part = strtok_r(NULL, ".", &save)) {
                if (!strcmp(part, "#")) {
                        *ret_count = json_array_size(json);
                        return json;
                }
                json = json_is_array(json) ? json_array_get(json, strtoul(part, NULL, 10)) : json_object_get(json, part);
        }
        return json;
}

static void
value_text(const json_t *value, size_t count, char *buf, size_t size)
{
        if (count != SIZE_MAX)
                snprintf(buf, size, "%zu", count);
        else if (json_is_string(value))
                snprintf(buf, size, "%s", json_string_value(value));
        else if (json_is_integer(value))
                snprintf(buf, size, "%lld", (long long)json_integer_value(value));
        else if (json_is_boolean(value))
                snprintf(buf, size, "%s", json_is_true(value) ? "true" : "false");
        else
                snprintf(buf, size, "%s", json_is_null(value) ? "null" : value ? "(a list or an object)" : "(nothing)");
}

void
script_check_json(const struct script *s, const json_t *json, char **w, int n)
{
        char path[200], text[2000];
        const json_t *value;
        size_t count, length;

        for (int i = 0; i < n; i++) {
                length = strcspn(w[i], "=~");
                if (!w[i][length])
                        continue;
                snprintf(path, sizeof(path), "%.*s", (int)length, w[i]);
                count = SIZE_MAX;
                value = follow(json, path, &count);
                value_text(value, count, text, sizeof(text));
                if (w[i][length] == '=' ? strcmp(text, w[i] + length + 1) != 0 : !strstr(text, w[i] + length + 1))
                        script_fail(s, "expected %s, but it is '%s'", w[i], text);
        }
}

const json_t *
script_expect_reply(const struct script *s, uint64_t request, unsigned status, const char *code)
{
        struct reply *reply = world_reply((struct world *)&s->world, request);
        const json_t *error;
        const char *got;
        char *text;

        if (!reply)
                script_fail(s, "no reply");
        error = json_object_get(reply->body, "error");
        got = json_string_value(json_object_get(error, "code"));
        if (reply->status == status && (!code || (got && !strcmp(got, code))))
                return reply->body;
        text = json_dumps(reply->body, 0);
        script_fail(s, "expected status %u %s, but it is %u: %s", status, code ? code : "", reply->status, text);
}

static int
split(const struct script *s, char *line, char **words)
{
        int n = 0;

        for (;;) {
                while (isspace((unsigned char)*line))
                        line++;
                if (!*line || *line == '#')
                        return n;
                if (n == MAX_WORDS)
                        script_fail(s, "more than %d words", MAX_WORDS);
                if (*line == '"') {
                        words[n++] = ++line;
                        line += strcspn(line, "\"");
                        if (!*line)
                                script_fail(s, "a quote is not closed");
                } else {
                        words[n++] = line;
                        while (*line && !isspace((unsigned char)*line)) {
                                if (*line == '"') /* key="a value" */
                                        line += 1 + strcspn(line + 1, "\"");
                                if (*line)
                                        line++;
                        }
                }
                if (*line)
                        *line++ = '\0';
        }
}

/* key="a value" becomes key=a value, and \\xNN a byte. */
static void
unquote(char *word)
{
        char *to = word;

        for (; *word; word++) {
                if (!strncmp(word, "\\x", 2) && isxdigit((unsigned char)word[2]) && isxdigit((unsigned char)word[3])) {
                        *to++ = (char)strtol((char[]){word[2], word[3], '\0'}, NULL, 16);
                        word += 3;
                } else if (*word != '"') {
                        *to++ = *word;
                }
        }
        *to = '\0';
}

static const struct command *
find_command(const char *name)
{
        const struct command *const tables[] = {scenario_commands, scenario_agent_commands, scenario_enrol_commands,
                                                scenario_keep_commands};

        for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
                for (const struct command *c = tables[t]; c->name; c++)
                        if (!strcmp(c->name, name))
                                return c;
        return NULL;
}

static void
run_line(struct script *s, char *line)
{
        const struct command *command;
        char *words[MAX_WORDS];
        int n = split(s, line, words);

        if (n == 0)
                return;
        for (int i = 1; i < n; i++)
                unquote(words[i]);
        command = find_command(words[0]);
        if (!command)
                script_fail(s, "there is no command '%s'", words[0]);
        if (n - 1 < command->min_words)
                script_fail(s, "'%s' wants %d words", words[0], command->min_words);
        command->run(s, words + 1, n - 1);
}

int
main(int argc, char **argv)
{
        struct script *s = calloc(1, sizeof(*s));
        char line[1000];
        FILE *f;

        if (argc != 2 || !(f = fopen(argv[1], "re"))) {
                fprintf(stderr, "usage: scenario SCRIPT\n");
                return 2;
        }
        log_init("scenario", getenv("SCENARIO_LOG") ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR);
        setenv("TZ", "UTC", 1); /* timetables in scripts */
        tzset();
        s->file = argv[1];
        world_init(&s->world);
        printf("1..1\n");
        while (fgets(line, sizeof(line), f)) {
                s->line++;
                run_line(s, line);
        }
        fclose(f);
        world_deinit(&s->world);
        printf("ok 1 - %s\n", argv[1]);
        free(s);
        return 0;
}
