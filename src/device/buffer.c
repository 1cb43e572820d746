/* buffer.c: memory of a device. */
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "device/opencl.h"

static double megabytes(uint64_t bytes) { return (double)bytes / 1e6; }

/* "the budget", in words that tell what to do about it. */
static const char *budget_name(const dd_device *device) {
    return device->budget == device->opened.memory_bytes ? "that it may use"
                                                         : "that are 80 % of its memory";
}

dd_status dd__device_fits(const dd_device *device, const dd__need *need) {
    const dd_device_info *info = &device->info;
    if (need->largest > info->largest_allocation_bytes)
        return dd__fail(DD_MEMORY,
                        "%s: %s needs a buffer of %.1f MB, the device's largest is %.1f MB",
                        info->name, need->what, megabytes(need->largest),
                        megabytes(info->largest_allocation_bytes));
    if (need->bytes <= device->budget && device->bytes <= device->budget - need->bytes)
        return DD_OK;
    return dd__fail(DD_MEMORY, "%s: %.1f MB are needed, %.1f MB are in use of the %.1f MB %s",
                    info->name, megabytes(need->bytes), megabytes(device->bytes),
                    megabytes(device->budget), budget_name(device));
}

static dd_status check_size(const dd_device *device, size_t bytes) {
    if (bytes == 0) return dd__fail(DD_USAGE, "%s: a buffer of 0 bytes", device->info.name);
    return dd__device_fits(device, &(dd__need){bytes, bytes, "this"});
}

/* The reference: memory aligned as the views expect, from a block with room to spare. */
static dd_status create_host(dd__buffer *buffer) {
    if (buffer->bytes > SIZE_MAX - DD__ALIGNMENT) return dd__no_memory(buffer->bytes);
    buffer->block = dd__alloc(buffer->bytes + DD__ALIGNMENT, 1);
    if (!buffer->block) return dd__no_memory(buffer->bytes);
    uintptr_t at = (uintptr_t)buffer->block;
    buffer->host = (char *)buffer->block + (DD__ALIGNMENT - at % DD__ALIGNMENT) % DD__ALIGNMENT;
    return DD_OK;
}

/* Where device memory is the host's, large buffers are lent huge pages: a walk down the rows of a
 * 64 MB matrix takes 3.6 ms on PoCL instead of 4.8, the first touch 9 ms instead of 30. Without
 * them, or without memory for it, the runtime allocates as it likes. */
static void lend_pages(dd__buffer *buffer) {
#ifdef MADV_HUGEPAGE
    enum { HUGE_PAGE = 2 << 20 };
    const dd_device *device = buffer->device;
    size_t bytes = buffer->bytes + 2 * HUGE_PAGE; /* whole pages from an aligned start */
    if (device->info.type != DD_DEVICE_CPU || device->class != DD_CLASS_CPU) return;
    if (buffer->bytes < 2 * HUGE_PAGE || bytes < buffer->bytes) return;
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return;
    buffer->pages = pages;
    buffer->page_bytes = bytes;
    buffer->lent = (char *)pages + (HUGE_PAGE - (uintptr_t)pages % HUGE_PAGE) % HUGE_PAGE;
    madvise(buffer->lent, bytes - HUGE_PAGE, MADV_HUGEPAGE);
#else
    (void)buffer;
#endif
}

/* Launches that still use them must have ended. */
static void take_back_pages(dd__buffer *buffer) {
    if (buffer->pages) munmap(buffer->pages, buffer->page_bytes);
}

static dd_status create_opencl(dd__buffer *buffer) {
    dd_device *device = buffer->device;
    cl_int error;
    DD_TRY(dd__device_usable(device));
    lend_pages(buffer);
    cl_mem_flags flags = CL_MEM_READ_WRITE | (buffer->lent ? CL_MEM_USE_HOST_PTR : 0u);
    buffer->memory = clCreateBuffer(device->context, flags, buffer->bytes, buffer->lent, &error);
    if (error == CL_SUCCESS) return DD_OK;
    take_back_pages(buffer);
    return dd__cl_fail(device, error, "a buffer of %.1f MB", megabytes(buffer->bytes));
}

dd_status dd__buffer_create(dd_device *device, size_t bytes, dd__buffer **buffer) {
    *buffer = NULL;
    DD_TRY(check_size(device, bytes));
    dd__buffer *created = dd__alloc(1, sizeof *created);
    if (!created) return dd__no_memory(sizeof *created);
    created->device = device;
    created->bytes = bytes;
    dd_status status = device->id ? create_opencl(created) : create_host(created);
    if (status != DD_OK) {
        dd__free(created);
        return status;
    }
    device->bytes += bytes;
    *buffer = created;
    return DD_OK;
}

static dd_status check_range(const dd__buffer *buffer, size_t offset, size_t bytes) {
    if (offset <= buffer->bytes && bytes <= buffer->bytes - offset) return DD_OK;
    return dd__fail(DD_USAGE, "%s: bytes %zu to %zu of a buffer of %zu", buffer->device->info.name,
                    offset, offset + bytes, buffer->bytes);
}

