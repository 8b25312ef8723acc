/* SPDX-License-Identifier: Apache-2.0 */
/* keep's life: channels to the parent and to link, looks, what is sent and what is put back. Decisions are in keep_plan.c, the
 * file system in keep_files.c. Runs in: dompool-agent --keep, as root, without a network. */
#include "agent/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

#include "agent/agent_parent.h"
#include "agent/keep_files.h"
#include "agent/keep_plan.h"
#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "model/keep_state.h"
#include "sandbox/sandbox.h"

struct keep {
        const struct agent_options *o;
        uv_loop_t loop;
        struct channel *parent, *link;
        bool up; /* link says that there is a server */
        uv_timer_t look, again, wait;
        uv_signal_t sigterm;
        int root;
        struct keep_list list;
        struct keep_archive *archive;
        struct keep_state state;
        uint64_t mark;  /* of what was looked at last */
        uint64_t limit; /* what the server takes, as far as it has said */
        bool stopped;   /* nothing is saved any more */
        bool ending;    /* the order to end came */
        bool last_look; /* and what was there then has been looked at */
        bool offered;   /* and not answered yet */
        bool refused;   /* what was offered last was not taken, or could not be packed: the server is owed a better word */
        bool done;      /* --restore: it is over, what comes now comes too late */
        int status;
        /* what is offered, or what has come; size 0: nothing */
        struct msg_agent_keep_offer offer;
        uint8_t *data;
        size_t size;
        uint64_t total; /* --restore: of which `size` have come */
};

static void
send_up(struct keep *k, enum msg_type type, const void *payload)
{
        if (k->link && channel_send(k->link, type, payload, -1) < 0)
                log_warning("not sent to link message=%s", message_name(type));
}

static void
end(struct keep *k, int status)
{
        k->status = status;
        uv_stop(&k->loop);
}

static void
drop_data(struct keep *k)
{
        free(TAKE_PTR(k->data));
        k->size = 0;
}

/* ---- the list and the state ---- */

static int
open_list(const struct agent_options *o)
{
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "%s%s", strcmp(o->keep_root, "/") == 0 ? "" : o->keep_root, KEEP_LIST_PATH);
        return open(path, O_RDONLY | O_CLOEXEC);
}

bool
keep_wanted(const struct agent_options *o)
{
        _cleanup_close_ int fd = open_list(o);

        return fd >= 0;
}

static int
load_list(struct keep *k, struct error *err)
{
        _cleanup_close_ int fd = open_list(k->o);
        _cleanup_free_ uint8_t *text = NULL;
        int r = fd < 0 ? -errno : fd_read_all(fd, KEEP_LIST_SIZE, &text, NULL);

        r = r < 0 ? error_errno_set(err, -r, "reading it") : keep_list_parse((const char *)text, &k->list, err);
        return r < 0 ? error_prefix(err, KEEP_LIST_PATH) : 0;
}

