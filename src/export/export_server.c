/* SPDX-License-Identifier: Apache-2.0 */
/* Which servers are to run for which grants: arguments and configurations as text. Pure. */
#include "export/export_server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define VBLADE_MAX_MACS 32 /* its Nmasks */

const char *
export_program(const char *name, const char **ret_package)
{
        static const struct {
                const char *name, *path, *package;
        } programs[] = {
                {"ganesha.nfsd", "/usr/bin/ganesha.nfsd", "nfs-ganesha-vfs"},
                {"rpcbind", "/usr/sbin/rpcbind", "rpcbind"},
                {"nbdkit", "/usr/bin/nbdkit", "nbdkit"},
                {"tgtd", "/usr/sbin/tgtd", "tgt"},
                {"tgtadm", "/usr/sbin/tgtadm", "tgt"},
                {"vblade", "/usr/sbin/vblade", "vblade"},
        };

        for (size_t i = 0; i < N_ELEMENTS(programs); i++)
                if (strcmp(programs[i].name, name) == 0) {
                        *ret_package = programs[i].package;
                        return programs[i].path;
                }
        return NULL;
}

bool
export_address_known(const struct export_grant *grants, size_t n, enum root_kind root, uint32_t address)
{
        for (size_t i = 0; i < n; i++)
                if (grants[i].root == root && grants[i].address == address && address != 0)
                        return true;
        return false;
}

/* --- what is being made --- */

struct making {
        const struct export_site *site;
        const struct export_grant *grants;
        size_t n_grants;
        struct export_server *servers;
        int n; /* negative: why it cannot be made */
};

/* NULL once there is no memory. */
static struct export_server *
add_server(struct making *m, enum export_kind kind, const char *name, uint32_t clients, uint32_t versions)
{
        struct export_server *s;

        if (m->n >= EXPORT_MAX_SERVERS)
                m->n = -E2BIG;
        if (m->n < 0)
                return NULL;
        s = &m->servers[m->n++];
        *s = (struct export_server){.kind = kind, .clients = clients, .versions = versions};
        snprintf(s->name, sizeof(s->name), "%s", name);
        return s;
}

