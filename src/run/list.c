#include "run/list.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "data/files.h"

struct dd__list {
    const char *const *paths; /* (count) */
    size_t count;
    dd__files_search search;
    pthread_t thread;
    atomic_bool stop;

    pthread_mutex_t lock;       /* of all below */
    pthread_cond_t put, taken;  /* what was done, for the one who waits for it */
    char *names[DD__LIST_ROOM]; /* a ring */
    size_t first, used;
    bool ended;
    dd_status status; /* of the search */
    char *message;    /* why it failed */
};

/* ---- The thread --------------------------------------------------------------------------- */

static dd_status put(void *context, const char *path) {
    dd__list *list = context;
    char *name = dd__copy_string(path);
    if (!name) return dd__no_memory(strlen(path) + 1);
    pthread_mutex_lock(&list->lock);
    while (list->used == DD__LIST_ROOM && !atomic_load(&list->stop))
        pthread_cond_wait(&list->taken, &list->lock);
    bool fits = list->used < DD__LIST_ROOM;
    if (fits) list->names[(list->first + list->used++) % DD__LIST_ROOM] = name;
    pthread_cond_signal(&list->put);
    pthread_mutex_unlock(&list->lock);
    if (!fits) dd__free(name);
    return DD_OK; /* the search looks at `stop` itself */
}

static void *search(void *context) {
    dd__list *list = context;
    dd_status status = dd__files_search_run(&list->search, list->paths, list->count);
    pthread_mutex_lock(&list->lock);
    list->ended = true;
    list->status = status;
    if (status != DD_OK) list->message = dd__copy_string(dd_message());
    pthread_cond_signal(&list->put);
    pthread_mutex_unlock(&list->lock);
    return NULL;
}

/* ---- The caller's side -------------------------------------------------------------------- */

dd_status dd__list_start(const char *const *paths, size_t count, char end, dd__list **out) {
    dd__list *list = dd__alloc(1, sizeof *list);
    if (!list) return dd__no_memory(sizeof *list);
    list->paths = paths;
    list->count = count;
    list->search = (dd__files_search){
        .list = STDIN_FILENO, .end = end, .stop = &list->stop, .function = put, .context = list};
    pthread_mutex_init(&list->lock, NULL);
    pthread_cond_init(&list->put, NULL);
    pthread_cond_init(&list->taken, NULL);
    if (pthread_create(&list->thread, NULL, search, list) == 0) {
        *out = list;
        return DD_OK;
    }
    dd__free(list);
    return dd__fail(DD_MEMORY, "no thread to search files: the system gives no more");
}

void dd__list_free(dd__list *list) {
    if (!list) return;
    pthread_mutex_lock(&list->lock);
    atomic_store(&list->stop, true);
    pthread_cond_signal(&list->taken);
    pthread_mutex_unlock(&list->lock);
    pthread_join(list->thread, NULL);
    for (size_t i = 0; i < list->used; i++)
        dd__free(list->names[(list->first + i) % DD__LIST_ROOM]);
    pthread_cond_destroy(&list->taken);
    pthread_cond_destroy(&list->put);
    pthread_mutex_destroy(&list->lock);
    dd__free(list->message);
    dd__free(list);
}

static dd_status failure(const dd__list *list) {
    if (list->status == DD_OK) return DD_OK;
    return dd__fail(list->status, "%s", list->message ? list->message : "not enough memory");
}

dd_status dd__list_take(dd__list *list, size_t wanted, bool wait, char **names, size_t *taken,
                        size_t *ahead) {
    pthread_mutex_lock(&list->lock);
    while (wait && list->used < wanted && !list->ended) pthread_cond_wait(&list->put, &list->lock);
    size_t some = list->used < wanted ? list->used : wanted;
    if (some < wanted && !list->ended) some = 0;
    for (size_t i = 0; i < some; i++) names[i] = list->names[(list->first + i) % DD__LIST_ROOM];
    list->first = (list->first + some) % DD__LIST_ROOM;
    list->used -= some;
    *taken = some;
    *ahead = list->ended ? list->used : SIZE_MAX;
    bool failed = wait && some == 0 && list->ended;
    pthread_cond_signal(&list->taken);
    pthread_mutex_unlock(&list->lock);
    return failed ? failure(list) : DD_OK;
}
