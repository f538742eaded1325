#include "tests/protocol/channel/fake_xen.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/channel/vchan_handle.hpp"

extern "C" {
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
}

using zynclone::tests::FakeXen;

namespace {

constexpr std::size_t k_page = 4096;

// What unmapping tells the peer: a byte becomes 0 and an event is sent.
struct Notice {
  unsigned char* byte = nullptr;
  unsigned port = 0;
};

struct Machine {
  int memory = -1;                    // a page for each grant reference
  unsigned next_reference = 8;        // 0 is none
  unsigned ring_reference = 0;
  void* ring_for_test = nullptr;
  unsigned next_port = 1;
  std::map<unsigned, xenevtchn_handle*> ports;
  std::map<unsigned, unsigned> peers;  // port to port, both ways
  std::map<void*, Notice> notices;
};

Machine machine;

void* map_pages(unsigned first, std::size_t count, int protection) {
  return ::mmap(nullptr, count * k_page, protection, MAP_SHARED, machine.memory, static_cast<off_t>(first * k_page));
}

unsigned allocate_pages(std::size_t count) {
  const unsigned first = machine.next_reference;
  machine.next_reference += static_cast<unsigned>(count);
  if (::ftruncate(machine.memory, static_cast<off_t>(machine.next_reference * k_page)) != 0) std::abort();
  return first;
}

}  // namespace

// Delivered once, then held back until unmasked, as /dev/xen/evtchn does.
struct xenevtchn_handle {
  int ends[2];
  unsigned port = 0;
  bool delivered = false;
  bool latched = false;
  void raise() {
    if (delivered) {
      latched = true;
      return;
    }
    delivered = true;
    if (::write(ends[1], &port, sizeof port) != sizeof port) std::abort();
  }
};
struct xengntdev_handle {
  int descriptor;
};
struct xs_handle {};

namespace {

void notify_peer(unsigned port) {
  const auto peer = machine.peers.find(port);
  if (peer == machine.peers.end()) return;
  if (const auto handle = machine.ports.find(peer->second); handle != machine.ports.end()) handle->second->raise();
}

int unmap(void* address, std::size_t count, int& counter) {
  if (const auto notice = machine.notices.find(address); notice != machine.notices.end()) {
    *notice->second.byte = 0;
    notify_peer(notice->second.port);
    machine.notices.erase(notice);
  }
  counter -= static_cast<int>(count);
  return ::munmap(address, count * k_page);
}

std::string absolute(const char* path) { return path[0] == '/' ? path : std::string("/local/domain/1/") + path; }

}  // namespace

FakeXen& FakeXen::instance() {
  static FakeXen fake;
  return fake;
}

void FakeXen::reset() {
  if (machine.memory >= 0) ::close(machine.memory);
  machine = Machine{.memory = ::memfd_create("pages", MFD_CLOEXEC)};
  *this = FakeXen{};
}

vchan_interface* FakeXen::ring_page() {
  machine.ring_for_test = map_pages(machine.ring_reference, 1, PROT_READ | PROT_WRITE);
  return static_cast<vchan_interface*>(machine.ring_for_test);
}

void FakeXen::notify_all() {
  for (auto& [port, handle] : machine.ports) handle->raise();
}

zynclone::Result<void> zynclone::channel::check_vchan_devices() {
  if (!FakeXen::instance().server_has_devices) return fail(Errc::xen, "no such device");
  return outcome::success();
}

extern "C" {

xenevtchn_handle* xenevtchn_open(xentoollog_logger*, unsigned) {
  auto* handle = new xenevtchn_handle;
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, handle->ends) != 0) std::abort();
  ++FakeXen::instance().open_event_handles;
  return handle;
}
int xenevtchn_close(xenevtchn_handle* handle) {
  if (handle == nullptr) return 0;
  machine.ports.erase(handle->port);
  if (::close(handle->ends[0]) != 0) std::abort();  // closed twice by somebody
  ::close(handle->ends[1]);
  delete handle;
  --FakeXen::instance().open_event_handles;
  return 0;
}
int xenevtchn_fd(xenevtchn_handle* handle) { return handle->ends[0]; }
int xenevtchn_notify(xenevtchn_handle*, evtchn_port_t port) {
  notify_peer(port);
  return 0;
}
xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle* handle, uint32_t) {
  handle->port = machine.next_port++;
  machine.ports[handle->port] = handle;
  return static_cast<int>(handle->port);
}
xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle* handle, uint32_t, evtchn_port_t remote) {
  if (!machine.ports.contains(remote)) {
    errno = EINVAL;
    return -1;
  }
  const int port = xenevtchn_bind_unbound_port(handle, 0);
  machine.peers[handle->port] = remote;
  machine.peers[remote] = handle->port;
  return port;
}
int xenevtchn_unbind(xenevtchn_handle*, evtchn_port_t) { return 0; }
int xenevtchn_unmask(xenevtchn_handle* handle, evtchn_port_t) {
  handle->delivered = false;
  if (std::exchange(handle->latched, false)) handle->raise();
  return 0;
}
xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle* handle) {
  unsigned port = 0;
  return ::read(handle->ends[0], &port, sizeof port) == sizeof port ? static_cast<int>(port) : -1;
}
int xenevtchn_restrict(xenevtchn_handle*, domid_t domain) {
  FakeXen::instance().restricted_to = domain;
  return 0;
}

