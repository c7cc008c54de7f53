/* Every setting, a row each. */
#include "settings/rows.h"

/* AES-GCM first: with the processor's instructions it is ten times as fast as ChaCha20. */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"

/* clang-format off */
const struct sl_setting sl_setting_table[] = {
    {"flock.name", NAME(flock.name),
     .description = "Name of the flock. The certificates must say the same."},
    {"flock.start_nodes", INTEGER(flock.start_nodes, 1, 10000), .standard = "1", .unit = "nodes",
     .description = "Round 1 begins when that many nodes are ready, this one included."},
    {"flock.run", NAME(flock.run), .standard = "default",
     .description = "Name of the run. Nodes of different runs refuse each other, so that a new run starts clean."},
    {"flock.epoch", INTEGER(flock.epoch, 0, EXACT_MAX), .standard = "0",
     .description = "Counts the restarts of a run from a checkpoint; raised by the operator, on all nodes alike."},
    {"flock.seed", INTEGER(flock.seed, 0, EXACT_MAX), .standard = "1",
     .description = "Seed of the initial model and of the overlay. It must be the same on all nodes."},

    {"node.name", NAME(node.name),
     .description = "Name of this node, its own in the flock. The certificates must say the same."},
    {"node.workers", INTEGER(node.workers, 0, 256), .standard = "0", .unit = "threads",
     .description = "Worker threads for digests, mixing and files; 0 means one a processor."},
    {"node.state_folder", PATH(node.state_folder, 1), .standard = "state",
     .description = "Folder of this node alone for what it needs again after a restart, such as the peers that it "
                    "knows; made where it is missing."},
    {"node.journal", CHOICE(node.journal, "none", "process", "power"), .standard = "process",
     .description = "What this node writes to its state folder of what it promised to others, so that it goes on where "
                    "it was after a crash: enough for the end of the process (process), synced for a power cut (power), "
                    "or nothing (none): then it begins anew, and takes the flock's model. With mix.stream it is none."},
    {"node.confine", BOOLEAN(node.confine), .standard = "true", .security = true,
     .description = "Give up, once all is open, what a running node does not need: other files (Landlock), other "
                    "system calls (seccomp), new privileges and core dumps. The log says what is on."},

    {"identity.ca", PATH(identity.ca, 1), .security = true,
     .description = "Certificate of the flock's authority. Whoever it certified may join. While a flock moves from one "
                    "authority to the next the file has both."},
    {"identity.server_certificate", PATH(identity.server_certificate, 1), .security = true,
     .description = "Certificate that this node shows to those who connect to it, with its chain."},
    {"identity.server_key", KEY(identity.server_key), .security = true,
     .description = "Private key of the server certificate."},
    {"identity.client_certificate", PATH(identity.client_certificate, 1), .security = true,
     .description = "Certificate that this node shows to those it connects to, with its chain."},
    {"identity.client_key", KEY(identity.client_key), .security = true,
     .description = "Private key of the client certificate. It signs this node's updates too."},
    {"identity.passphrase_file", PATH(identity.passphrase_file, 0), .standard = "", .security = true,
     .description = "File whose first line is the passphrase of encrypted keys, or the PIN of the token. Without it and "
                    "identity.passphrase_variable the program asks on the terminal where a key needs one."},
    {"identity.passphrase_variable", TEXT(identity.passphrase_variable, 0, 255), .standard = "", .security = true,
     .description = "Name of the environment variable that has it instead."},
    {"identity.name_from", CHOICE(identity.name_from, "uri", "cn", "dns"), .standard = "uri", .security = true,
     .description = "Where a certificate says whose it is: the URI starling://FLOCK/NODE among its alternative names "
                    "(uri), or, where there is no such URI, its common name (cn) or its only DNS name (dns)."},
    {"identity.crl", CHOICE(identity.crl, "required", "if-present"), .standard = "required", .security = true,
     .description = "Whether each issuer in a chain must have a list of revoked certificates in identity.crl_file. A "
                    "list that is out of date is refused either way."},
    {"identity.crl_file", PATH(identity.crl_file, 1), .standard = "crl.pem", .security = true,
     .description = "Lists of revoked certificates, in PEM. A newer list that a peer has, signed by the same authority, "
                    "replaces the one here."},
    {"identity.purpose", CHOICE(identity.purpose, "required", "if-present"), .standard = "required", .security = true,
     .description = "Whether a certificate must say what it is for (extended key usage: server or client). One that "
                    "says something else is refused either way."},
    {"identity.allow", NAMES(identity.allow, 10000), .standard = "", .security = true,
     .description = "Names of the nodes that are let in. Empty: every member of the flock."},

    {"transport.connection_security", CHOICE(transport.connection_security, "mtls", "tls", "clear"),
     .standard = "mtls", .security = true,
     .description = "What secures a connection, where neither its listener nor a rule of transport.peers says "
                    "otherwise: mutual TLS between the nodes (mtls), TLS with a server certificate only (tls), or the "
                    "path itself (clear). In tls and clear the nodes do the mutual handshake inside the connection, and "
                    "every message is authenticated; in clear everybody on the path can read."},
    {"transport.listen", OBJECTS(transport.listen, 1, 16, sl_setting_listener), .standard = "127.0.0.1:7400",
     .description = "Addresses to listen on; port 0 means any free one. Objects are for the file alone, and where it "
                    "has one, neither flag nor variable may replace the list."},
    {"transport.advertise", ADDRESSES(transport.advertise, 0, 16), .standard = "",
     .derived = "what transport.listen has, but for listeners behind a proxy",
     .description = "Addresses by which others reach this node. It must be given where this node listens on all "
                    "addresses of the machine (0.0.0.0, [::]), which say nothing to others."},
    {"transport.peers", OBJECTS(transport.peers, 0, 1024, sl_setting_peer), .standard = "", .security = true,
     .description = "Rules for addresses that this node dials. What others advertise never changes how they are "
                    "dialled."},
    {"transport.priorities", TEXT(transport.priorities, 1, 1024), .standard = PRIORITIES, .security = true,
     .description = "Cipher suites, as a priority string of GnuTLS. TLS below 1.3 is refused whatever it says."},
    {"transport.handshake_timeout", SECONDS(transport.handshake_timeout, 0.1, 300), .standard = "10",
     .description = "How long a connection may take until both ends are admitted."},
    {"transport.handshake_rate", NUMBER(transport.handshake_rate, 0.01, 1000000), .standard = "20",
     .unit = "handshakes a second",
     .description = "How many handshakes one address may begin; more are closed before they cost anything."},
    {"transport.handshake_burst", INTEGER(transport.handshake_burst, 64, 1000000), .standard = "128",
     .unit = "handshakes", .description = "How many of them may come at once."},
    {"transport.ping_interval", SECONDS(transport.ping_interval, 0.01, 300), .standard = "1",
     .description = "How often a node probes one of the others, each in its turn. All nodes should have the same."},
    {"transport.stall_timeout", SECONDS(transport.stall_timeout, 0.1, 3600), .standard = "30",
     .description = "A message that was begun must be whole within it, and a peer must take 64 KiB of what waits for "
                    "it, or the connection is closed."},
    {"transport.max_connections", INTEGER(transport.max_connections, 1, 100000), .standard = "1024",
     .unit = "connections", .description = "More are not accepted."},
    {"transport.max_connections_per_address", INTEGER(transport.max_connections_per_address, 1, 100000),
     .standard = "256", .unit = "connections",
     .description = "More are not accepted from one address (of IPv6: from one /64)."},
    {"transport.max_unauthenticated", INTEGER(transport.max_unauthenticated, 1, 100000), .standard = "256",
     .unit = "connections", .description = "Connections that are not admitted yet; more are not accepted."},
    {"transport.max_unauthenticated_per_address", INTEGER(transport.max_unauthenticated_per_address, 1, 100000),
     .standard = "64", .unit = "connections", .description = "The same, from one address."},
    {"transport.control_messages", INTEGER(transport.control_messages, 100, 1000000000), .standard = "10000",
     .unit = "messages a second",
     .description = "A peer that sends more messages, those that carry pieces of a model not counted, is cut off."},
    {"transport.control_bytes", INTEGER(transport.control_bytes, 1048576, 1000000000000.0), .standard = "16777216",
     .unit = "bytes a second", .description = "The same, in bytes."},
    {"transport.window_bytes", INTEGER(transport.window_bytes, 262144, 1073741824), .standard = "4194304",
     .unit = "bytes", .description = "How far a peer may send ahead of what was mixed, with mix.stream."},
    {"transport.key_update_bytes", INTEGER(transport.key_update_bytes, 0, EXACT_MAX), .standard = "0",
     .unit = "bytes",
     .description = "After how many bytes that it sent on a connection (mtls, tls) this node changes the keys, twice a "
                    "second at most: 16777216 or more, or 0 for when TLS must, which is after some 256 GiB."},
    {"transport.congestion", TEXT(transport.congestion, 0, 15), .standard = "",
     .description = "Congestion control of TCP, such as bbr on links that lose packets; empty for the system's."},

    {"membership.join", ADDRESSES(membership.join, 0, 1024), .standard = "", .adds = true, .dialled = true,
     .description = "Known nodes; one that answers is enough, the others are learned from it. The flag --join adds to "
                    "this list. Empty for the first node of a flock."},
    {"membership.suspect_after", SECONDS(membership.suspect_after, 0.05, 3600), .standard = "2",
     .description = "A peer that has not answered for so long, and to two probes, neither itself nor through others, "
                    "is suspect: rounds no longer wait for it."},
    {"membership.drop_after", SECONDS(membership.drop_after, 0.05, 86400), .standard = "2",
     .description = "A peer that is suspect for so long, times the logarithm to base 10 of the number of nodes where "
                    "that is above 1, is dropped from the roster; for up to three times as long while fewer than four "
                    "nodes suspect it."},
    {"membership.dial_retry_min", SECONDS(membership.dial_retry_min, 0.01, 3600), .standard = "0.1",
     .description = "Pause before a failed connection is tried again; it doubles each time."},
    {"membership.dial_retry_max", SECONDS(membership.dial_retry_max, 0.01, 3600), .standard = "10",
     .description = "The longest such pause."},
    {"membership.full_mesh", INTEGER(membership.full_mesh, 1, 20000), .standard = "128", .unit = "nodes",
     .description = "Up to so many nodes each is connected with all others; above that with about twelve, and with those "
                    "that it exchanges models with."},
    {"membership.expel_on_proof", BOOLEAN(membership.expel_on_proof), .standard = "false", .security = true,
     .description = "Refuse and drop a node of which there is a proof that it told two different things about one "
                    "round. Proofs are kept and spread in any case. It must be the same on all nodes."},
    {"membership.proof_folder", PATH(membership.proof_folder, 1), .standard = "proofs",
     .description = "Folder for such proofs; made where it is missing and one is found."},

    {"overlay.topology", .type = SL_SETTING_TOPOLOGY, AT(overlay.topology), .min = 1, .max = 4095, .standard = "full",
     .description = "Who exchanges with whom: full, ring, torus, hypercube, star (the first name is the hub), "
                    "regular:S (a random graph with S neighbours a node, another one each round), static-regular:S "
                    "(the same each round), small-world:K,P (a ring with K neighbours, each edge moved with "
                    "probability P) or file:PATH (two names a line). S and K are even. It must be the same on all "
                    "nodes."},

    {"round.rounds", INTEGER(round.rounds, 1, 1000000000), .standard = "20", .unit = "rounds",
     .description = "Length of the run. It must be the same on all nodes."},
    {"round.averaging_rounds", INTEGER(round.averaging_rounds, 0, 1000000000), .standard = "0", .unit = "rounds",
     .description = "How many of the last rounds only average, without training, which brings the nodes' models "
                    "together. It must be the same on all nodes."},
    {"round.deadline_min", SECONDS(round.deadline_min, 0.001, 86400), .standard = "10",
     .description = "After its own training a node waits for its peers' updates at least so long."},
    {"round.deadline_max", SECONDS(round.deadline_max, 0.001, 86400), .standard = "60",
     .description = "And at most so long. In between the wait follows from how late updates came so far."},
    {"round.min_peers_to_start", INTEGER(round.min_peers_to_start, 0, 9999), .standard = "0",
     .derived = "flock.start_nodes - 1", .unit = "peers",
     .description = "A node begins when that many peers are connected."},
    {"round.min_peers_per_round", INTEGER(round.min_peers_per_round, 0, 9999), .standard = "0", .unit = "peers",
     .description = "Where fewer exchanges than that counted in a round, round.below_minimum says what follows."},
    {"round.below_minimum", CHOICE(round.below_minimum, "wait", "train", "stop"), .standard = "wait",
     .description = "After a round with too few exchanges: wait until enough peers are connected, train on alone, or "
                    "stop."},
    {"round.stale_rounds", INTEGER(round.stale_rounds, 1, 1000000000), .standard = "100", .unit = "rounds",
     .description = "A node that is further behind than that takes the flock's model instead of catching up."},
    {"round.pending_max", INTEGER(round.pending_max, 0, 20000), .standard = "0",
     .unit = "exchanges",
     .description = "So many exchanges may wait for the other end's word at once, two models are kept for each; 0 means "
                    "twice the peers of a round. Beyond that this node promises nothing, but where one has waited for "
                    "more than round.stale_rounds it is written off for another."},
    {"round.outdated", CHOICE(round.outdated, "stop", "go-on"), .standard = "stop",
     .description = "Where most peers are in a later epoch (flock.epoch): stop, or go on with those of one's own."},
    {"round.linger_max", SECONDS(round.linger_max, 0, 86400), .standard = "10",
     .description = "After its last round a node stays at most so long for those who are not done."},

    {"mix.stream", BOOLEAN(mix.stream), .standard = "false",
     .description = "Average each piece as soon as every peer has sent it, instead of holding whole updates: less "
                    "memory and time, but a peer that fails midway is left out from that piece on. Needs the full "
                    "topology."},
    {"mix.weights", CHOICE(mix.weights, "samples", "equal"), .standard = "samples",
     .description = "Whether an update counts by the number of examples it was trained on, or all count the same."},
    {"mix.codec", CHOICE(mix.codec, "f32", "int8"), .standard = "f32",
     .description = "How updates travel: as they are (f32), or in a quarter of the bytes, rounded by chance to 255 steps "
                    "of each 1,024 values (int8). The average over the flock is kept exactly either way. It must be the "
                    "same on all nodes; not with mix.stream."},

    {"learner.trainer", CHOICE(learner.trainer, "mlp", "lenet5", "idle"), .standard = "mlp",
     .description = "The built-in network: a multilayer perceptron, LeNet-5, or one that does nothing, for measuring."},
    {"learner.optimizer", CHOICE(learner.adam, "sgd", "adam"), .standard = "sgd",
     .description = "Stochastic gradient descent (with learner.momentum) or Adam."},
    {"learner.rate", NUMBER(learner.rate, 0, 100), .above_min = true, .standard = "0.1",
     .description = "Learning rate."},
    {"learner.momentum", NUMBER(learner.momentum, 0, 1), .below_max = true, .standard = "0",
     .description = "Momentum of sgd; with 0 no state is kept."},
    {"learner.beta1", NUMBER(learner.beta1, 0, 1), .below_max = true, .standard = "0.9",
     .description = "Adam: decay of the mean of the gradients."},
    {"learner.beta2", NUMBER(learner.beta2, 0, 1), .below_max = true, .standard = "0.999",
     .description = "Adam: decay of the mean of their squares."},
    {"learner.delta", NUMBER(learner.delta, 0, 1), .above_min = true, .standard = "1e-8",
     .description = "Adam: the small number that keeps a quotient finite (epsilon in the paper)."},
    {"learner.epochs", NUMBER(learner.epochs, 0, 10000), .above_min = true, .standard = "1", .unit = "epochs",
     .description = "Passes over this node's data a round; parts of one are allowed."},
    {"learner.steps", INTEGER(learner.steps, 0, 1000000000), .standard = "0", .unit = "batches",
     .description = "Batches a round; 0 means that learner.epochs decides."},
    {"learner.batch", INTEGER(learner.batch, 1, 65536), .standard = "64", .unit = "examples",
     .description = "Examples in a batch."},
    {"learner.lanes", INTEGER(learner.lanes, 1, 256), .standard = "1", .unit = "lanes",
     .description = "Slices of a batch that are computed one beside the other. Their number is part of what decides "
                    "the bits of the result, so leave it when you change learner.threads."},
    {"learner.threads", INTEGER(learner.threads, 1, 256), .standard = "1", .unit = "threads",
     .description = "Threads that train, at most one a lane. They do not change the result."},
    {"learner.idle_bytes", INTEGER(learner.idle_bytes, 4, 17000000000.0), .standard = "1000000", .unit = "bytes",
     .description = "Size of the model of the idle trainer; four bytes are one value."},
    {"learner.evaluate_every", INTEGER(learner.evaluate_every, 0, 1000000000), .standard = "1", .unit = "rounds",
     .description = "How often the model is tried on data.test; 0 means only after the last round."},

    {"data.format", CHOICE(data.format, "none", "idx", "cifar10"), .standard = "none",
     .description = "Format of the files: IDX as MNIST and its kin have it (also gzipped), the binary batches of "
                    "CIFAR-10, or no data, for the idle trainer."},
    {"data.train", PATHS(data.train, 64), .standard = "",
     .description = "Files to learn from: for idx the images, then the labels; for cifar10 the batches."},
    {"data.test", PATHS(data.test, 64), .standard = "",
     .description = "Files to measure accuracy on, given likewise; empty for none."},
    {"data.partition", .type = SL_SETTING_PARTITION, AT(data.partition), .min = 1, .max = 4095, .standard = "iid",
     .description = "How data.train is split among the nodes of a trial on one data set: iid (equal parts at random), "
                    "shards:K (K pieces of the examples sorted by label), dirichlet:ALPHA (each class in random "
                    "proportions; the smaller ALPHA, the more unequal) or share:P1,P2,... (random parts in these "
                    "proportions)."},
    {"data.part", INTEGER(data.part, 0, 9999), .standard = "0",
     .description = "Which part is this node's, counted from 0."},
    {"data.parts", INTEGER(data.parts, 1, 10000), .standard = "1", .unit = "parts",
     .description = "How many parts there are. 1: all of data.train is this node's."},
    {"data.seed", INTEGER(data.seed, 0, EXACT_MAX), .standard = "1",
     .description = "Seed of the split. It must be the same on all nodes that share a data set."},

    {"model.folder", PATH(model.folder, 0), .standard = "models",
     .description = "Folder for saved models (safetensors); made where it is missing. Empty: nothing is saved."},
    {"model.save_every", INTEGER(model.save_every, 0, 1000000000), .standard = "1", .unit = "rounds",
     .description = "How often the model is saved; 0 means only after the last round."},
    {"model.keep", INTEGER(model.keep, 0, 1000000000), .standard = "2", .unit = "models",
     .description = "How many saved models stay; 0 means all."},

    {"record.file", PATH(record.file, 0), .standard = "record.jsonl",
     .description = "File for the record of the run (JSON lines). Empty for none."},
    {"record.ledger", BOOLEAN(record.ledger), .standard = "true",
     .description = "Write down what each exchange gave and took, as a few numbers, so that \"starling ledger check\" "
                    "can show from the records of all nodes that nothing of what was learned was lost or counted twice."},

    {"log.level", CHOICE(log.level, "debug", "info", "warning", "error"), .standard = "info",
     .description = "Lines below this level are left out."},
    {"log.format", CHOICE(log.json, "logfmt", "json"), .standard = "logfmt",
     .description = "Form of a line: logfmt for people, json for programs."},
};
/* clang-format on */
const size_t sl_setting_count = COUNT(sl_setting_table);
