/* The compiler makes a variant a vector width; with -ffp-contract=off every one does the same additions and
 * multiplications for an element in the same order, so all give the same bits. ThreadSanitizer's runtime is not ready
 * yet when the loader asks which variant to take, and crashes there.
 *
 * Static functions alone: clang 14 gives the variants of a public one other names than its callers look for. */
#ifndef SL_AGGREGATE_VARIANTS_H
#define SL_AGGREGATE_VARIANTS_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SL_NO_VARIANTS
#endif
#endif
#if defined(__SANITIZE_THREAD__) || !defined(__x86_64__) || !defined(__gnu_linux__)
#define SL_NO_VARIANTS
#endif
#ifdef SL_NO_VARIANTS
#define SL_VARIANTS
#else
#define SL_VARIANTS __attribute__((target_clones("default", "avx2", "avx512f")))
#endif

#endif
