/* What the shared library exports, and the attributes that public declarations use. */
#ifndef STARLING_EXPORT_H
#define STARLING_EXPORT_H

#if defined(__GNUC__)
#define SL_PUBLIC __attribute__((visibility("default")))
#define SL_MUST_USE __attribute__((warn_unused_result))
#define SL_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define SL_PUBLIC
#define SL_MUST_USE
#define SL_PRINTF(text, first)
#endif

#endif
