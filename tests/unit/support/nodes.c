#include "support/nodes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { BYTES = 600000, PATIENCE = 240 /* s */ }; /* three chunks a model */

static void die(const char *what) {
    (void)fprintf(stderr, "test support: %s\n", what);
    abort();
}

void sl_test_nodes_init(struct sl_test_nodes *nodes) {
    *nodes = (struct sl_test_nodes){.folder = NULL};
    (void)signal(SIGPIPE, SIG_IGN);
    sl_test_flock_init(&nodes->flock, "demo");
    sl_test_write_member(&nodes->flock, "alice");
    sl_test_write_member(&nodes->flock, "bob");
    if (sem_init(&nodes->ended, 0, 0) != 0)
        die("sem_init");
}

void sl_test_nodes_finish(struct sl_test_nodes *nodes) {
    (void)sem_destroy(&nodes->ended);
    sl_test_flock_finish(&nodes->flock);
}

static void sink(void *context, enum sl_log_level level, const char *subsystem, const char *message,
                 const struct sl_field *fields) {
    struct sl_test_member *member = context;
    (void)level;
    (void)subsystem;
    if (strcmp(message, "listening") == 0)
        (void)snprintf(member->address, sizeof member->address, "%s", fields[0].value.text);
}

static void write_settings(const struct sl_test_member *member, const char *path, const char *join) {
    FILE *file = fopen(path, "w");
    const char *name = member->name, *quote = join[0] != '\0' ? "\"" : "";
    if (file == NULL)
        die(path);
    (void)fprintf(
        file,
        "{\"flock\":{\"name\":\"demo\",\"run\":\"r1\",\"start_nodes\":2},"
        "\"node\":{\"name\":\"%s\",\"workers\":2,\"state_folder\":\"run/%s-state\"},"
        "\"identity\":{\"ca\":\"ca.pem\",\"server_certificate\":\"%s-server.pem\",\"server_key\":\"%s-server.key\","
        "\"client_certificate\":\"%s-client.pem\",\"client_key\":\"%s-client.key\"},"
        "\"membership\":{\"join\":[%s%s%s],\"proof_folder\":\"run/%s-proofs\"},"
        "\"transport\":{\"listen\":[\"127.0.0.1:0\"]},\"learner\":{\"trainer\":\"idle\",\"idle_bytes\":%d},"
        "\"model\":{\"folder\":\"run/%s-models\",\"save_every\":1},\"record\":{\"file\":\"run/%s.jsonl\"},"
        "\"round\":{\"rounds\":2,\"deadline_min\":5,\"deadline_max\":5,\"linger_max\":1}}",
        name, name, name, name, name, name, quote, join, quote, name, BYTES, name, name);
    if (fclose(file) != 0)
        die(path);
}

void sl_test_nodes_load(struct sl_test_nodes *nodes, size_t which) {
    struct sl_test_member *member = &nodes->members[which];
    struct sl_error error = {.status = SL_OK, .text = ""};
    *member =
        (struct sl_test_member){.name = which == 0 ? "alice" : "bob", .ended = &nodes->ended, .outcome = SL_INTERNAL};
    member->log = (struct sl_log){.sink = sink, .context = member, .level = SL_LOG_INFO};
    if (nodes->folder == NULL) {
        nodes->folder = sl_test_path(nodes->flock.folder, "run");
        if (mkdir(nodes->folder, 0700) != 0)
            die(nodes->folder);
    }
    char *path = sl_test_path(nodes->flock.folder, which == 0 ? "alice.json" : "bob.json");
    write_settings(member, path, which == 0 ? "" : nodes->members[0].address);
    if (sl_settings_load(&member->settings, path, NULL, 0, &error) != SL_OK)
        die(error.text);
    free(path);
}

enum sl_status sl_test_nodes_create(struct sl_test_nodes *nodes, size_t which, struct sl_error *error) {
    struct sl_test_member *member = &nodes->members[which];
    const struct sl_node_options options = {.settings = member->settings, .log = &member->log};
    return sl_node_create(&member->node, &options, error);
}

static void *run(void *context) {
    struct sl_test_member *member = context;
    member->outcome = sl_node_run(member->node, &member->failure);
    atomic_store(&member->over, true);
    (void)sem_post(member->ended);
    return NULL;
}

static bool wait_for_one(struct sl_test_nodes *nodes) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    int waited;
    while ((waited = sem_timedwait(&nodes->ended, &until)) != 0 && errno == EINTR)
        ;
    return waited == 0;
}

bool sl_test_nodes_run(struct sl_test_nodes *nodes) {
    for (size_t i = 0; i < 2; i++)
        if (pthread_create(&nodes->members[i].thread, NULL, run, &nodes->members[i]) != 0)
            die("pthread_create");
    if (!wait_for_one(nodes))
        return false;
    for (size_t i = 0; i < 2; i++)
        if (atomic_load(&nodes->members[i].over) && nodes->members[i].outcome != SL_OK)
            sl_node_stop(nodes->members[1 - i].node);
    if (!wait_for_one(nodes))
        return false;
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(nodes->members[i].thread, NULL);
    return true;
}

const char *sl_test_nodes_complaint(const struct sl_test_nodes *nodes, bool failed) {
    size_t failures = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct sl_test_member *member = &nodes->members[i];
        bool alone = nodes->members[1 - i].outcome != SL_OK; /* it may have been asked to stop */
        if (member->outcome == SL_OK || member->outcome == SL_LEFT_OUT || (alone && member->outcome == SL_CANCELLED))
            continue;
        failures++;
        if (!failed || failures > 1 || member->failure.text[0] == '\0')
            return member->failure.text[0] != '\0' ? member->failure.text : sl_status_text(member->outcome);
    }
    return NULL;
}

void sl_test_nodes_forget(struct sl_test_nodes *nodes) {
    for (size_t i = 0; i < 2; i++) {
        sl_node_destroy(nodes->members[i].node);
        sl_settings_destroy(nodes->members[i].settings);
        nodes->members[i].node = NULL;
        nodes->members[i].settings = NULL;
    }
    sl_test_folder_remove(nodes->folder);
    nodes->folder = NULL;
}
