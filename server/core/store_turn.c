/* SPDX-License-Identifier: Apache-2.0 */
#include "store_memory_private.h"

/* ---- requests ---- */

static void queue_init(struct rnl_request_queue *queue)
{
    queue->first = NULL;
    queue->tail = &queue->first;
    queue->count = 0;
}

static void queue_add(struct rnl_request_queue *queue,
                      struct rnl_store_request *request)
{
    request->next = NULL;
    *queue->tail = request;
    queue->tail = &request->next;
    queue->count++;
}

/* Puts the requests of one queue behind those of another. */
static void queue_move(struct rnl_request_queue *to,
                       struct rnl_request_queue *from)
{
    if (from->first == NULL)
        return;
    *to->tail = from->first;
    to->tail = from->tail;
    to->count += from->count;
    queue_init(from);
}

/* Moves the first requests of one queue, up to those of a commit. */
static void queue_take(struct rnl_request_queue *to,
                       struct rnl_request_queue *from, uint64_t commit)
{
    struct rnl_store_request *request;
    while ((request = from->first) != NULL && request->commit <= commit) {
        from->first = request->next;
        from->count--;
        queue_add(to, request);
    }
    if (from->first == NULL)
        queue_init(from);
}

/* Empties the queue; a request may be gone once it is called. */
static void queue_call(struct rnl_request_queue *queue)
{
    struct rnl_store_request *request = queue->first;
    queue_init(queue);
    while (request != NULL) {
        struct rnl_store_request *next = request->next;
        request->done(request, request->code);
        request = next;
    }
}

/* ---- open ---- */

static void want_turn(struct rnl_memory *memory, int64_t due_ns)
{
    /* Cannot fail: the timer is started already. */
    if (due_ns < memory->turn.due_ns)
        (void)!rnl_timer_start(memory->options.timers, &memory->turn, due_ns);
}

static bool is_in_flight(const struct rnl_memory *memory)
{
    return memory->commits != memory->reported;
}

/* Half of the larger of the last two groups, so that halves of unequal size
 * become equal. */
static size_t enough_requests(const struct rnl_memory *memory)
{
    const size_t *last = memory->last_requests;
    return (last[0] > last[1] ? last[0] : last[1]) / 2;
}

/* A journal's group goes in front of all else that is due: it is written while
 * the loop goes on, and jobs that begin in this turn of the loop join the next
 * group, in which a short one is written with its end, once.
 *
 * Once half as many callers wait as the last group had, it does not even wait
 * for the rest of the turn. Else callers that once met in one group would stay
 * together: journal and loop would take turns at them, and each be idle half of
 * the time. So two halves alternate. While a group is in flight those for whom
 * somebody waits are handed over at the end of each turn (join_group). */
static void want_group(struct rnl_memory *memory)
{
    size_t count = memory->open_requests.count;
    bool busy = is_in_flight(memory);
    if (memory->stalled || (busy && count == 0))
        return;
    if (memory->options.journal == NULL)
        want_turn(memory, 0);
    else if (!busy && count > 0 && count >= enough_requests(memory))
        want_turn(memory, RNL_STORE_DUE_AT_ONCE);
    else
        want_turn(memory, RNL_STORE_DUE_AT_ONCE + 1);
}

bool rnl_memory_busy(struct rnl_store *store)
{
    struct rnl_memory *memory = rnl_memory_of(store);
    bool busy =
        memory->stalled || memory->waiting_bytes >= RNL_STORE_BUSY_BYTES;
    memory->was_busy |= busy;
    return busy;
}

void rnl_memory_init_turn(struct rnl_memory *memory)
{
    TAILQ_INIT(&memory->open);
    TAILQ_INIT(&memory->flight);
    TAILQ_INIT(&memory->lingering);
    STAILQ_INIT(&memory->told);
    queue_init(&memory->open_requests);
    queue_init(&memory->flight_requests);
    memory->turn.fire = rnl_memory_run_turn;
    memory->turn.arg = memory;
}

static void stop_lingering(struct rnl_memory *memory, struct rnl_item *item)
{
    TAILQ_REMOVE(&memory->lingering, item, open_link);
    TAILQ_INSERT_TAIL(&memory->open, item, open_link);
    item->lingers = false;
}

