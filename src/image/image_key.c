/* SPDX-License-Identifier: Apache-2.0 */
/* The room's key for images, its public part in the store, and manifest.sig. Runs as root in the server's parent and in work's
 * children, or as the person who builds without a server. */
#include "image/image_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_files.h"

/* Beside its place first, then linked there: of two who make it at once one wins, and both go on with that one. */
static int
key_make(const char *path, struct error *err)
{
        char text[IMAGE_KEY_MAX], beside[IMAGE_PATH_SIZE];
        _cleanup_close_ int fd = -1;
        struct sign_pair pair;
        ssize_t n;
        int r;

        if (sign_pair_new(&pair) < 0)
                return error_set(err, ERR_INTERNAL, "GnuTLS makes no Ed25519 key");
        image_key_text(&pair, text);
        r = image_path(beside, err, "%s.%d", path, (int)getpid());
        if (r < 0)
                return r;
        unlink(beside);
        fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return error_errno_set(err, errno, "cannot make the key %s", beside);
        n = write(fd, text, strlen(text));
        if (n != (ssize_t)strlen(text) || fsync(fd) < 0)
                r = error_errno_set(err, n < 0 ? errno : ENOSPC, "cannot write the key %s", beside);
        else if (link(beside, path) < 0 && errno != EEXIST)
                r = error_errno_set(err, errno, "cannot make the key %s", path);
        unlink(beside);
        return r;
}

static int
key_read(const char *path, struct sign_pair *ret, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        char text[IMAGE_KEY_MAX + 1];
        struct stat st;
        ssize_t n;

        if (fd < 0)
                return errno == ENOENT ? -ENOENT : error_errno_set(err, errno, "%s", path);
        if (fstat(fd, &st) < 0)
                return error_errno_set(err, errno, "%s", path);
        if (!S_ISREG(st.st_mode) || (st.st_mode & 077) || st.st_uid != geteuid())
                return error_set(err, ERR_DENIED,
                                 "%s: whoever reads this key signs images in the room's name; it must be a file of user %u "
                                 "with mode 0600",
                                 path, (unsigned)geteuid());
        n = read(fd, text, IMAGE_KEY_MAX);
        if (n < 0)
                return error_errno_set(err, errno, "%s", path);
        text[n] = '\0';
        if (image_key_read(text, ret) < 0)
                return error_set(
                        err, ERR_INVALID,
                        "%s: is no key of dompool's; restore it, or remove it: a new one is made, and images that the old "
                        "one signed must be built again",
                        path);
        return 0;
}

int
image_key_load(const char *path, struct sign_pair *ret, struct error *err)
{
        int r = key_read(path, ret, err);

        if (r != -ENOENT)
                return r;
        r = key_make(path, err);
        return r < 0 ? r : key_read(path, ret, err);
}

static int
read_text(const char *path, size_t max, char **ret, struct error *err)
{
        uint8_t *data;
        int r = image_read(path, max, &data, NULL, err);

        if (r == 0)
                *ret = (char *)data;
        return r;
}

int
image_key_publish(const char *store, const struct sign_pair *pair, struct error *err)
{
        char path[IMAGE_PATH_SIZE], line[IMAGE_KEY_MAX], all[IMAGE_PUBLIC_MAX + IMAGE_KEY_MAX];
        _cleanup_free_ char *have = NULL;
        int r;

        image_public_text(pair->public, line);
        if ((r = image_mkdir(store, err)) < 0 || (r = image_path(path, err, "%s/" IMAGE_PUBLIC_NAME, store)) < 0)
                return r;
        r = read_text(path, IMAGE_PUBLIC_MAX, &have, err);
        if (r < 0 && r != -ENOENT)
                return r;
        if (have && strstr(have, line))
                return 0;
        /* The newest stands first; who has had so many keys forgets the oldest. */
        snprintf(all, sizeof(all), "%s%s", line, have ? have : "");
        if (strlen(all) > IMAGE_PUBLIC_MAX)
                all[strlen(all) - strlen(line)] = '\0';
        return image_write(path, all, strlen(all), err);
}

int
image_sign(const char *folder, const struct sign_pair *pair, struct error *err)
{
        char path[IMAGE_PATH_SIZE], signature[IMAGE_SIGNATURE_MAX];
        _cleanup_free_ uint8_t *manifest = NULL;
        size_t size;
        int r;

        if ((r = image_path(path, err, "%s/manifest.json", folder)) < 0 ||
            (r = image_read(path, IMAGE_MANIFEST_MAX, &manifest, &size, err)) < 0 ||
            (r = image_signature_make(pair, manifest, size, signature, err)) < 0 ||
            (r = image_path(path, err, "%s/manifest.sig", folder)) < 0)
                return r;
        return image_write(path, signature, strlen(signature), err);
}

int
image_sign_check(const char *store, const char *folder, char ret_key[IMAGE_KEY_ID_SIZE], struct error *err)
{
        _cleanup_free_ char *public = NULL, *signature = NULL;
        _cleanup_free_ uint8_t *manifest = NULL;
        char path[IMAGE_PATH_SIZE];
        size_t size;
        int r;

        if ((r = image_path(path, err, "%s/" IMAGE_PUBLIC_NAME, store)) < 0)
                return r;
        r = read_text(path, IMAGE_PUBLIC_MAX, &public, err);
        if (r == -ENOENT)
                return error_set(err, ERR_DENIED, "%s is not there: nothing was ever signed in this store", path);
        if (r < 0 || (r = image_path(path, err, "%s/manifest.sig", folder)) < 0)
                return r;
        r = read_text(path, IMAGE_SIGNATURE_MAX, &signature, err);
        if (r == -ENOENT)
                return error_set(err, ERR_DENIED, "it is not signed; 'dompool image build' signs what it finds unchanged");
        if (r < 0 || (r = image_path(path, err, "%s/manifest.json", folder)) < 0 ||
            (r = image_read(path, IMAGE_MANIFEST_MAX, &manifest, &size, err)) < 0)
                return r;
        return image_signature_check(public, signature, manifest, size, ret_key, err);
}
