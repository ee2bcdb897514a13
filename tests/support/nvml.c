/* NVIDIA's management library, as far as the executor asks it: it answers what the file named by NVML_REPLAY says, read
 * anew for each question, in the structures of nvml.h. A line is `<device> <what> <value...>`; the value `!15` is an
 * NVML_ERROR, `hang` never returns, and what no line tells is not supported.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

typedef struct { char bus_id_legacy[16]; unsigned domain, bus, device, pci, subsystem; char bus_id[32]; } pci_info;
typedef struct { unsigned gpu, memory; } utilization;
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2;
typedef struct { unsigned pid; unsigned long long used; unsigned instance, compute; } process;
typedef struct { unsigned pid; unsigned long long time; unsigned sm, memory, encoder, decoder; } sample;

/* The nth line about this, its value in `value`. */
static int told(int device, const char *what, int nth, char value[256]) {
    FILE *file = fopen(getenv("NVML_REPLAY"), "r");
    char line[512], word[64];
    int number, result = NOT_SUPPORTED, from;
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%d %63s %n", &number, word, &from) < 2 || number != device || strcmp(word, what) || nth--)
            continue;
        snprintf(value, 256, "%s", line + from);
        result = value[0] == '!' ? atoi(value + 1) : SUCCESS;
        break;
    }
    if (file)
        fclose(file);
    while (result == SUCCESS && !strcmp(value, "hang"))
        pause();
    return result;
}

static int index_of(void *handle) { return (int)(intptr_t)handle - 1; }

int nvmlInitWithFlags(unsigned flags) {
    char value[256];
    (void)flags;
    int result = told(-1, "init", 0, value);
    return result == NOT_SUPPORTED ? SUCCESS : result;
}

int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int code) {
    static char text[32];
    snprintf(text, sizeof text, "NVML_ERROR %d", code);
    return text;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    char value[256];
    for (*count = 0; told((int)*count, "bus", 0, value) != NOT_SUPPORTED; ++*count)
        ;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    char value[256];
    int result = told((int)index, "handle", 0, value);
    *handle = (void *)(intptr_t)(index + 1);
    return result == NOT_SUPPORTED ? SUCCESS : result;
}

int nvmlDeviceGetName(void *handle, char *name, unsigned length) {
    char value[256];
    int result = told(index_of(handle), "name", 0, value);
    if (result == SUCCESS)
        snprintf(name, length, "%s", value);
    return result;
}

int nvmlDeviceGetPciInfo_v3(void *handle, pci_info *info) {
    char value[256];
    int result = told(index_of(handle), "bus", 0, value);
    if (result == SUCCESS)
        snprintf(info->bus_id, sizeof info->bus_id, "%s", value);
    return result;
}

int nvmlDeviceGetUtilizationRates(void *handle, utilization *use) {
    char value[256];
    int result = told(index_of(handle), "utilization", 0, value);
    if (result == SUCCESS)
        use->gpu = (unsigned)strtoul(value, NULL, 10);
    return result;
}

int nvmlDeviceGetMemoryInfo(void *handle, memory *info) {
    char value[256];
    int result = told(index_of(handle), "memory", 0, value);
    if (result == SUCCESS)
        info->used = strtoull(value, NULL, 10);
    return result;
}

int nvmlDeviceGetMemoryInfo_v2(void *handle, memory_v2 *info) {
    char value[256];
    int result = told(index_of(handle), "memory_v2", 0, value);
    if (result == SUCCESS && info->version != (sizeof *info | 2 << 24))
        return INVALID;
    if (result == SUCCESS)
        info->used = strtoull(value, NULL, 10);
    return result;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, process *list) {
    char value[256], used[64];
    unsigned room = *count;
    for (*count = 0;; ++*count) {
        int result = told(index_of(handle), "process", (int)*count, value);
        if (result == NOT_SUPPORTED && value[0] != '!')
            break;
        if (result != SUCCESS)
            return result;
        if (*count < room && sscanf(value, "%u %63s", &list[*count].pid, used) == 2)
            list[*count].used = strcmp(used, "N/A") ? strtoull(used, NULL, 10) : ~0ULL;
    }
    return *count > room ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetProcessUtilization(void *handle, sample *list, unsigned *count, unsigned long long since) {
    char value[256];
    unsigned room = list ? *count : 0, found = 0;
    for (int nth = 0;; ++nth) {
        sample one = {0};
        int result = told(index_of(handle), "sample", nth, value);
        if (result == NOT_SUPPORTED && value[0] != '!')
            break;
        if (result != SUCCESS)
            return result;
        sscanf(value, "%u %llu %u", &one.pid, &one.time, &one.sm);
        if (one.time <= since)
            continue;
        if (found < room)
            list[found] = one;
        ++found;
    }
    *count = found;
    return !found ? NOT_FOUND : found > room ? INSUFFICIENT_SIZE : SUCCESS;
}
