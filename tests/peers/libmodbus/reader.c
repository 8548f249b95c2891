/* The benchmarks' opponent: what a plain, well-written single-threaded C program on libmodbus costs.
 *
 *     reader HOST PORT CONNECTIONS REGISTERS PERIOD_MS SECONDS
 *
 * Opens CONNECTIONS Modbus TCP connections (at most MOST_CONNECTIONS: libmodbus waits by select). At every whole
 * PERIOD_MS it reads, one connection after the other, REGISTERS holding registers from address 0, at most 125 a
 * request, connection k as unit 1 + k modulo 247; decodes them as big-endian singles (ABCD) and sums them; then
 * sleeps until the next tick. A tick that is over before its turn came is skipped and counted as late, never made
 * up for.
 *
 * Prints one JSON line:
 *   polls      answered polls (one connection, one period)       registers  registers they brought
 *   errors     polls that failed; the connection is made anew    late       polls of skipped ticks
 *   cpu_s      user + system time of the polling part            wall_s     its duration
 *   sum        of the decoded values of the last full round, so that the decoding cannot be optimised away
 */
#include <errno.h>
#include <math.h>
#include <modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

enum { LARGEST_READ = 125, LARGEST_TABLE = 65536, HIGHEST_UNIT = 247, MOST_CONNECTIONS = FD_SETSIZE - 8 };
static const int64_t NANOS = 1000000000;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NANOS + now.tv_nsec;
}

static void sleep_until(int64_t at_ns)
{
    struct timespec at = {.tv_sec = at_ns / NANOS, .tv_nsec = at_ns % NANOS};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

static double cpu_s(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec)
        + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int connect_one(modbus_t *modbus)
{
    if (modbus_connect(modbus) < 0)
        return -1;
    int yes = 1;
    setsockopt(modbus_get_socket(modbus), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return 0;
}

static int read_all(modbus_t *modbus, int registers, uint16_t *table)
{
    for (int from = 0; from < registers; from += LARGEST_READ) {
        int count = registers - from < LARGEST_READ ? registers - from : LARGEST_READ;
        if (modbus_read_registers(modbus, from, count, table + from) != count)
            return -1;
    }
    return 0;
}

static double sum_of(const uint16_t *table, int registers)
{
    double sum = 0;
    for (int n = 0; n + 1 < registers; n += 2)
        sum += modbus_get_float_abcd(table + n);
    return sum;
}

static long positive(const char *text, const char *what, long most)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (*end || number < 1 || number > most) {
        fprintf(stderr, "reader: %s must be 1 to %ld, not %s\n", what, most, text);
        exit(2);
    }
    return number;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: reader HOST PORT CONNECTIONS REGISTERS PERIOD_MS SECONDS\n");
        return 2;
    }
    int port = (int)positive(argv[2], "PORT", 65535);
    int connections = (int)positive(argv[3], "CONNECTIONS", MOST_CONNECTIONS);
    int registers = (int)positive(argv[4], "REGISTERS", LARGEST_TABLE);
    int64_t period_ns = positive(argv[5], "PERIOD_MS", 3600000) * 1000000;
    int64_t ticks = positive(argv[6], "SECONDS", 1000000) * NANOS / period_ns;

    modbus_t **all = calloc((size_t)connections, sizeof *all);
    uint16_t *table = calloc((size_t)registers, sizeof *table);
    if (!all || !table)
        return 1;
    for (int k = 0; k < connections; k++) {
        all[k] = modbus_new_tcp(argv[1], port);
        if (!all[k] || modbus_set_slave(all[k], 1 + k % HIGHEST_UNIT) < 0 || connect_one(all[k]) < 0) {
            fprintf(stderr, "reader: connection %d: %s\n", k, modbus_strerror(errno));
            return 1;
        }
    }

    int64_t polls = 0, errors = 0, late = 0;
    double sum = 0;
    int64_t began = now_ns() / period_ns * period_ns + period_ns;
    sleep_until(began);
    double cpu_before = cpu_s();
    for (int64_t tick = 0; tick < ticks;) {
        sum = 0;
        for (int k = 0; k < connections; k++) {
            if (read_all(all[k], registers, table) == 0) {
                polls++;
                sum += sum_of(table, registers);
            } else {
                errors++;
                modbus_close(all[k]);
                connect_one(all[k]); /* if it fails, the next read fails and tries again */
            }
        }
        int64_t next = (now_ns() - began) / period_ns + 1;
        if (next > tick + 1)
            late += ((next < ticks ? next : ticks) - tick - 1) * connections;
        tick = next;
        if (tick < ticks)
            sleep_until(began + tick * period_ns);
    }
    /* The last period ends too, so that the quotient of CPU and wall time is that of whole periods. */
    sleep_until(began + ticks * period_ns);
    double cpu = cpu_s() - cpu_before;
    double wall = (double)(now_ns() - began) / (double)NANOS;
    char sum_text[32] = "null"; /* JSON has no NaN, which is what registers that hold no singles may decode to */
    if (isfinite(sum))
        snprintf(sum_text, sizeof sum_text, "%.17g", sum);
    printf("{\"polls\":%lld,\"registers\":%lld,\"errors\":%lld,\"late\":%lld,"
           "\"cpu_s\":%.6f,\"wall_s\":%.6f,\"sum\":%s}\n",
           (long long)polls, (long long)polls * registers, (long long)errors, (long long)late, cpu, wall, sum_text);
    for (int k = 0; k < connections; k++) {
        modbus_close(all[k]);
        modbus_free(all[k]);
    }
    free(all);
    free(table);
    return 0;
}
