/* The one program of an image without a shell. It adds a line to the file `ledger` where it begins, and then

    exit CODE       says where it is and what its home is, and ends
    told CODE       says that it has begun, and ends when it is told to
    deaf            says that it has begun, and ends when it is killed
    listen PORT     says hello to whoever connects at 127.0.0.1
*/
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t ending;

static void told(int signal) { ending = signal; }

static int listens(int port) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port)};
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&place, sizeof place) || listen(server, 8))
        return 1;
    puts("listening");
    while (!ending) {
        int peer = accept(server, NULL, NULL);
        if (peer >= 0 && write(peer, "hello", 5) == 5)
            close(peer);
    }
    return 0;
}

int main(int count, char **words) {
    char here[4096];
    setvbuf(stdout, NULL, _IONBF, 0);
    FILE *ledger = fopen("ledger", "a");
    if (count < 2 || !ledger || fputs("start\n", ledger) < 0 || fclose(ledger))
        return 99;
    int number = count > 2 ? atoi(words[2]) : 0;
    if (!strcmp(words[1], "exit")) {
        printf("%s %s\n", getcwd(here, sizeof here), getenv("HOME"));
        return number;
    }
    struct sigaction on_term = {.sa_handler = strcmp(words[1], "deaf") ? told : SIG_IGN};
    sigaction(SIGTERM, &on_term, NULL);
    if (!strcmp(words[1], "listen"))
        return listens(number);
    puts("begun");
    while (!ending)
        usleep(10000);
    puts("told");
    return number;
}
