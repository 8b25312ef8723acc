/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_CANARY_H
#define DOMPOOL_MODEL_CANARY_H
/*
 * A canary: a profile, and with it mostly a new version of an image, that a few hosts boot first. They get it for one boot
 * only, so that whatever becomes of them - a fall, a power cut, a server that is away - the boot after is as before. All that
 * is decided about them here, from what is seen of them; core does it (core_canary.c). Pure.
 *
 *   a host of the trial:  booting --ready, on the version--> watched --a guest started, still so after watch_seconds--> good
 *                            |                                  |                                       |
 *                            +--too late, another version       +--lost, booted anew------> failed <----+
 *
 *   the canary:  testing --all good, or by hand--> promoted: all of its hosts have the setting
 *                   |
 *                   +--one failed, or by hand--> going-back --each is back, away or left--> rolled-back
 */
#include "base/rec.h"
#include "model/host.h"

#define CANARY_MAX_HOSTS 16
#define CANARY_MAX_NAMES (256u << 10) /* bytes of the other hosts' names */
#define CANARY_READY_DEFAULT_S 900
#define CANARY_READY_MAX_S 86400
#define CANARY_WATCH_DEFAULT_S 300
#define CANARY_WATCH_MAX_S 86400
#define CANARY_VERSION_SIZE 17 /* the first 16 digits of an image's id */

enum canary_state { CANARY_TESTING, CANARY_GOING_BACK, CANARY_PROMOTED, CANARY_ROLLED_BACK, CANARY_N };
extern const char *const canary_state_names[];

static inline bool
canary_is_over(uint32_t state)
{
        return state == CANARY_PROMOTED || state == CANARY_ROLLED_BACK;
}

enum canary_host_state {
        CANARY_HOST_BOOTING,
        CANARY_HOST_WATCHED,
        CANARY_HOST_GOOD,
        CANARY_HOST_FAILED,
        CANARY_HOST_GOING_BACK,
        CANARY_HOST_BACK, /* ready again with what it had, or never came from it */
        CANARY_HOST_AWAY, /* it did not come back */
        CANARY_HOST_LEFT, /* it has domains: it goes back when somebody reboots it */
        CANARY_HOST_N,
};
extern const char *const canary_host_state_names[];

struct canary_host {
        char host[NAME_SIZE];
        char version[CANARY_VERSION_SIZE]; /* that it is to boot */
        uint32_t state;                    /* enum canary_host_state */
        int64_t since_ms;                  /* wall: in this state */
        int64_t attempt_ms;                /* of the boot that is watched; 0: none yet */
        uint64_t operation;                /* the newest reboot; 0: none */
        uint64_t guest;                    /* the create of its trial guest; 0: none yet */
        bool guest_started, guest_gone;
        int64_t guest_asked_ms; /* when it was last to be destroyed; 0: never */
        char text[200];         /* why it failed; how it is now */
};
extern const struct rec_desc canary_host_desc;

struct canary {
        uint64_t id;    /* 1.. ; never used again */
        uint32_t state; /* enum canary_state */
        char profile[NAME_SIZE];
        char image[NAME_SIZE];             /* as it was asked for; empty: the profile's or each host's */
        char version[CANARY_VERSION_SIZE]; /* what that meant then; empty: no image was named */
        char by[NAME_SIZE];
        int64_t began_ms, ended_ms; /* wall */
        int64_t back_ms;            /* since when it goes back; 0: it does not */
        uint32_t ready_seconds;     /* a host must be ready after so long */
        uint32_t watch_seconds;     /* and stay so */
        char text[300];             /* how it ended, or why it goes back */
        uint32_t n_hosts;
        struct canary_host hosts[CANARY_MAX_HOSTS];
        uint32_t n_waiting;
        struct blob waiting; /* names of the hosts that are to follow, with blanks between */
};
extern const struct rec_desc canary_desc;

/* What core sees of a host. */
struct canary_sight {
        bool known;                /* it is still a host */
        bool ready;                /* enum host_state says so */
        bool connected;            /* its agent is */
        const char *state;         /* "booting", "lost" ... */
        const char *stage;         /* that its newest boot has reached; "" */
        const char *image;         /* that its dom0 says it runs */
        int64_t attempt_ms;        /* of the newest boot that brought an agent */
        uint32_t n_domains;        /* besides the trial guest */
        const char *refused;       /* why its reboot came to nothing; "" */
        bool takes_guest;          /* it can run the trial guest */
        const char *guest_refused; /* why that did not start; "" */
};

/* What becomes of a host of the trial: its state and text are changed, nothing else. true: the state is another one. */
bool canary_judge(const struct canary *c, struct canary_host *h, const struct canary_sight *now, int64_t now_ms);

/* While it goes back: must it be booted for that? */
bool canary_wants_reboot(const struct canary *c, const struct canary_host *h, const struct canary_sight *now);

/* What the canary comes to by its hosts' states: its own state, or the one that follows. */
enum canary_state canary_verdict(const struct canary *c);

/* The host that failed first, by the order of the list; NULL: none. */
const struct canary_host *canary_failure(const struct canary *c);

#endif
