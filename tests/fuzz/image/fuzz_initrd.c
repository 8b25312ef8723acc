/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an initrd's archive, in pieces of any size: the walk takes them all or stops, and what it says does not depend
 * on the pieces. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "image/initrd_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct initrd_facts
walk(const uint8_t *data, size_t size, size_t piece, struct cpio_walk *w)
{
        struct initrd_collect *c = initrd_collect_new("");
        struct initrd_facts f = {0};
        size_t at = 0, n = 1;

        assert(c);
        cpio_walk_start(w, initrd_collect_sink(c));
        for (; at < size && n > 0; at += n)
                n = cpio_walk_feed(w, data + at, size - at < piece ? size - at : piece);
        assert(w->offset <= size);
        assert(initrd_collect_finish(c, &f) == 0);
        initrd_collect_free(c);
        return f;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct cpio_walk a, b;
        struct initrd_facts x = walk(data, size, size, &a), y = walk(data, size, 7, &b);

        assert(a.state == b.state && a.offset == b.offset && x.init == y.init && x.unpacked == y.unpacked &&
               x.modules.size == y.modules.size && x.nics.size == y.nics.size && x.no_firmware.size == y.no_firmware.size &&
               x.keep.size == y.keep.size);
        assert(strlen(x.modules_release) < sizeof(x.modules_release));
        blob_clear(&x.modules);
        blob_clear(&x.nics);
        blob_clear(&y.modules);
        blob_clear(&y.nics);
        blob_clear(&x.no_firmware);
        blob_clear(&y.no_firmware);
        blob_clear(&x.keep);
        blob_clear(&y.keep);
        return 0;
}