xengntshr_handle* xengntshr_open(xentoollog_logger*, unsigned) { return new xengntdev_handle{-1}; }
int xengntshr_close(xengntshr_handle* handle) {
  delete handle;
  return 0;
}
void* xengntshr_share_pages(xengntshr_handle*, uint32_t, int count, uint32_t* references, int) {
  const unsigned first = allocate_pages(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) references[i] = first + static_cast<unsigned>(i);
  FakeXen::instance().shared_pages += count;
  return map_pages(first, static_cast<std::size_t>(count), PROT_READ | PROT_WRITE);
}
void* xengntshr_share_page_notify(xengntshr_handle* handle, uint32_t domain, uint32_t* reference, int writable, uint32_t offset,
                                  evtchn_port_t port) {
  void* page = xengntshr_share_pages(handle, domain, 1, reference, writable);
  machine.ring_reference = *reference;
  machine.notices[page] = {static_cast<unsigned char*>(page) + offset, port};
  return page;
}
int xengntshr_unshare(xengntshr_handle*, void* address, uint32_t count) { return unmap(address, count, FakeXen::instance().shared_pages); }

xengnttab_handle* xengnttab_open(xentoollog_logger*, unsigned) { return new xengntdev_handle{::eventfd(0, EFD_CLOEXEC)}; }
int xengnttab_close(xengnttab_handle* handle) {
  if (handle != nullptr) ::close(handle->descriptor);
  delete handle;
  return 0;
}
int xengnttab_fd(xengnttab_handle* handle) { return handle->descriptor; }
void* xengnttab_map_domain_grant_refs(xengnttab_handle*, uint32_t count, uint32_t, uint32_t* references, int protection) {
  FakeXen::instance().mapped_pages += static_cast<int>(count);
  return map_pages(references[0], count, protection);
}
void* xengnttab_map_grant_ref_notify(xengnttab_handle* handle, uint32_t domain, uint32_t reference, int protection, uint32_t offset,
                                     evtchn_port_t port) {
  if (reference >= machine.next_reference) {
    errno = EINVAL;
    return nullptr;
  }
  void* page = xengnttab_map_domain_grant_refs(handle, 1, domain, &reference, protection);
  machine.notices[page] = {static_cast<unsigned char*>(page) + offset, port};
  return page;
}
int xengnttab_unmap(xengnttab_handle*, void* address, uint32_t count) { return unmap(address, count, FakeXen::instance().mapped_pages); }

xs_handle* xs_open(unsigned long) { return new xs_handle; }
void xs_close(xs_handle* handle) { delete handle; }
void* xs_read(xs_handle*, xs_transaction_t, const char* path, unsigned* length) {
  auto& store = FakeXen::instance().store;
  const std::string key = std::strcmp(path, "domid") == 0 ? "domid" : absolute(path);
  const auto found = key == "domid" ? store.end() : store.find(key);
  if (key != "domid" && found == store.end()) {
    errno = ENOENT;
    return nullptr;
  }
  const std::string value = key == "domid" ? "1" : found->second;
  if (length != nullptr) *length = static_cast<unsigned>(value.size());
  return ::strdup(value.c_str());
}
bool xs_write(xs_handle*, xs_transaction_t, const char* path, const void* data, unsigned length) {
  FakeXen::instance().store[absolute(path)] = std::string(static_cast<const char*>(data), length);
  return true;
}
bool xs_rm(xs_handle*, xs_transaction_t, const char* path) {
  const std::string folder = absolute(path);
  return std::erase_if(FakeXen::instance().store, [&](const auto& node) { return node.first == folder || node.first.starts_with(folder + "/"); }) > 0;
}
bool xs_set_permissions(xs_handle*, xs_transaction_t, const char*, xs_permissions*, unsigned) { return true; }
xs_transaction_t xs_transaction_start(xs_handle*) { return 1; }
bool xs_transaction_end(xs_handle*, xs_transaction_t, bool) { return true; }

}  // extern "C"
