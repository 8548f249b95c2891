/* A fast Modbus TCP server for the benchmarks: one thread, epoll, no library, so that serving costs little beside
 * what is measured.
 *
 *     flood_server [PORT]        on 127.0.0.1; 0, the default, takes a free port
 *
 * Prints `listening PORT`. Answers functions 3 and 4 for any unit; other functions with exception 1, a wrong count
 * with 3, a range beyond 65536 with 2. Registers 2p and 2p+1 hold the big-endian single (ABCD) p + phase/16, where
 * the phase goes up by one with every answer on a connection and wraps at 16: values move, as on a plant. Requests may
 * be pipelined; answers keep their order and transaction ids. Ends when standard input closes.
 */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PHASES = 16,
    REGISTERS = 65536,
    LARGEST_READ = 125,
    MBAP_BYTES = 7,
    LARGEST_ADU_BYTES = 260,
    IN_BYTES = 4096,
    OUT_BYTES = 16384,
    BACKLOG = 4096,
    EVENTS = 256,
};

typedef struct {
    int fd;
    int phase;
    int waits_to_write;
    size_t in_used, out_from, out_used;
    uint8_t in[IN_BYTES], out[OUT_BYTES];
} connection_t;

static uint8_t tables[PHASES][REGISTERS * 2];
static int epoll;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void fill_tables(void)
{
    for (int phase = 0; phase < PHASES; phase++) {
        for (int pair = 0; pair < REGISTERS / 2; pair++) {
            float value = (float)pair + (float)phase / PHASES;
            uint32_t bits;
            memcpy(&bits, &value, sizeof bits);
            bits = htonl(bits);
            memcpy(&tables[phase][pair * 4], &bits, sizeof bits);
        }
    }
}

static unsigned word(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* Writes the answer to one whole request of `length` bytes at `out`; returns its bytes. */
static size_t answer(connection_t *c, const uint8_t *request, size_t length, uint8_t *out)
{
    uint8_t function = request[MBAP_BYTES], exception = 0;
    unsigned address = 0, count = 0;
    if (function != 3 && function != 4)
        exception = 1;
    else if (length != MBAP_BYTES + 5)
        exception = 3;
    else {
        address = word(request + MBAP_BYTES + 1);
        count = word(request + MBAP_BYTES + 3);
        if (count < 1 || count > LARGEST_READ)
            exception = 3;
        else if (address + count > REGISTERS)
            exception = 2;
    }
    size_t pdu;
    if (exception) {
        out[MBAP_BYTES] = function | 0x80;
        out[MBAP_BYTES + 1] = exception;
        pdu = 2;
    } else {
        out[MBAP_BYTES] = function;
        out[MBAP_BYTES + 1] = (uint8_t)(count * 2);
        memcpy(out + MBAP_BYTES + 2, &tables[c->phase][address * 2], count * 2);
        c->phase = (c->phase + 1) % PHASES;
        pdu = 2 + count * 2;
    }
    memcpy(out, request, 4); /* transaction and protocol */
    out[4] = (uint8_t)((pdu + 1) >> 8);
    out[5] = (uint8_t)(pdu + 1);
    out[6] = request[6]; /* unit */
    return MBAP_BYTES + pdu;
}

/* Answers the whole requests in `in` while there is room in `out`. False on a broken stream. */
static int answer_all(connection_t *c)
{
    size_t from = 0;
    while (c->in_used - from > MBAP_BYTES && OUT_BYTES - c->out_used >= LARGEST_ADU_BYTES) {
        const uint8_t *request = c->in + from;
        unsigned protocol = word(request + 2), rest = word(request + 4);
        if (protocol != 0 || rest < 2 || rest > LARGEST_ADU_BYTES - 6)
            return 0;
        size_t length = 6 + rest;
        if (c->in_used - from < length)
            break;
        c->out_used += answer(c, request, length, c->out + c->out_used);
        from += length;
    }
    memmove(c->in, c->in + from, c->in_used - from);
    c->in_used -= from;
    return 1;
}

/* Sends what is in `out`. False if the peer is gone. */
static int flush_out(connection_t *c)
{
    while (c->out_from < c->out_used) {
        ssize_t sent = send(c->fd, c->out + c->out_from, c->out_used - c->out_from, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN;
        c->out_from += (size_t)sent;
    }
    c->out_from = c->out_used = 0;
    return 1;
}

static void wait_for(connection_t *c, int to_write)
{
    if (c->waits_to_write == to_write)
        return;
    struct epoll_event event = {.events = to_write ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
    c->waits_to_write = to_write;
}

/* Answers, sends and receives until it must wait for the peer. False if the connection is over. */
static int serve(connection_t *c)
{
    for (int drained = 0;;) {
        size_t before;
        do {
            before = c->in_used;
            if (!answer_all(c) || !flush_out(c))
                return 0;
            if (c->out_used > 0) { /* the peer does not read: take no more from it */
                wait_for(c, 1);
                return 1;
            }
        } while (c->in_used < before);
        /* `out` is empty now, and `in` holds less than one request, so there is room in it. */
        if (drained) {
            wait_for(c, 0);
            return 1;
        }
        size_t room = IN_BYTES - c->in_used;
        ssize_t got = recv(c->fd, c->in + c->in_used, room, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return 0;
        c->in_used += got > 0 ? (size_t)got : 0;
        drained = got < (ssize_t)room; /* saves the call that would only say so */
    }
}

static void accept_all(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        connection_t *c = malloc(sizeof *c);
        if (!c) {
            close(fd);
            continue;
        }
        c->fd = fd;
        c->phase = c->waits_to_write = 0;
        c->in_used = c->out_from = c->out_used = 0;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
            close(fd);
            free(c);
        }
    }
}

static int listen_on(uint16_t port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, BACKLOG) < 0
        || getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        fail("flood_server: listen");
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    fill_tables();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        fail("flood_server: epoll");
    int listener = listen_on((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
    /* The addresses of these two mark their events. */
    int input = STDIN_FILENO;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &input;
    epoll_ctl(epoll, EPOLL_CTL_ADD, input, &event); /* refused for /dev/null and files: then only a signal ends it */

    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR)
            fail("flood_server: epoll");
        for (int n = 0; n < ready; n++) {
            connection_t *c = events[n].data.ptr;
            if (events[n].data.ptr == &listener) {
                accept_all(listener);
            } else if (events[n].data.ptr == &input) {
                char ignored[256];
                if (read(input, ignored, sizeof ignored) <= 0)
                    return 0;
            } else if (!serve(c)) {
                close(c->fd);
                free(c);
            }
        }
    }
}