static void
load_state(struct keep *k)
{
        _cleanup_close_ int dir = open(k->o->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ uint8_t *text = NULL;

        if (dir < 0 || fd_read_file(dir, KEEP_STATE_NAME, KEEP_STATE_SIZE - 1, &text, NULL) < 0 || !text ||
            keep_state_read((const char *)text, &k->state) < 0)
                k->state = (struct keep_state){.trouble = "they were not put back when it booted"};
}

static int
save_state(const struct keep *k, const struct keep_state *s)
{
        char text[KEEP_STATE_SIZE], path[PATH_SIZE], part[PATH_SIZE + 8];
        _cleanup_close_ int fd = -1;
        int r;

        keep_state_write(s, text);
        snprintf(path, sizeof(path), "%s/" KEEP_STATE_NAME, k->o->run_dir);
        snprintf(part, sizeof(part), "%s.part", path);
        unlink(part);
        fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
        return r < 0 ? r : rename(part, path) < 0 ? -errno : 0;
}

/* ---- saving ---- */

static void look(struct keep *k);
static void look_due(uv_timer_t *timer);

/* Nothing is on its way any more. */
static void
settled(struct keep *k)
{
        uint64_t next = keep_next_look_ms(k->offer.size);

        drop_data(k);
        uv_timer_stop(&k->again);
        k->offered = false;
        if (k->ending && !k->last_look && !k->stopped)
                look(k);
        else if (k->ending)
                end(k, 0);
        else if (!k->stopped)
                uv_timer_start(&k->look, look_due, next, 0);
}

/* Their contents become an archive; 0 and k->size 0: it is what the server has. */
static int
pack(struct keep *k, struct error *err)
{
        int r = keep_files_read(k->root, k->archive, err);

        if (r == 0)
                r = keep_archive_write(k->archive, &k->data, &k->size, err);
        if (r < 0)
                return r;
        k->offer.size = k->size;
        digest_sha256(k->data, k->size, k->offer.sha256);
        if (!k->refused && memcmp(k->offer.sha256, k->state.sha256, SHA256_SIZE) == 0)
                drop_data(k);
        return 0;
}

/* What is there now becomes the offer. 1: there is something to offer. */
static int
make_offer(struct keep *k, struct error *err)
{
        struct keep_look found;
        int r = keep_files_find(k->root, &k->list, k->archive, &found, err);
        bool known = found.mark == k->mark;

        if (r < 0)
                k->mark = found.mark; /* said once */
        if (known && (r < 0 || !k->refused))
                return 0;
        if (r < 0)
                return r;
        k->offer = (struct msg_agent_keep_offer){
                .size = found.size, .n_files = k->archive->n_files, .biggest_size = found.biggest_size};
        str_copy(k->offer.biggest, sizeof(k->offer.biggest), found.biggest);
        /* Not read into memory, but said: the server tells those who can change it, or that it takes so much. */
        if (found.size > k->limit)
                r = 1;
        else if ((r = pack(k, err)) == 0)
                r = k->size > 0;
        rec_clear(&keep_archive_desc, k->archive);
        if (r >= 0)
                k->mark = found.mark;
        if (r >= 0 && found.n_passed)
                log_debug("not kept: links, devices, strange names n=%u", found.n_passed);
        return r;
}

static void
look(struct keep *k)
{
        struct error err;
        int r;

        uv_timer_stop(&k->look);
        k->last_look = k->ending;
        r = k->stopped ? 0 : make_offer(k, &err);
        if (r < 0) {
                log_error("kept files cannot be saved: %s", err.message);
                str_copy(k->offer.trouble, sizeof(k->offer.trouble), err.message);
                k->refused = true;
        }
        if (r > 0 && !k->up && k->ending) { /* it may be there in a moment: asked(), or wait_is_over() */
                k->offered = true;
                return;
        }
        if (r == 0 || !k->up) {
                if (r != 0)
                        k->mark = 0; /* the next look offers it */
                settled(k);
                return;
        }
        send_up(k, MSG_AGENT_KEEP_OFFER, &k->offer);
        k->offered = r > 0;
        if (r < 0) { /* a word to the server is all that can be done */
                memset(k->offer.trouble, 0, sizeof(k->offer.trouble));
                settled(k);
        }
}

static void
look_due(uv_timer_t *timer)
{
        look(timer->data);
}

static void
offer_again(uv_timer_t *timer)
{
        struct keep *k = timer->data;

        send_up(k, MSG_AGENT_KEEP_OFFER, &k->offer);
}

static void
send_part(struct keep *k, uint64_t offset)
{
        struct msg_agent_keep_part m = {.size = k->size, .offset = offset};

        memcpy(m.sha256, k->offer.sha256, sizeof(m.sha256));
        m.data.size = k->size - offset < KEEP_PART_MAX ? k->size - offset : KEEP_PART_MAX;
        m.data.data = k->data + offset; /* borrowed */
        send_up(k, MSG_AGENT_KEEP_PART, &m);
}

/* A server is there (again). */
static void
asked(struct keep *k)
{
        struct msg_agent_keep_offer trouble = {0};

        k->up = true;
        uv_timer_stop(&k->again);
        if (k->offered) {
                send_up(k, MSG_AGENT_KEEP_OFFER, &k->offer);
        } else if (!k->state.ok) {
                str_copy(trouble.trouble, sizeof(trouble.trouble), k->state.trouble);
                send_up(k, MSG_AGENT_KEEP_OFFER, &trouble);
        }
}

static void
saved(struct keep *k, const struct msg_agent_keep_answer *m)
{
        if (m->verdict == KEEP_HAVE) {
                memcpy(k->state.sha256, m->sha256, SHA256_SIZE);
                if (save_state(k, &k->state) < 0) /* a keep that is started anew may offer them once more */
                        log_warning("the state of kept files cannot be written");
                k->refused = false;
                log_info("kept files are saved bytes=%zu files=%u", k->size, k->offer.n_files);
        } else {
                k->refused = true;
                log_warning("kept files are too large bytes=%llu limit=%llu; those that were saved last stay",
                            (unsigned long long)k->offer.size, (unsigned long long)m->limit);
        }
        settled(k);
}

static void
take_answer(struct keep *k, const struct msg_agent_keep_answer *m)
{
        if (m->limit)
                k->limit = m->limit;
        switch (keep_step(m, k->offer.sha256, k->size)) {
        case KEEP_STEP_NOTHING:
                break;
        case KEEP_STEP_OFFER:
                asked(k);
                break;
        case KEEP_STEP_SEND:
                send_part(k, m->offset);
                break;
        case KEEP_STEP_DONE:
                saved(k, m);
                break;
        case KEEP_STEP_LATER:
                uv_timer_start(&k->again, offer_again, KEEP_BUSY_MS, 0);
                break;
        case KEEP_STEP_LOOK:
                k->mark = 0;
                look(k);
                break;
        case KEEP_STEP_STOP:
                log_notice("the server has dropped this host's kept files; nothing is saved before the next boot");
                k->stopped = true;
                settled(k);
                break;
        }
}

/* ---- putting back ---- */

static void
restored(struct keep *k, bool ok, const char *why)
{
        struct keep_state s = {.ok = ok};
        int r;

        if (ok)
                memcpy(s.sha256, k->state.sha256, sizeof(s.sha256));
        else
                str_copy(s.trouble, sizeof(s.trouble), why);
        if (!ok)
                log_error("kept files are not put back, and nothing is saved in this boot: %s", why);
        k->done = true;
        r = save_state(k, &s);
        if (r < 0)
                log_error("%s/" KEEP_STATE_NAME " cannot be written: %s", k->o->run_dir, strerror(-r));
        end(k, ok && r == 0 ? 0 : 1);
}

static void
put_back(struct keep *k)
{
        struct error err;
        uint32_t n = 0;
        int r = keep_archive_read(k->data, k->size, &k->list, k->archive, &err);

        if (r == 0)
                r = keep_files_write(k->root, k->archive, &n, &err);
        if (r < 0) {
                restored(k, false, err.message);
                return;
        }
        log_notice("kept files are put back n=%u bytes=%zu", n, k->size);
        restored(k, true, NULL);
}

static void
get(struct keep *k)
{
        struct msg_agent_keep_get m = {.offset = k->size};

        send_up(k, MSG_AGENT_KEEP_GET, &m);
}

static void
take_part(struct keep *k, const struct msg_agent_keep_part *m)
{
        uint8_t hash[SHA256_SIZE];

        if (k->done)
                return;
        if (m->size == 0 && k->size == 0) { /* nothing is kept of this host */
                restored(k, true, NULL);
                return;
        }
        if (!keep_part_fits(m, k->size, k->total) || (k->size > 0 && memcmp(m->sha256, k->state.sha256, SHA256_SIZE) != 0)) {
                restored(k, false, "the server's answer makes no sense");
                return;
        }
        if (!k->data)
                k->data = malloc(m->size);
        if (!k->data) {
                restored(k, false, "no memory for them");
                return;
        }
        k->total = m->size;
        memcpy(k->data + k->size, m->data.data, m->data.size);
        k->size += m->data.size;
        memcpy(k->state.sha256, m->sha256, SHA256_SIZE);
        if (k->size < m->size) {
                get(k);
                return;
        }
        digest_sha256(k->data, k->size, hash);
        if (memcmp(hash, m->sha256, SHA256_SIZE) != 0)
                restored(k, false, "what the server sent has not the hash that it said");
        else
                put_back(k);
}

static void
wait_is_over(uv_timer_t *timer)
{
        struct keep *k = timer->data;

        if (k->ending) {
                log_warning("kept files have changed, and the server has not taken them within %d s", KEEP_LAST_MS / 1000);
                end(k, 1);
        } else {
                restored(k, false, k->up ? "the server did not send them within 60 s" : "no server within 60 s");
        }
}

/* ---- messages ---- */

static void
on_link_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct keep *k = arg;
        const struct msg_agent_keep_answer *m = payload;

        (void)ch;
        cleanup_close(&fd);
        if (type == MSG_AGENT_KEEP_PART && k->o->restore) {
                take_part(k, payload);
        } else if (type == MSG_AGENT_KEEP_ANSWER && !k->o->restore) {
                take_answer(k, m);
        } else if (type == MSG_AGENT_KEEP_ANSWER && m->verdict == KEEP_ASK) {
                k->up = true;
                drop_data(k); /* of a server that was lost in the middle */
                get(k);
        }
}

