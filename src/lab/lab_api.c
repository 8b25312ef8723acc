/* SPDX-License-Identifier: Apache-2.0 */
/* GET requests to the room's API socket, by libcurl. Runs in the command-line client. */
#include "lab/lab_api.h"

#include <curl/curl.h>
#include <string.h>

#include "base/cleanup.h"
#include "lab/lab_interrupt.h"

#define ANSWER_MAX (8u << 20)
#define ANSWER_TIMEOUT_S 30L

struct answer {
        char *data;
        size_t size;
};

static size_t
on_data(char *data, size_t one, size_t n, void *arg)
{
        struct answer *a = arg;
        char *more;

        (void)one; /* always 1 */
        if (a->size + n > ANSWER_MAX)
                return 0;
        more = realloc(a->data, a->size + n + 1);
        if (!more)
                return 0;
        a->data = more;
        memcpy(a->data + a->size, data, n);
        a->size += n;
        return n;
}

/* libcurl calls this at least once a second, also while a long poll is silent. */
static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
        (void)arg;
        (void)a;
        (void)b;
        (void)c;
        (void)d;
        return lab_interrupted();
}

static int
server_error(json_t *json, long status, const char *path, struct error *err)
{
        const char *code = NULL, *message = NULL;

        if (json_unpack(json, "{s:{s:s, s:s}}", "error", "code", &code, "message", &message) < 0)
                return error_set(err, ERR_PROTOCOL, "the server answered %ld to GET %s, without JSON", status, path);
        return error_set(err, error_from_text(code), "%s", message);
}

static int
parse_answer(const struct answer *a, long status, const char *path, json_t **ret, struct error *err)
{
        json_t *json = a->data ? json_loadb(a->data, a->size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        int r = 0;

        if (status == 200 && json)
                *ret = json_incref(json);
        else
                r = server_error(json, status, path, err);
        json_decref(json);
        return r;
}

int
lab_api_get(const struct lab_room *room, const char *path, json_t **ret, struct error *err)
{
        char socket[LAB_PATH_SIZE], url[LAB_PATH_SIZE];
        struct answer answer = {0};
        CURL *curl = curl_easy_init();
        long status = 0;
        CURLcode c;
        int r;

        if (!curl)
                return error_set(err, ERR_NO_SPACE, "out of memory");
        snprintf(url, sizeof(url), "http://dompool%s", path);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, lab_room_path(room, socket, "run/api.sock"));
        curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says */
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_TIMEOUT_S);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
        c = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(curl);
        if (lab_interrupted())
                r = error_set(err, ERR_CANCELLED, "interrupted");
        else if (c != CURLE_OK)
                r = error_set(err, ERR_UNREACHABLE, "%s does not answer: %s", socket, curl_easy_strerror(c));
        else
                r = parse_answer(&answer, status, path, ret, err);
        free(answer.data);
        return r;
}
