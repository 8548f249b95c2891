/* An independent Modbus TCP server on libmodbus, for the black-box tests.
 *
 *     server [PORT]        on 127.0.0.1; 0, the default, takes a free port
 *
 * Prints `listening PORT`. Serves any number of connections (up to FD_SETSIZE) by select. Holding register N of
 * unit U holds U*1000+N, modulo 65536, until a client writes it. Units are 1 to UNITS; another is answered with
 * exception 0x0B, as a gateway does. Ends when standard input closes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { UNITS = 247, REGISTERS = 1000, BACKLOG = 64 };

static modbus_mapping_t *units[UNITS + 1];

static void fail(const char *what)
{
    fprintf(stderr, "server: %s: %s\n", what, modbus_strerror(errno));
    exit(1);
}

static void fill_units(void)
{
    for (int unit = 1; unit <= UNITS; unit++) {
        modbus_mapping_t *map = modbus_mapping_new(REGISTERS, REGISTERS, REGISTERS, REGISTERS);
        if (!map)
            fail("memory");
        for (int n = 0; n < REGISTERS; n++)
            map->tab_registers[n] = (uint16_t)(unit * 1000 + n);
        units[unit] = map;
    }
}

/* Answers one request on `connection`; false if the connection is to be closed. */
static int serve_one(modbus_t *modbus, int connection)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(modbus, connection);
    int length = modbus_receive(modbus, request);
    if (length < 0)
        return 0;
    if (length == 0)
        return 1;
    int unit = request[modbus_get_header_length(modbus) - 1];
    if (unit < 1 || unit > UNITS)
        return modbus_reply_exception(modbus, request, MODBUS_EXCEPTION_GATEWAY_TARGET) >= 0;
    return modbus_reply(modbus, request, length, units[unit]) >= 0;
}

static int accept_one(int listener)
{
    int connection = accept(listener, NULL, NULL);
    if (connection < 0)
        return -1;
    if (connection >= FD_SETSIZE) {
        fprintf(stderr, "server: more than %d connections\n", FD_SETSIZE);
        close(connection);
        return -1;
    }
    int yes = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return connection;
}

int main(int argc, char **argv)
{
    fill_units();
    /* Bound by hand: libmodbus 3.1 cannot be asked which free port it took. */
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, BACKLOG) < 0
        || getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        fail("listen");
    modbus_t *modbus = modbus_new_tcp(NULL, 0);
    if (!modbus)
        fail("libmodbus");
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);

    fd_set open_ones;
    FD_ZERO(&open_ones);
    FD_SET(STDIN_FILENO, &open_ones);
    FD_SET(listener, &open_ones);
    int highest = listener;
    for (;;) {
        fd_set ready = open_ones;
        if (select(highest + 1, &ready, NULL, NULL, NULL) < 0) {
            if (errno == EINTR)
                continue;
            fail("select");
        }
        for (int fd = 0; fd <= highest; fd++) {
            if (!FD_ISSET(fd, &ready))
                continue;
            if (fd == STDIN_FILENO) {
                char ignored[256];
                if (read(fd, ignored, sizeof ignored) <= 0)
                    return 0;
            } else if (fd == listener) {
                int connection = accept_one(listener);
                if (connection >= 0) {
                    FD_SET(connection, &open_ones);
                    highest = connection > highest ? connection : highest;
                }
            } else if (!serve_one(modbus, fd)) {
                FD_CLR(fd, &open_ones);
                close(fd);
            }
        }
    }
}
