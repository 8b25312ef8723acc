/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the API by libcurl. A server is found by --server, DOMPOOL_SERVER, the usual socket or that of a running lab, in
 * this order.
 *
 * TLS: with a fingerprint the server's certificate must be exactly that one. libcurl can pin public keys only, so the first
 * connection sends nothing, compares the certificate, and pins its key for the requests that follow; the token leaves on those
 * only. Runs in: dompool.
 */
#include "ctl/ctl_http.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"
#include "base/rec_json.h"
#include "model/host.h"
#include "net/tls_stream.h"

#define ANSWER_MAX (64u << 20)
#define TOKEN_MAX 512
#define PATIENCE_S 5
#define RETRY_MS 300
#define CONNECT_TIMEOUT_S 10L

struct ctl_http {
        CURL *curl;
        char socket_path[256]; /* empty: TLS */
        char url[300];         /* "https://host:port" or "http://dompool" */
        char authorization[TOKEN_MAX + 32];
        bool has_fingerprint;
        uint8_t fingerprint[SHA256_SIZE];
        char pin[80]; /* "sha256//…" of the public key, once the certificate has been compared */
};

struct answer {
        char *data;
        size_t size;
};

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int sig)
{
        (void)sig;
        interrupted = 1;
}

void
ctl_catch_interrupt(void)
{
        const struct sigaction sa = {.sa_handler = on_interrupt};

        interrupted = 0;
        sigaction(SIGINT, &sa, NULL);
}

bool
ctl_interrupted(void)
{
        return interrupted != 0;
}

int
ctl_name(const char *what, const char *text, struct error *err)
{
        size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

        if (n == 0 || n > 64 || text[n] != '\0' || text[0] == '.')
                return error_set(err, ERR_USAGE, "'%.80s' is no name of %s: 1 to 63 of [a-zA-Z0-9._-], a letter or digit first",
                                 text, what);
        return 0;
}

bool
ctl_machine(const char *text, char ret[NAME_SIZE])
{
        struct mac mac;

        str_copy(ret, NAME_SIZE, text);
        if (parse_mac(text, &mac) < 0)
                return false;
        for (char *p = mac_text(&mac, ret); *p; p++)
                *p = *p == ':' ? '-' : *p;
        return true;
}

int
ctl_image_name(const char *text, char ret[CTL_IMAGE_SIZE], struct error *err)
{
        str_copy(ret, CTL_IMAGE_SIZE, text); /* all 64 digits of an id: without the last it means the same */
        if (image_name_ok(ret) && strlen(text) <= CTL_IMAGE_SIZE)
                return 0;
        return error_set(err, ERR_USAGE,
                         "'%.80s' is no image: a name, NAME:current, NAME:previous or the beginning of a version's id", text);
}

/* ---- where the server is ---- */

static const char *
option_or_env(const struct ctl *c, enum ctl_option o, const char *env)
{
        const char *value = c->opt[o] ?: getenv(env);

        return value && value[0] ? value : NULL;
}

static const char *
server_address(const struct ctl *c)
{
        const char *given = option_or_env(c, OPT_SERVER, "DOMPOOL_SERVER");

        if (given)
                return given;
        if (access(CTL_DEFAULT_SOCKET, F_OK) < 0 && access(CTL_LAB_SOCKET, F_OK) == 0) {
                if (isatty(STDERR_FILENO))
                        fprintf(stderr, "(the server of the running lab, unix:%s)\n", CTL_LAB_SOCKET);
                return "unix:" CTL_LAB_SOCKET;
        }
        return "unix:" CTL_DEFAULT_SOCKET;
}

static int
read_token(struct ctl_http *h, const char *file, struct error *err)
{
        _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
        char token[TOKEN_MAX + 1] = "";
        ssize_t n;

        if (fd < 0)
                return error_errno_set(err, errno, "token file %s", file);
        n = read(fd, token, TOKEN_MAX);
        if (n < 0)
                return error_errno_set(err, errno, "token file %s", file);
        token[strcspn(token, " \t\r\n")] = '\0';
        if (token[0] == '\0')
                return error_set(err, ERR_CONFIG, "token file %s is empty", file);
        snprintf(h->authorization, sizeof(h->authorization), "Authorization: Bearer %s", token);
        return 0;
}