/* OpenCL knows no parts of parts: always one of the whole buffer. */
static dd_status create_sub_buffer(dd__buffer *view) {
    cl_int error;
    cl_buffer_region region = {view->offset, view->bytes};
    const dd__buffer *whole = view->parent;
    for (; whole->parent; whole = whole->parent) region.origin += whole->offset;
    DD_TRY(dd__device_usable(view->device));
    view->memory = clCreateSubBuffer(whole->memory, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                                     &region, &error);
    if (error == CL_SUCCESS) return DD_OK;
    return dd__cl_fail(view->device, error, "a view of %zu bytes from %zu", view->bytes,
                       view->offset);
}

dd_status dd__buffer_view(dd__buffer *parent, size_t offset, size_t bytes, dd__buffer **view) {
    *view = NULL;
    DD_TRY(check_range(parent, offset, bytes));
    if (offset % DD__ALIGNMENT || bytes == 0)
        return dd__fail(DD_USAGE,
                        "a view of %zu bytes from %zu: expected at least 1, from a multiple of %d",
                        bytes, offset, (int)DD__ALIGNMENT);
    dd__buffer *created = dd__alloc(1, sizeof *created);
    if (!created) return dd__no_memory(sizeof *created);
    created->device = parent->device;
    created->bytes = bytes;
    created->parent = parent;
    created->offset = offset;
    created->host = parent->host ? parent->host + offset : NULL;
    dd_status status = parent->host ? DD_OK : create_sub_buffer(created);
    if (status != DD_OK) {
        dd__free(created);
        return status;
    }
    *view = created;
    return DD_OK;
}

void dd__buffer_free(dd__buffer *buffer) {
    if (!buffer) return;
    dd_device *device = buffer->device;
    if (buffer->memory && !device->lost) {
        /* its pages, and bytes that were sent to it, may be freed next */
        if (!buffer->parent) clFinish(device->queue);
        clReleaseMemObject(buffer->memory);
        take_back_pages(buffer);
    }
    if (!buffer->parent) device->bytes -= buffer->bytes;
    dd__free(buffer->block);
    dd__free(buffer);
}

size_t dd__buffer_bytes(const dd__buffer *buffer) { return buffer->bytes; }
void *dd__buffer_host(const dd__buffer *buffer) { return buffer->host; }

static dd_status write_bytes(dd__buffer *buffer, size_t offset, const void *from, size_t bytes,
                             cl_bool wait) {
    dd_device *device = buffer->device;
    DD_TRY(check_range(buffer, offset, bytes));
    if (bytes == 0) return DD_OK;
    if (buffer->host) {
        memcpy(buffer->host + offset, from, bytes);
        return DD_OK;
    }
    DD_TRY(dd__device_usable(device));
    cl_int error = clEnqueueWriteBuffer(device->queue, buffer->memory, wait, offset, bytes, from, 0,
                                        NULL, NULL);
    if (error == CL_SUCCESS) return DD_OK;
    return dd__cl_fail(device, error, "writing %zu bytes", bytes);
}

dd_status dd__buffer_write(dd__buffer *buffer, size_t offset, const void *from, size_t bytes) {
    return write_bytes(buffer, offset, from, bytes, CL_TRUE);
}

dd_status dd__buffer_send(dd__buffer *buffer, size_t offset, const void *from, size_t bytes) {
    return write_bytes(buffer, offset, from, bytes, CL_FALSE);
}

dd_status dd__buffer_read(dd__buffer *buffer, size_t offset, void *to, size_t bytes) {
    dd_device *device = buffer->device;
    DD_TRY(check_range(buffer, offset, bytes));
    if (bytes == 0) return DD_OK;
    if (buffer->host) {
        memcpy(to, buffer->host + offset, bytes);
        return DD_OK;
    }
    DD_TRY(dd__device_usable(device));
    cl_int error = clEnqueueReadBuffer(device->queue, buffer->memory, CL_TRUE, offset, bytes, to, 0,
                                       NULL, NULL);
    device->queued_seconds = 0; /* as the queue is empty now */
    if (error == CL_SUCCESS) return DD_OK;
    if (error == CL_OUT_OF_RESOURCES) device->lost = true; /* as in dd__device_finish */
    return dd__cl_fail(device, error, "reading %zu bytes", bytes);
}

dd_status dd__buffer_zero(dd__buffer *buffer) {
    dd_device *device = buffer->device;
    if (buffer->host) {
        memset(buffer->host, 0, buffer->bytes);
        return DD_OK;
    }
    DD_TRY(dd__device_usable(device));
    const cl_uint zero = 0;
    size_t pattern = buffer->bytes % sizeof zero ? 1 : sizeof zero;
    cl_int error = clEnqueueFillBuffer(device->queue, buffer->memory, &zero, pattern, 0,
                                       buffer->bytes, 0, NULL, NULL);
    if (error == CL_SUCCESS) return DD_OK;
    return dd__cl_fail(device, error, "zeroing %zu bytes", buffer->bytes);
}
