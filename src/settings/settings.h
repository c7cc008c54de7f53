/* The typed settings, one struct a section. The table in table.c says of each key its type, range, default, unit,
 * whether only the file may set it, and its description; this struct has a field for each row. Paths are absolute or
 * relative to the process: the loader has already joined them with the settings file's folder. Strings are never NULL
 * unless said. */
#ifndef SL_SETTINGS_SETTINGS_H
#define SL_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <starling/settings.h>

struct sl_string_list {
    char **items;
    size_t count;
};

enum sl_name_from { SL_NAME_FROM_URI, SL_NAME_FROM_CN, SL_NAME_FROM_DNS };
enum sl_below_minimum { SL_BELOW_WAIT, SL_BELOW_TRAIN, SL_BELOW_STOP };
enum sl_weighting { SL_WEIGHTING_SAMPLES, SL_WEIGHTING_EQUAL };
enum sl_trainer { SL_TRAINER_MLP, SL_TRAINER_LENET5, SL_TRAINER_IDLE };

struct sl_settings {
    char *file; /* where it was read from */

    struct {
        char *name;           /* flock.name: must be the flock in the certificates */
        uint64_t start_nodes; /* round 1 begins when that many are ready, self included; 1 … 10000, default 1 */
        char *run;            /* names the run: nodes of different runs do not mix; default "default" */
        uint64_t epoch;       /* default 0 */
        uint64_t seed;        /* of the initial model and the overlay; default 1 */
    } flock;
    struct {
        char *name;       /* node.name: must be the name in the certificates */
        uint64_t workers; /* worker threads, 0: one a processor; default 0 */
    } node;
    struct { /* security: file alone */
        char *ca;
        char *server_certificate, *server_key;
        char *client_certificate, *client_key;
        enum sl_name_from name_from; /* uri (default), cn, dns */
    } identity;
    struct {
        struct sl_string_list listen;    /* "host:port"; default ["127.0.0.1:7400"] */
        struct sl_string_list advertise; /* default: what it listens on */
        char *priorities;                /* GnuTLS priority string; file alone; default AES-GCM first, TLS 1.3 only */
        double handshake_timeout;        /* s, default 10 */
        double ping_interval;            /* s, default 1 */
        uint64_t max_connections;        /* default 1024 */
        uint64_t window_bytes;           /* credit a streaming transfer, default 4 MiB, ≥ 256 KiB */
        char *congestion;                /* TCP congestion control; "" the system's */
    } transport;
    struct {
        struct sl_string_list join; /* "host:port" of known nodes; flag --join adds */
        double suspect_after;       /* s without a sign of life, default 5 */
        double drop_after;          /* s as a suspect, default 15 */
        double dial_retry_min;      /* s, default 0.1 */
        double dial_retry_max;      /* s, default 10 */
    } membership;
    struct {
        char *topology; /* full (default), ring, torus, hypercube, star, regular:S, static-regular:S, small-world:K,P,
                           file:PATH */
    } overlay;
    struct {
        uint64_t rounds;                     /* default 20 */
        uint64_t averaging_rounds;           /* last rounds without training, default 0 */
        double deadline_min;                 /* s, default 10 */
        double deadline_max;                 /* s, default 60 */
        uint64_t min_peers_to_start;         /* default: start_nodes - 1 */
        uint64_t min_peers_per_round;        /* default 0 */
        enum sl_below_minimum below_minimum; /* wait (default), train, stop */
        uint64_t stale_rounds;               /* default 100 */
        double linger_max;                   /* s after the last round, default 10 */
    } round;
    struct {
        bool stream;               /* default false */
        enum sl_weighting weights; /* samples (default), equal */
    } mix;
    struct {
        enum sl_trainer trainer; /* mlp (default), lenet5, idle */
        bool adam;               /* learner.optimizer: sgd (default), adam */
        double rate;             /* default 0.1 */
        double momentum;         /* default 0 */
        double beta1, beta2, delta;
        double epochs;  /* a round, default 1 */
        uint64_t steps; /* a round, 0 (default): by epochs */
        uint64_t batch; /* default 64 */
        uint64_t lanes; /* default 1 */
        uint64_t threads;
        uint64_t idle_bytes;     /* model size of the idle trainer, default 1 MB */
        uint64_t evaluate_every; /* rounds; 0: only after the last; default 1 */
    } learner;
    struct {
        enum {
            SL_SETTING_DATA_NONE,
            SL_SETTING_DATA_IDX,
            SL_SETTING_DATA_CIFAR10
        } format;                    /* data.format: none, idx, cifar10 */
        struct sl_string_list train; /* idx: images, labels; cifar10: batches */
        struct sl_string_list test;
        char *partition;      /* "iid" (default) … see data/partition.h */
        uint64_t part, parts; /* this node's part of how many, default 0 of 1 */
        uint64_t seed;        /* of the split, default 1 */
    } data;
    struct {
        char *folder;        /* model.folder: where models go, "" nowhere; default "models" */
        uint64_t save_every; /* rounds; 0: only after the last; default 1 */
        uint64_t keep;       /* how many past ones stay, default 2; 0: all */
    } model;
    struct {
        char *file; /* record.file: the record of the run, JSON lines; "" none; default "record.jsonl" */
    } record;
    struct {
        enum {
            SL_SETTING_LOG_DEBUG,
            SL_SETTING_LOG_INFO,
            SL_SETTING_LOG_WARNING,
            SL_SETTING_LOG_ERROR
        } level;   /* info */
        bool json; /* log.format: logfmt (default), json */
    } log;

    struct sl_settings_origins *origins; /* where each value came from, for `show` */
};

#endif