static int
set_server(struct ctl_http *h, const char *address, struct error *err)
{
        if (strncmp(address, "unix:", 5) == 0) {
                if (!str_copy(h->socket_path, sizeof(h->socket_path), address + 5) || !h->socket_path[0])
                        return error_set(err, ERR_USAGE, "server '%s': no path of a socket", address);
                str_copy(h->url, sizeof(h->url), "http://dompool");
                return 0;
        }
        if (strncmp(address, "https://", 8) == 0 && address[8] && !strpbrk(address + 8, "/?# @")) {
                if (!str_copy(h->url, sizeof(h->url), address))
                        return error_set(err, ERR_USAGE, "server: the address is too long");
                return 0;
        }
        return error_set(err, ERR_USAGE, "server '%s': unix:/path or https://host:port is wanted", address);
}

static int
http_new(struct ctl *c, struct error *err)
{
        const char *token_file = option_or_env(c, OPT_TOKEN_FILE, "DOMPOOL_TOKEN_FILE");
        const char *fingerprint = option_or_env(c, OPT_FINGERPRINT, "DOMPOOL_FINGERPRINT");
        struct ctl_http *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return error_errno_set(err, ENOMEM, "client");
        c->http = h;
        r = set_server(h, server_address(c), err);
        if (r == 0 && token_file)
                r = read_token(h, token_file, err);
        if (r == 0 && fingerprint) {
                h->has_fingerprint = true;
                if (parse_hex(fingerprint, h->fingerprint, sizeof(h->fingerprint)) < 0)
                        r = error_set(err, ERR_USAGE,
                                      "fingerprint: 64 hex digits are wanted; see 'dompool server show' on the server");
        }
        return r;
}

void
ctl_http_free(struct ctl_http *h)
{
        if (!h)
                return;
        if (h->curl)
                curl_easy_cleanup(h->curl);
        free(h);
}

const char *
ctl_http_authorization(struct ctl *c)
{
        return c->http && c->http->authorization[0] ? c->http->authorization : NULL;
}

/* ---- one handle, set up ---- */

static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
        (void)arg;
        (void)a;
        (void)b;
        (void)d;
        (void)e;
        return interrupted;
}

static CURL *
handle_new(const struct ctl_http *h)
{
        CURL *curl = curl_easy_init();

        if (!curl)
                return NULL;
        curl_easy_setopt(curl, CURLOPT_URL, h->url);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        if (h->socket_path[0])
                curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, h->socket_path);
        if (h->has_fingerprint) {
                curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
                curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
                curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
        }
        if (h->pin[0])
                curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, h->pin);
        return curl;
}

static int
curl_error(const struct ctl_http *h, CURLcode code, struct error *err)
{
        const char *server = h->socket_path[0] ? h->socket_path : h->url;

        if (code == CURLE_ABORTED_BY_CALLBACK)
                return error_set(err, ERR_CANCELLED, "interrupted");
        if (code == CURLE_COULDNT_CONNECT && h->socket_path[0] && access(h->socket_path, F_OK) < 0)
                return error_set(err, ERR_UNREACHABLE,
                                 "no server: %s does not exist; start dompoold, or name another with --server", server);
        if (code == CURLE_COULDNT_CONNECT && h->socket_path[0] && access(h->socket_path, W_OK) < 0)
                return error_set(err, ERR_DENIED, "%s: you may not use this socket; be root or a member of the api-group",
                                 server);
        if (code == CURLE_PEER_FAILED_VERIFICATION)
                return error_set(err, ERR_DENIED,
                                 "%s: its certificate is not trusted; give its SHA-256 with --fingerprint "
                                 "('dompool server show' on the server prints it)",
                                 server);
        if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
                return error_set(err, ERR_DENIED, "%s: it has another key than a moment ago", server);
        return error_set(err, ERR_UNREACHABLE, "%s: %s", server, curl_easy_strerror(code));
}

/* ---- pinning ---- */