static void open_item(struct rnl_memory *memory, struct rnl_item *item)
{
    if (item->lingers) {
        stop_lingering(memory, item);
    } else if (!item->in_open) {
        TAILQ_INSERT_TAIL(&memory->open, item, open_link);
        item->in_open = true;
    }
}

void rnl_memory_report(struct rnl_memory *memory, struct rnl_item *item)
{
    open_item(memory, item);
    want_group(memory);
}

void rnl_memory_queue(struct rnl_memory *memory, struct rnl_item *item,
                      struct rnl_store_request *request)
{
    if (request == NULL)
        return;
    item->awaited = true;
    request->code = RNL_OK;
    queue_add(&memory->open_requests, request);
    want_group(memory);
}

/* Comes back when the first that lingers has done so long enough. */
static void await_lingering(struct rnl_memory *memory)
{
    const struct rnl_item *first = TAILQ_FIRST(&memory->lingering);
    if (first != NULL && !is_in_flight(memory) && !memory->stalled)
        want_turn(memory, first->linger_ns);
}

void rnl_memory_linger(struct rnl_memory *memory, struct rnl_item *item)
{
    if (memory->options.journal == NULL || !item->in_open || item->lingers ||
        item->awaited || item->trimmed ||
        item->log.last_sequence > item->journaled_sequence + 1)
        return;
    TAILQ_REMOVE(&memory->open, item, open_link);
    TAILQ_INSERT_TAIL(&memory->lingering, item, open_link);
    item->lingers = true;
    item->linger_ns = *memory->options.now_ns + RNL_STORE_LINGER_NS;
    await_lingering(memory);
}

/* Those that have lingered until now are open like others. */
static void end_lingering(struct rnl_memory *memory, int64_t now_ns)
{
    struct rnl_item *item;
    while ((item = TAILQ_FIRST(&memory->lingering)) != NULL &&
           item->linger_ns <= now_ns)
        stop_lingering(memory, item);
}

/* ---- open to flight ---- */

static enum rnl_code journal_item(struct rnl_memory *memory,
                                  const struct rnl_item *item)
{
    struct rnl_journal *journal = memory->options.journal;
    struct rnl_journal_change change = {
        .number = item->number,
        .id = item->node.id,
        .removed = item->removed,
        .is_new = item->is_new,
        .hash = item->hash,
        .key = item->key,
        .input = item->input,
        .input_len = item->input_len,
        .record = item->record_changed ? item->record : NULL,
        .record_len = item->record_len,
        .expire_ns = item->in_ended ? item->expiry.due_ns : INT64_MAX,
        .first_sequence = item->first_sequence,
        .trimmed = item->trimmed,
        .trimmed_count = item->trimmed_count,
        .log = &item->log,
        .after_sequence = item->journaled_sequence,
    };
    /* Put and removed in one turn: the journal need not know. */
    if (journal == NULL || (item->removed && item->is_new))
        return RNL_OK;
    return journal->ops->change(journal, &change);
}

static void enter_flight(struct rnl_memory *memory, struct rnl_item *item)
{
    TAILQ_REMOVE(&memory->open, item, open_link);
    item->in_open = false;
    item->awaited = false;
    TAILQ_INSERT_TAIL(&memory->flight, item, flight_link);
    item->in_flight = true;
    item->flight_commit = memory->commits;
    item->flight_new = item->is_new;
    item->flight_removed = item->removed;
    item->flight_record = item->record_changed;
    item->flight_trimmed = item->trimmed;
    item->flight_sequence = item->log.last_sequence;
    item->is_new = false;
    item->record_changed = false;
    item->trimmed = false;
    item->trimmed_count = 0;
    item->journaled_sequence = item->flight_sequence;
}

/* Of the next commit. False when memory was out on the way: what was open in
 * front is in flight, and no request is. */
static bool make_group(struct rnl_memory *memory)
{
    struct rnl_item *item;
    memory->commits++;
    while ((item = TAILQ_FIRST(&memory->open)) != NULL) {
        if (journal_item(memory, item) != RNL_OK)
            return false;
        enter_flight(memory, item);
    }
    memory->waiting_bytes = 0;
    struct rnl_store_request *request = memory->open_requests.first;
    for (; request != NULL; request = request->next)
        request->commit = memory->commits;
    queue_move(&memory->flight_requests, &memory->open_requests);
    return true;
}