static void
on_link_close(void *arg, struct channel *ch, const char *reason)
{
        struct keep *k = arg;

        log_debug("link is gone reason=\"%s\"", reason);
        channel_free(ch);
        k->link = NULL;
        k->up = false;
}

static void
on_parent_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct keep *k = arg;
        const struct msg_role_fd *m = payload;

        (void)ch;
        if (type == MSG_ROLE_FD && m->purpose == FD_CHANNEL && m->number == ROLE_LINK && fd >= 0) {
                channel_free(k->link);
                k->up = false;
                if (channel_new(&k->loop, TAKE_FD(fd), ROLE_KEEP, ROLE_LINK, on_link_message, on_link_close, k, &k->link) < 0)
                        k->link = NULL;
        }
        cleanup_close(&fd);
}

/* The host or the agent ends: what has changed is saved first. */
static void
save_and_end(struct keep *k)
{
        if (k->o->restore) {
                end(k, 1);
                return;
        }
        if (k->ending)
                return;
        k->ending = true;
        uv_timer_start(&k->wait, wait_is_over, KEEP_LAST_MS, 0);
        if (!k->offered)
                look(k);
}

/* So the parent ends this process: unlike a signal it waits until somebody looks. */
static void
on_parent_close(void *arg, struct channel *ch, const char *reason)
{
        struct keep *k = arg;

        log_debug("the parent is gone reason=\"%s\"", reason);
        channel_free(ch);
        k->parent = NULL;
        save_and_end(k);
}