static int
make_pin(struct ctl_http *h, const char *pem)
{
        gnutls_datum_t cert = {.data = (unsigned char *)pem, .size = (unsigned)strlen(pem)}, spki = {0}, text = {0};
        gnutls_x509_crt_t crt = NULL;
        gnutls_pubkey_t key = NULL;
        uint8_t digest[SHA256_SIZE];
        int r;

        if ((r = gnutls_x509_crt_init(&crt)) < 0 || (r = gnutls_x509_crt_import(crt, &cert, GNUTLS_X509_FMT_PEM)) < 0 ||
            (r = gnutls_pubkey_init(&key)) < 0 || (r = gnutls_pubkey_import_x509(key, crt, 0)) < 0 ||
            (r = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki)) < 0)
                goto out;
        digest_sha256(spki.data, spki.size, digest);
        r = gnutls_base64_encode2(&(gnutls_datum_t){.data = digest, .size = sizeof(digest)}, &text);
        if (r >= 0)
                snprintf(h->pin, sizeof(h->pin), "sha256//%.*s", (int)text.size, text.data);
out:
        gnutls_free(text.data);
        gnutls_free(spki.data);
        if (key)
                gnutls_pubkey_deinit(key);
        if (crt)
                gnutls_x509_crt_deinit(crt);
        return r;
}

/* The server's own certificate as PEM; belongs to @curl. */
static const char *
peer_certificate(CURL *curl)
{
        struct curl_certinfo *info = NULL;

        if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || !info || info->num_of_certs < 1)
                return NULL;
        for (const struct curl_slist *line = info->certinfo[0]; line; line = line->next)
                if (strncmp(line->data, "Cert:", 5) == 0)
                        return line->data + 5;
        return NULL;
}

static int
check_certificate(struct ctl_http *h, CURL *curl, struct error *err)
{
        const char *pem = peer_certificate(curl);
        uint8_t seen[SHA256_SIZE];
        int r;

        if (!pem)
                return error_set(err, ERR_PROTOCOL, "%s: no certificate", h->url);
        r = tls_certificate_fingerprint(pem, strlen(pem), seen, err);
        if (r < 0)
                return r;
        if (!digest_equal(seen, h->fingerprint, sizeof(seen)))
                return error_set(err, ERR_DENIED, "%s: its certificate is not the one of --fingerprint", h->url);
        if (make_pin(h, pem) < 0)
                return error_set(err, ERR_PROTOCOL, "%s: its certificate cannot be read", h->url);
        return 0;
}

int
ctl_http_connect(struct ctl *c, CURL **ret, struct error *err)
{
        int r = c->http ? 0 : http_new(c, err);
        CURLcode code;
        CURL *curl;

        if (r < 0)
                return r;
        curl = handle_new(c->http);
        if (!curl)
                return error_errno_set(err, ENOMEM, "client");
        curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
        code = curl_easy_perform(curl);
        if (code != CURLE_OK)
                r = curl_error(c->http, code, err);
        else if (c->http->has_fingerprint && !c->http->socket_path[0])
                r = check_certificate(c->http, curl, err);
        if (r < 0) {
                curl_easy_cleanup(curl);
                return r;
        }
        *ret = curl;
        return 0;
}

/* The handle of all requests; keeps its connection. */
static int
http_open(struct ctl *c, struct error *err)
{
        struct ctl_http *h;
        int r = c->http ? 0 : http_new(c, err);

        if (r < 0)
                return r;
        h = c->http;
        if (h->has_fingerprint && !h->socket_path[0] && !h->pin[0]) {
                CURL *first = NULL;

                r = ctl_http_connect(c, &first, err);
                if (r < 0)
                        return r;
                curl_easy_cleanup(first);
        }
        if (!h->curl)
                h->curl = handle_new(h);
        return h->curl ? 0 : error_errno_set(err, ENOMEM, "client");
}

/* ---- a request ---- */

void
ctl_path(struct ctl_request *q, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(q->path, sizeof(q->path), fmt, ap);
        va_end(ap);
}

static size_t
on_data(char *data, size_t size, size_t n, void *arg)
{
        struct answer *a = arg;
        char *grown;

        (void)size; /* always 1 */
        if (a->size + n > ANSWER_MAX || !(grown = realloc(a->data, a->size + n + 1)))
                return 0;
        memcpy(grown + a->size, data, n);
        a->data = grown;
        a->size += n;
        grown[a->size] = '\0';
        return n;
}

