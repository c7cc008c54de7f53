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

/* What secures a connection, from the one who dials to whom it reaches: */
enum sl_connection_security {
    SL_SECURITY_MTLS, /* mutual TLS between the two nodes; the default */
    SL_SECURITY_TLS,  /* TLS with a certificate of the accepter's side alone, a proxy's maybe; mutual TLS inside */
    SL_SECURITY_CLEAR /* nothing: the path secures, where a setting says so; mutual TLS inside all the same */
};

/* One address to listen on. What the file leaves out has been taken from transport.*. */
struct sl_listener_setting {
    char *address; /* "host:port" */
    enum sl_connection_security security;
    bool proxy;            /* all who come share the address of a proxy, so that the limits are of the whole listener */
    double handshake_rate; /* a second; it and the next two: of each address that connects, or of all where `proxy` */
    uint64_t handshake_burst;
    uint64_t max_connections;
    unsigned given; /* bit i: the file has member i of the table's row */
};

/* A rule for what is dialled at one address. */
struct sl_peer_setting {
    char *connect_to; /* "host:port" */
    char *node;       /* who must be there, and is dialled nowhere else; "": anybody */
    enum sl_connection_security security;
    char *custom_ca_cert; /* whom the outer TLS must be certified by, with `tls`; "": identity.ca */
    unsigned given;       /* as above */
};

/* Whether something may be absent. */
enum sl_requirement { SL_REQUIRED, SL_IF_PRESENT };

enum sl_name_from { SL_NAME_FROM_URI, SL_NAME_FROM_CN, SL_NAME_FROM_DNS };
enum sl_below_minimum { SL_BELOW_WAIT, SL_BELOW_TRAIN, SL_BELOW_STOP };
enum sl_when_outdated { SL_OUTDATED_STOP, SL_OUTDATED_GO_ON };
enum sl_weighting { SL_WEIGHTING_SAMPLES, SL_WEIGHTING_EQUAL };
enum sl_codec { SL_CODEC_F32, SL_CODEC_INT8 };
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
        char *name;         /* node.name: must be the name in the certificates */
        uint64_t workers;   /* worker threads, 0: one a processor; default 0 */
        char *state_folder; /* what it needs again after a restart; default "state" */
        enum sl_setting_journal {
            SL_SETTING_JOURNAL_NONE,
            SL_SETTING_JOURNAL_PROCESS,
            SL_SETTING_JOURNAL_POWER
        } journal;    /* what a restart goes on from; default process */
        bool confine; /* give up what a running node does not need; default true; file alone */
    } node;
    struct { /* security: file alone */
        char *ca;
        char *server_certificate, *server_key; /* keys: a path, or a URI that begins with "pkcs11:" */
        char *client_certificate, *client_key;
        char *passphrase_file;       /* of the keys, or PIN of the token; "" none */
        char *passphrase_variable;   /* name of the environment variable that has it; "" none; not both */
        enum sl_name_from name_from; /* uri (default), cn, dns */
        enum sl_requirement crl;     /* a list of revoked certificates of each issuer; default required */
        char *crl_file;              /* default "crl.pem" */
        enum sl_requirement purpose; /* an extended key usage in each certificate; default required */
        struct sl_string_list allow; /* names of nodes; empty (default): every member */
    } identity;
    struct {
        enum sl_connection_security connection_security; /* default mtls; file alone */
        struct {
            struct sl_listener_setting *items;
            size_t count;
        } listen;                        /* default ["127.0.0.1:7400"] */
        struct sl_string_list advertise; /* "host:port"; default: what it listens on, but for those behind a proxy */
        struct {
            struct sl_peer_setting *items;
            size_t count;
        } peers;                  /* file alone; default none */
        char *priorities;         /* GnuTLS priority string; file alone; default AES-GCM first, TLS 1.3 only */
        double handshake_timeout; /* s, default 10 */
        double handshake_rate;    /* a second and address, default 20 */
        uint64_t handshake_burst; /* default 128, ≥ 64 */
        double ping_interval;     /* s, default 1 */
        double stall_timeout;     /* s, default 30 */
        uint64_t max_connections; /* default 1024 */
        uint64_t max_connections_per_address;     /* default 256 */
        uint64_t max_unauthenticated;             /* default 256 */
        uint64_t max_unauthenticated_per_address; /* default 64 */
        uint64_t control_messages;                /* a second and peer, default 10000 */
        uint64_t control_bytes;                   /* a second and peer, default 16 MiB */
        uint64_t window_bytes;                    /* credit a streaming transfer, default 4 MiB, ≥ 256 KiB */
        uint64_t key_update_bytes;                /* a connection's new keys; 0: when TLS wants them; else ≥ 16 MiB */
        char *congestion;                         /* TCP congestion control; "" the system's */
    } transport;
    struct {
        struct sl_string_list join; /* "host:port" of known nodes; flag --join adds */
        double suspect_after;       /* s without an answer to probes, default 2 */
        double drop_after;          /* s as a suspect, see membership/detector.h; default 2 */
        double dial_retry_min;      /* s, default 0.1 */
        double dial_retry_max;      /* s, default 10 */
        uint64_t full_mesh;         /* members, default 128 */
        bool expel_on_proof;        /* refuse and drop a node that a proof convicts; default false; file alone */
        char *proof_folder;         /* default "proofs" */
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
        uint64_t pending_max;                /* default 0: 2 × the peers of a round */
        enum sl_when_outdated outdated;      /* default stop */
        double linger_max;                   /* s after the last round, default 10 */
    } round;
    struct {
        bool stream;               /* default false */
        enum sl_weighting weights; /* samples (default), equal */
        enum sl_codec codec;       /* f32 (default), int8 */
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
        char *file;  /* record.file: the record of the run, JSON lines; "" none; default "record.jsonl" */
        bool ledger; /* record.ledger: default true */
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