static void add_arg(struct making *m, struct export_server *s, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
add_arg(struct making *m, struct export_server *s, const char *fmt, ...)
{
        size_t n = 0;
        va_list ap;

        if (!s || m->n < 0)
                return;
        while (s->args[n])
                n++;
        va_start(ap, fmt);
        if (n == EXPORT_MAX_ARGS || vasprintf(&s->args[n], fmt, ap) < 0) {
                s->args[n] = NULL;
                m->n = -ENOMEM;
        }
        va_end(ap);
}

/* --- NFS --- */

static bool
is_nfs(const struct export_grant *g)
{
        return g->root == ROOT_NFS || g->root == ROOT_NFS3;
}

/* The grant is the first of its root and image. */
static bool
begins_image(const struct making *m, size_t i)
{
        return i == 0 || m->grants[i].root != m->grants[i - 1].root || strcmp(m->grants[i].image, m->grants[i - 1].image) != 0;
}

/* How many hosts with an address, and how many versions, of a root. false: none. */
static bool
count(const struct making *m, enum root_kind root, uint32_t *ret_clients, uint32_t *ret_versions)
{
        *ret_clients = *ret_versions = 0;
        for (size_t i = 0; i < m->n_grants; i++) {
                if (m->grants[i].root != root)
                        continue;
                *ret_clients += m->grants[i].address != 0;
                *ret_versions += begins_image(m, i);
        }
        return *ret_versions > 0;
}

/* Export_Id is kept as long as the tree is exported: 15 bits of the id and the version of NFS. */
static unsigned
export_number(const struct export_grant *g)
{
        char digits[5];

        snprintf(digits, sizeof(digits), "%.4s", g->image);
        return ((unsigned)strtoul(digits, NULL, 16) & 0x7fff) | (g->root == ROOT_NFS3 ? 0x8000 : 0) | 1;
}

static void
put_export(const struct making *m, size_t first, FILE *f)
{
        const struct export_grant *g = &m->grants[first];
        const char *version = g->root == ROOT_NFS3 ? "3" : "4";
        char address[IP4_TEXT_SIZE];
        bool any = false;

        fprintf(f,
                "EXPORT {\n\tExport_Id = %u;\n\tPath = \"%s/versions/%s/root\";\n\tPseudo = \"/%.16s%s\";\n\tAccess_Type = "
                "NONE;\n"
                "\tProtocols = %s;\n\tFSAL { Name = VFS; }\n",
                export_number(g), m->site->config->image_store, g->image, g->image, g->root == ROOT_NFS3 ? "-3" : "", version);
        for (size_t i = first; i < m->n_grants && (i == first || !begins_image(m, i)); i++)
                if (m->grants[i].address) {
                        fprintf(f, "%s%s", any ? ", " : "\tCLIENT { Access_Type = RO; Clients = ",
                                ip4_text(m->grants[i].address, address));
                        any = true;
                }
        fprintf(f, "%s}\n", any ? "; }\n" : "");
}

static char *
nfs_text(const struct making *m, bool v3)
{
        char address[IP4_TEXT_SIZE], *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        fprintf(f,
                "NFS_CORE_PARAM {\n\tProtocols = %s;\n\tBind_addr = %s;\n\tNFS_Port = 2049;\n\tMNT_Port = 20048;\n"
                "\tEnable_NLM = false;\n\tEnable_RQUOTA = false;\n\tEnable_UDP = false;\n\tmount_path_pseudo = true;\n"
                "\tfsid_device = true;\n}\n"
                "NFSV4 {\n\tGraceless = true;\n\tRecoveryBackend = fs;\n\tRecoveryRoot = \"%s/nfs\";\n\tOnly_Numeric_Owners = "
                "true;\n}\n"
                "EXPORT_DEFAULTS {\n\tAccess_Type = NONE;\n\tSquash = No_Root_Squash;\n\tSecType = sys;\n\tTransports = "
                "TCP;\n}\n"
                "LOG {\n\tDefault_Log_Level = WARN;\n}\n",
                v3 ? "3, 4" : "4", ip4_text(m->site->config->network.address, address), m->site->dir);
        for (size_t i = 0; i < m->n_grants; i++)
                if (is_nfs(&m->grants[i]) && begins_image(m, i))
                        put_export(m, i, f);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static void
make_nfs(struct making *m)
{
        uint32_t clients, clients3, versions, versions3;
        const bool v4 = count(m, ROOT_NFS, &clients, &versions), v3 = count(m, ROOT_NFS3, &clients3, &versions3);
        struct export_server *s;

        if (!v4 && !v3)
                return;
        if (v3) { /* ganesha does not start without it then */
                s = add_server(m, EXPORT_RPCBIND, "rpcbind", 0, 0);
                add_arg(m, s, "rpcbind");
                add_arg(m, s, "-f");
        }
        /* Protocols change by a new start only. */
        s = add_server(m, EXPORT_NFS, v3 ? "nfs3" : "nfs", clients + clients3, versions + versions3);
        add_arg(m, s, "ganesha.nfsd");
        add_arg(m, s, "-F");
        add_arg(m, s, "-L");
        add_arg(m, s, "/dev/stderr");
        add_arg(m, s, "-p");
        add_arg(m, s, "%s/nfs.pid", m->site->dir);
        add_arg(m, s, "-f");
        add_arg(m, s, "%s/nfs.conf", m->site->dir);
        if (!s || m->n < 0)
                return;
        s->file_text = nfs_text(m, v3);
        if (!s->file_text || asprintf(&s->file, "%s/nfs.conf", m->site->dir) < 0) {
                s->file = NULL;
                m->n = -ENOMEM;
        }
}

/* --- the block devices --- */

static void
make_nbd(struct making *m)
{
        uint32_t clients, versions;
        struct export_server *s;

        if (!count(m, ROOT_NBD, &clients, &versions))
                return;
        s = add_server(m, EXPORT_NBD, "nbd", clients, versions);
        add_arg(m, s, "nbdkit");
        add_arg(m, s, "-s");
        add_arg(m, s, "-r");
        add_arg(m, s, "file");
        add_arg(m, s, "dir=%s/nbd", m->site->dir);
}

static void
make_iscsi(struct making *m)
{
        char address[IP4_TEXT_SIZE];
        uint32_t clients, versions;
        struct export_server *s;

        if (!count(m, ROOT_ISCSI, &clients, &versions))
                return;
        s = add_server(m, EXPORT_ISCSI, "iscsi", clients, versions);
        add_arg(m, s, "tgtd");
        add_arg(m, s, "-f");
        add_arg(m, s, "--iscsi");
        add_arg(m, s, "portal=%s:%u", ip4_text(m->site->config->network.address, address), m->site->config->exports.iscsi_port);
}

/* Up to VBLADE_MAX_MACS grants of one image from @first on; returns how many. Several with one address are told apart by who
 * asks. */
static size_t
make_vblade(struct making *m, size_t first, const char *interface, unsigned part)
{
        const struct export_grant *g = &m->grants[first];
        char name[NAME_SIZE], macs[VBLADE_MAX_MACS * MAC_TEXT_SIZE], mac[MAC_TEXT_SIZE];
        struct export_server *s;
        uint32_t shelf, slot;
        size_t n = 0, at = 0;

        for (; n < VBLADE_MAX_MACS && first + n < m->n_grants && (n == 0 || !begins_image(m, first + n)); n++)
                at += (size_t)snprintf(macs + at, sizeof(macs) - at, "%s%s", n > 0 ? "," : "", mac_text(&g[n].mac, mac));
        root_aoe_address(g->image, &shelf, &slot);
        snprintf(name, sizeof(name), "aoe-%.16s-%s-%u", g->image, interface, part);
        s = add_server(m, EXPORT_AOE, name, (uint32_t)n, 1);
        add_arg(m, s, "vblade");
        add_arg(m, s, "-r");
        add_arg(m, s, "-m");
        add_arg(m, s, "%s", macs);
        add_arg(m, s, "%u", shelf);
        add_arg(m, s, "%u", slot);
        add_arg(m, s, "%s", interface);
        add_arg(m, s, "%s/versions/%s/root.squashfs", m->site->config->image_store, g->image);
        return n;
}

static void
make_aoe(struct making *m)
{
        const struct config_network *n;

        for (uint32_t k = 0; (n = config_network_at(m->site->config, k)); k++) {
                unsigned part = 0;

                for (size_t i = 0; *n->interface && m->n >= 0 && i < m->n_grants;) {
                        if (m->grants[i].root != ROOT_AOE) {
                                i++;
                                continue;
                        }
                        part = begins_image(m, i) ? 0 : part + 1;
                        i += make_vblade(m, i, n->interface, part);
                }
        }
}

int
export_servers(const struct export_site *site, const struct export_grant *grants, size_t n,
               struct export_server ret[EXPORT_MAX_SERVERS])
{
        struct making m = {.site = site, .grants = grants, .n_grants = n, .servers = ret};

        memset(ret, 0, EXPORT_MAX_SERVERS * sizeof(*ret));
        make_nfs(&m);
        make_nbd(&m);
        make_iscsi(&m);
        make_aoe(&m);
        if (m.n < 0)
                for (int i = 0; i < EXPORT_MAX_SERVERS; i++)
                        export_server_clear(&ret[i]);
        return m.n;
}

void
export_server_clear(struct export_server *s)
{
        for (int i = 0; i < EXPORT_MAX_ARGS; i++)
                free(s->args[i]);
        free(s->file);
        free(s->file_text);
        *s = (struct export_server){0};
}

bool
export_server_same_args(const struct export_server *a, const struct export_server *b)
{
        int i = 0;

        for (; a->args[i] && b->args[i]; i++)
                if (strcmp(a->args[i], b->args[i]) != 0)
                        return false;
        return a->args[i] == b->args[i];
}

bool
export_server_same_file(const struct export_server *a, const struct export_server *b)
{
        return strcmp(a->file_text ? a->file_text : "", b->file_text ? b->file_text : "") == 0;
}