static void try_later(struct rnl_memory *memory)
{
    want_turn(memory, *memory->options.now_ns + RNL_STORE_RETRY_NS);
}

/* Tells the listener that it may write again. */
static void relieve(struct rnl_memory *memory)
{
    const struct rnl_store_listener *listener = &memory->store.listener;
    if (!memory->was_busy || rnl_memory_busy(&memory->store))
        return;
    memory->was_busy = false;
    listener->ready(listener->arg);
}

static bool is_open(const struct rnl_memory *memory)
{
    return !TAILQ_EMPTY(&memory->open) || memory->open_requests.first != NULL;
}

/* What is in flight cannot be handed over again before its report; and what
 * nobody waits for, or what has lingered long enough, goes with the group that
 * begins then. So nothing is left behind by those that come after it. */
static bool may_join(const struct rnl_memory *memory)
{
    const struct rnl_item *item = TAILQ_FIRST(&memory->lingering);
    if (memory->open_requests.first == NULL ||
        (item != NULL && item->linger_ns <= *memory->options.now_ns))
        return false;
    TAILQ_FOREACH(item, &memory->open, open_link)
    if (item->in_flight || !item->awaited)
        return false;
    return true;
}

/* Hands all that is open to the journal, behind what is in flight, so that it
 * goes on without waiting until the loop has time for its report. */
static void join_group(struct rnl_memory *memory)
{
    struct rnl_journal *journal = memory->options.journal;
    if (!may_join(memory) || !journal->ops->join(journal))
        return;
    (void)make_group(memory);
    journal->ops->commit(journal);
}

/* Makes a group of all that is open; nothing is in flight. */
static void begin_group(struct rnl_memory *memory)
{
    struct rnl_journal *journal = memory->options.journal;
    if (journal != NULL)
        end_lingering(memory, *memory->options.now_ns);
    bool whole = make_group(memory);
    if (TAILQ_EMPTY(&memory->flight) && memory->flight_requests.first == NULL) {
        memory->commits--;
        if (!whole)
            try_later(memory);
        return;
    }
    if (journal == NULL)
        rnl_memory_committed(memory, memory->commits, RNL_OK);
    else
        journal->ops->commit(journal);
}

void rnl_memory_run_turn(struct rnl_timer *timer, void *arg)
{
    struct rnl_memory *memory = arg;
    /* Its slot has just become free. */
    (void)!rnl_timer_start(memory->options.timers, timer, INT64_MAX);
    if (is_in_flight(memory)) {
        join_group(memory);
        return;
    }
    memory->stalled = false;
    begin_group(memory);
    if (is_in_flight(memory))
        return;
    relieve(memory);
    await_lingering(memory);
}

/* ---- out of flight ---- */

/* The next that has been reported; NULL: there is no more. */
static struct rnl_item *leave_flight(struct rnl_memory *memory)
{
    struct rnl_item *item = TAILQ_FIRST(&memory->flight);
    if (item == NULL || item->flight_commit > memory->reported)
        return NULL;
    TAILQ_REMOVE(&memory->flight, item, flight_link);
    item->in_flight = false;
    return item;
}

/* It is durable; the listener is told later. */
static void settle(struct rnl_memory *memory, struct rnl_item *item)
{
    item->put_request = NULL;
    item->told_removed = item->flight_removed;
    STAILQ_INSERT_TAIL(&memory->told, item, told_link);
    if (item->removed)
        return;
    item->committed_sequence = item->flight_sequence;
    if (memory->options.journal != NULL) {
        if (rnl_item_forget(item))
            rnl_cache_add(memory, item);
    } else if (item->first_sequence > 1) {
        rnl_item_drop_trimmed(item);
        rnl_memory_count_bytes(memory, item);
    }
}

