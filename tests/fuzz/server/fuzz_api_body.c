/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies of the API; the first byte chooses the route. What is taken must obey the limits that core relies on. */
#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "server/api_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
one_host(const char *text, size_t size)
{
        struct msg_api_host_put m = {0};
        struct error err;

        if (api_body_host(text, size, "n1", &m, &err) == 0)
                assert(strcmp(m.host.name, "n1") == 0 && !m.host.configured && !mac_zero(&m.host.mac));
}

static void
one_adopted(const char *text, size_t size)
{
        struct msg_api_host_put m = {0};
        struct error err;

        if (api_body_adopt(text, size, "52-54-00-00-00-01", &m, &err) == 0)
                assert((m.host.name[0] == '\0' || name_ok(m.host.name)) && !m.host.configured && m.host.mac.b[5] == 1);
}

static void
one_profile(const char *text, size_t size)
{
        struct msg_api_host_profile m = {0};
        struct error err;

        if (api_body_profile(text, size, "", &m, &err) == 0)
                assert(name_ok(m.profile) && (m.image[0] == '\0' || image_name_ok(m.image)));
        blob_clear(&m.hosts);
}

static void
one_what_if(const char *text, size_t size)
{
        static struct msg_api_what_if m; /* with room for a whole configuration */
        struct error err;

        if (api_body_what_if(text, size, &m, &err) == 0 && m.has_config)
                assert(m.config.network.prefix >= 8 && m.config.network.prefix <= 30);
        rec_clear(message_desc(MSG_API_WHAT_IF), &m);
}

static void
one_domain(const char *text, size_t size)
{
        static struct xlcfg_notes notes;
        struct msg_api_domain_create m = {0};
        struct error err;

        notes.n = 0;
        if (api_body_domain(text, size, &m, &notes, &err) == 0)
                assert(domain_config_check(&m.config, &err) == 0 && notes.n <= XLCFG_MAX_NOTES);
}

static void
one_action(const char *text, size_t size)
{
        struct msg_api_domain_action m = {0};
        struct error err;

        if (api_body_action(text, size, &m, &err) == 0)
                assert(m.timeout_seconds <= 86400);
}

static void
one_image(const char *text, size_t size)
{
        struct msg_api_name m = {0};
        struct error err;

        if (api_body_image(text, size, &m, &err) == 0)
                assert(name_ok(m.name));
}

static void
one_version(const char *text, size_t size)
{
        struct msg_api_image_change m = {0};
        struct error err;

        if (api_body_version(text, size, &m, &err) == 0)
                assert(image_name_ok(m.version));
}

static void
one_satellite(const char *text, size_t size)
{
        struct msg_api_satellite_add m = {0};
        struct error err;

        if (api_body_satellite(text, size, &m, &err) == 0)
                assert(name_ok(m.name) && (m.label[0] == '\0' || name_ok(m.label)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const routes[])(const char *, size_t) = {one_host,    one_profile, one_domain,  one_action,   one_image,
                                                               one_what_if, one_adopted, one_version, one_satellite};
        struct error err;

        if (size == 0)
                return 0;
        routes[(data[0] - '0') % N_ELEMENTS(routes)](((const char *)data) + 1, size - 1);
        api_body_none((const char *)data + 1, size - 1, &err);
        return 0;
}