int
ctl_http_error(const json_t *answer, long status, struct error *err)
{
        const json_t *e = json_object_get(answer, "error");
        const char *code = json_string_value(json_object_get(e, "code"));
        const char *message = json_string_value(json_object_get(e, "message"));

        if (!code || !message)
                return error_set(err, ERR_PROTOCOL, "the server answered with status %ld and no reason", status);
        return error_set(err, error_from_text(code), "%s", message);
}

static struct curl_slist *
request_headers(const struct ctl_http *h, const char *key)
{
        struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
        char line[100];

        list = curl_slist_append(list, "Expect:"); /* bodies are small: no round trip for 100 Continue */
        if (h->authorization[0])
                list = curl_slist_append(list, h->authorization);
        if (key[0]) {
                snprintf(line, sizeof(line), "Idempotency-Key: %s", key);
                list = curl_slist_append(list, line);
        }
        return list;
}

/* Once. 0 and the answer, whatever its status; or what libcurl says. */
static int
perform(struct ctl_http *h, const struct ctl_request *q, const char *body, const char *key, json_t **ret, long *ret_status,
        struct error *err)
{
        struct answer a = {0};
        struct curl_slist *headers = request_headers(h, key);
        char url[sizeof(h->url) + sizeof(q->path)];
        CURLcode code;
        int r = 0;

        snprintf(url, sizeof(url), "%s%s", h->url, q->path);
        curl_easy_setopt(h->curl, CURLOPT_URL, url);
        curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, q->method);
        curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &a);
        if (strcmp(q->method, "GET") == 0)
                curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
        else
                curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body ?: "");
        code = curl_easy_perform(h->curl);
        curl_slist_free_all(headers);
        if (code != CURLE_OK) {
                r = curl_error(h, code, err);
        } else {
                curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, ret_status);
                *ret = json_parse(a.data ?: "", a.size, ANSWER_MAX, err);
                if (!*ret)
                        r = error_set(err, ERR_PROTOCOL, "the server answered with status %ld and no JSON", *ret_status);
        }
        free(a.data);
        return r;
}

static void
make_key(const struct ctl_request *q, char key[33])
{
        uint8_t bytes[16];

        key[0] = '\0';
        if (strcmp(q->method, "POST") != 0)
                return;
        digest_random(bytes, sizeof(bytes));
        hex_text(bytes, sizeof(bytes), key);
}

static int64_t
now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
ctl_http_send(struct ctl *c, const struct ctl_request *q, json_t **ret, struct error *err)
{
        _cleanup_free_ char *body = q->body ? json_text(q->body) : NULL;
        int64_t end = now_ms() + (int64_t)(q->patience_s ?: PATIENCE_S) * 1000;
        char key[33];

        make_key(q, key);
        for (;;) {
                json_t *answer = NULL;
                curl_off_t retry_after = 0;
                long status = 0;
                int r = http_open(c, err);

                if (r == 0)
                        r = perform(c->http, q, body, key, &answer, &status, err);
                if (r == 0 && status < 300) {
                        *ret = answer;
                        return 0;
                }
                if (r == 0)
                        r = ctl_http_error(answer, status, err);
                json_decref(answer);
                if (status)
                        curl_easy_getinfo(c->http->curl, CURLINFO_RETRY_AFTER, &retry_after);
                /* A server whose core is being restarted says Retry-After; one that does not answer at all is waited for only
                 * on demand. */
                if (err->code != ERR_UNREACHABLE || now_ms() >= end || (status ? retry_after == 0 : q->patience_s == 0))
                        return r;
                usleep(RETRY_MS * 1000);
                if (interrupted)
                        return error_set(err, ERR_CANCELLED, "interrupted");
        }
}

int
ctl_get(struct ctl *c, json_t **ret, struct error *err, const char *fmt, ...)
{
        struct ctl_request q = {.method = "GET"};
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(q.path, sizeof(q.path), fmt, ap);
        va_end(ap);
        return ctl_http_send(c, &q, ret, err);
}