static void tell(struct rnl_memory *memory, struct rnl_item *item)
{
    const struct rnl_store_listener *listener = &memory->store.listener;
    if (item->told_removed) {
        listener->removed(listener->arg, item->node.id);
        rnl_item_free(item);
        return;
    }
    /* The listener may remove the job: nothing of it is used afterwards. */
    if (!item->removed)
        listener->committed(listener->arg, item->node.id,
                            item->committed_sequence);
}

/* Nothing of the group was written: what was put is refused, the rest is open
 * again. */
static void take_back(struct rnl_memory *memory, struct rnl_item *item,
                      enum rnl_code code)
{
    item->is_new = item->flight_new;
    item->record_changed |= item->flight_record;
    item->trimmed |= item->flight_trimmed;
    /* However many: they go in small steps. */
    if (item->flight_trimmed)
        item->trimmed_count = item->first_sequence;
    item->journaled_sequence = item->committed_sequence;
    if (item->put_request != NULL)
        item->put_request->code = code;
    if (item->flight_new && !item->removed)
        rnl_memory_remove_item(memory, item);
    /* Somebody may wait for what was in flight. */
    item->awaited = true;
    open_item(memory, item);
    item->put_request = NULL;
}

static void refuse_group(struct rnl_memory *memory, enum rnl_code code)
{
    struct rnl_request_queue refused;
    struct rnl_request_queue again;
    struct rnl_item *item;
    queue_init(&refused);
    queue_init(&again);
    while ((item = leave_flight(memory)) != NULL)
        take_back(memory, item, code);
    struct rnl_store_request *next = memory->flight_requests.first;
    queue_init(&memory->flight_requests);
    while (next != NULL) {
        struct rnl_store_request *request = next;
        next = request->next;
        queue_add(request->code == RNL_OK ? &again : &refused, request);
    }
    queue_move(&again, &memory->open_requests);
    memory->open_requests = again;
    if (again.first == NULL)
        queue_init(&memory->open_requests);
    memory->stalled = true;
    try_later(memory);
    queue_call(&refused);
}

/* The journal has the next group before anybody is told of this one: it works
 * while the loop does. */
static void finish_group(struct rnl_memory *memory)
{
    struct rnl_request_queue done;
    struct rnl_item *item;
    queue_init(&done);
    queue_take(&done, &memory->flight_requests, memory->reported);
    memory->last_requests[1] = memory->last_requests[0];
    memory->last_requests[0] = done.count;
    while ((item = leave_flight(memory)) != NULL)
        settle(memory, item);
    if (is_in_flight(memory))
        join_group(memory);
    else if (memory->options.journal != NULL && is_open(memory))
        begin_group(memory);
    while ((item = STAILQ_FIRST(&memory->told)) != NULL) {
        STAILQ_REMOVE_HEAD(&memory->told, told_link);
        tell(memory, item);
    }
    queue_call(&done);
}

void rnl_memory_committed(void *arg, uint64_t commits, enum rnl_code code)
{
    struct rnl_memory *memory = arg;
    memory->reported = commits;
    if (code == RNL_OK)
        finish_group(memory);
    else
        refuse_group(memory, code);
    if (is_open(memory))
        want_group(memory);
    else
        await_lingering(memory);
    relieve(memory);
}

/* Frees what of the flight only waits to be reported. */
static void drop_flight(struct rnl_memory *memory)
{
    struct rnl_item *item;
    memory->reported = memory->commits;
    while ((item = leave_flight(memory)) != NULL)
        if (item->flight_removed)
            rnl_item_free(item);
}

void rnl_memory_last_group(struct rnl_memory *memory)
{
    struct rnl_journal *journal = memory->options.journal;
    drop_flight(memory);
    if (memory->stalled)
        return;
    end_lingering(memory, INT64_MAX);
    (void)make_group(memory);
    if (!TAILQ_EMPTY(&memory->flight))
        journal->ops->commit(journal);
}

void rnl_memory_drop_reports(struct rnl_memory *memory)
{
    struct rnl_item *item;
    drop_flight(memory);
    end_lingering(memory, INT64_MAX);
    while ((item = TAILQ_FIRST(&memory->open)) != NULL) {
        TAILQ_REMOVE(&memory->open, item, open_link);
        item->in_open = false;
        if (item->removed)
            rnl_item_free(item);
    }
}
