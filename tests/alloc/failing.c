#include "failing.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_LEAK_CHECK
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WITH_LEAK_CHECK
#endif
#ifdef WITH_LEAK_CHECK
#include <sanitizer/lsan_interface.h>
#endif

static struct {
    atomic_size_t left; /* allocations until the one that fails, on whatever thread; 0: none does */
    atomic_bool failed;
} state;

static bool fails(void) {
    size_t left = atomic_load(&state.left);
    while (left > 0 && !atomic_compare_exchange_weak(&state.left, &left, left - 1))
        ;
    if (left != 1)
        return false;
    atomic_store(&state.failed, true);
    return true;
}

/* ---- in front of the C library ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
int __real_inflateInit2_(z_streamp stream, int bits, const char *version, int size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_asprintf(char **out, const char *format, ...) SL_PRINTF(2, 3);
int __wrap_inflateInit2_(z_streamp stream, int bits, const char *version, int size);

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size) {
    return fails() ? NULL : __real_reallocarray(memory, count, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text) {
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length) {
    return fails() ? NULL : __real_strndup(text, length);
}

int __wrap_asprintf(char **out, const char *format, ...) {
    if (fails())
        return -1;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(out, format, arguments);
    va_end(arguments);
    return length;
}

/* zlib takes most of its memory while it inflates. */
static void *allocate_for_zlib(void *context, unsigned count, unsigned size) {
    (void)context;
    return calloc(count, size);
}

static void free_for_zlib(void *context, void *memory) {
    (void)context;
    free(memory);
}

int __wrap_inflateInit2_(z_streamp stream, int bits, const char *version, int size) {
    stream->zalloc = allocate_for_zlib;
    stream->zfree = free_for_zlib;
    return __real_inflateInit2_(stream, bits, version, size);
}

/* ---- libraries that let themselves be told ---- */

static void *allocate(size_t size) {
    return malloc(size);
}

static void *reallocate(void *memory, size_t size) {
    return realloc(memory, size);
}

static void involve(enum failing_others others) {
    cJSON_Hooks hooks = {.malloc_fn = allocate, .free_fn = free};
    cJSON_InitHooks(others == FAILING_CJSON ? &hooks : NULL);
    if (others == FAILING_LIBEVENT)
        event_set_mem_functions(allocate, reallocate, free);
}

/* ---- runs ---- */

void failing_arm(size_t n, enum failing_others others) {
    involve(others);
    atomic_store(&state.failed, false);
    atomic_store(&state.left, n);
}

bool failing_disarm(void) {
    atomic_store(&state.left, 0);
    return atomic_load(&state.failed);
}

void failing_check_leaks(void) {
#ifdef WITH_LEAK_CHECK
    cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "something leaked");
#endif
}

size_t failing_run(failing_operation *operation, void *context, enum failing_others others) {
    for (size_t n = 1;; n++) {
        struct sl_error error = {.status = SL_OK};
        failing_arm(n, others);
        enum sl_status status = operation(context, &error);
        if (!failing_disarm()) {
            cr_assert_eq(status, SL_OK, "with all %zu allocations: %s", n - 1, error.text);
            failing_check_leaks();
            return n - 1;
        }
        if (others == FAILING_NONE)
            cr_assert_eq(status, SL_NO_MEMORY, "without allocation %zu: %s: %s", n, sl_status_text(status), error.text);
    }
}