static void
on_sigterm(uv_signal_t *handle, int signal)
{
        (void)signal;
        save_and_end(handle->data);
}

/* ---- life ---- */

/* Root, for other users' files; no program, no socket but those that it has. Which files it touches is keep_files.c's: a folder
 * of the list may be made anew by whom it belongs to, and Landlock would know only the old one. */
static int
keep_sandbox(const struct agent_options *o, struct error *err)
{
        const struct sandbox_path paths[] = {{.path = o->keep_root, .write = true}, {.path = o->run_dir, .write = true}};
        const struct sandbox s = {
                .keep_root = true,
                .syscalls = SYS_BASE | SYS_FILES_READ | SYS_FILES_WRITE | SYS_FD_PASSING,
                .paths = paths,
                .n_paths = N_ELEMENTS(paths),
                .no_new_tcp = true,
                .max_files = 256,
                .max_memory = 256ull << 20,
                .no_new_processes = true,
        };

        return sandbox_enter(&s, err);
}

static int
start(struct keep *k, struct error *err)
{
        int r;

        k->archive = calloc(1, sizeof(*k->archive));
        k->root = open(k->o->keep_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (!k->archive || k->root < 0)
                return error_errno_set(err, errno, "%s", k->o->keep_root);
        r = channel_new(&k->loop, AGENT_CONTROL_FD, ROLE_KEEP, ROLE_APARENT, on_parent_message, on_parent_close, k, &k->parent);
        if (r < 0)
                return error_set(err, ERR_STATE, "no channel to the parent: dompool-agent starts this process by itself");
        r = keep_sandbox(k->o, err); /* nothing is read from the channel before the loop runs */
        return r < 0 || !k->o->restore ? r : load_list(k, err);
}

static void
begin(struct keep *k)
{
        struct error err;

        if (k->o->restore) {
                uv_timer_start(&k->wait, wait_is_over, KEEP_WAIT_MS, 0);
                return;
        }
        load_state(k);
        if (k->state.ok && load_list(k, &err) < 0) {
                k->state.ok = false;
                str_copy(k->state.trouble, sizeof(k->state.trouble), err.message);
        }
        k->stopped = !k->state.ok;
        if (k->stopped)
                log_warning("kept files are not saved in this boot: %s", k->state.trouble);
        else
                uv_timer_start(&k->look, look_due, KEEP_FIRST_LOOK_MS, 0);
}

int
keep_run(const struct agent_options *o)
{
        static struct keep k; /* the process has one, for its whole life */
        struct error err;

        log_init("keep", o->log_level);
        prctl(PR_SET_NAME, "dompool-keep"); /* it was started as /proc/self/exe */
        k.o = o;
        k.limit = KEEP_LIMIT_DEFAULT;
        uv_loop_init(&k.loop);
        uv_timer_init(&k.loop, &k.look);
        uv_timer_init(&k.loop, &k.again);
        uv_timer_init(&k.loop, &k.wait);
        uv_signal_init(&k.loop, &k.sigterm);
        k.look.data = k.again.data = k.wait.data = k.sigterm.data = &k;
        uv_signal_start(&k.sigterm, on_sigterm, SIGTERM);
        signal(SIGPIPE, SIG_IGN);
        if (start(&k, &err) < 0) {
                if (o->restore && k.parent)
                        restored(&k, false, err.message);
                log_error("kept files: %s", err.message);
                return 1;
        }
        begin(&k);
        uv_run(&k.loop, UV_RUN_DEFAULT);
        return k.status;
}
